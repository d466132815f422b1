//! What happened, in order. The same seed gives the same lines.

use crate::time::SimClock;
use dowel_core::Digest;
use dowel_core::port::Clock;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name, as `docs/simulation.md` lists it.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// The log of one simulation. Clones share it.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<Written>>, SimClock);

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    violations: Vec<Violation>,
}

impl Log {
    pub(crate) fn new(clock: SimClock) -> Self {
        Self(Arc::default(), clock)
    }

    /// Adds a line.
    pub(crate) fn line(&self, text: impl fmt::Display) {
        let line = format!("{} {text}", self.1.now());
        self.0.lock().lines.push(line);
    }

    /// A point in the order of everything that happened.
    pub(crate) fn tick(&self) -> u64 {
        self.0.lock().lines.len() as u64
    }

    /// Notes that an invariant does not hold.
    pub(crate) fn violated(&self, invariant: &'static str, what: impl fmt::Display) {
        let what = what.to_string();
        self.line(format_args!("VIOLATION {invariant}: {what}"));
        self.0.lock().violations.push(Violation { invariant, what });
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> (Vec<String>, Vec<Violation>) {
        let written = std::mem::take(&mut *self.0.lock());
        (written.lines, written.violations)
    }
}

/// The digest of a log.
pub(crate) fn digest(lines: &[String]) -> Digest {
    Digest::of(lines.join("\n"))
}
