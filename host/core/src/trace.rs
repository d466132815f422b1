//! Identities of spans (W3C Trace Context, level 1, section 3.2.2). They are derived from
//! runs, steps and attempts, so that whoever knows these can name the span: nothing has
//! to be kept for it.

use crate::units::Share;
use crate::{Digest, RunId, StepPath};

/// The parts of a `traceparent` of version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: u128,
    /// The span that the next one is part of.
    pub parent: u64,
    /// The flags; bit 0 says that the caller records the trace.
    pub flags: u8,
}

impl TraceParent {
    /// Reads a `traceparent`; nothing if it is none of version 00.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let mut hex = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length)?;
            let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let number = part.bytes().all(is_hex).then_some(part)?;
            u128::from_str_radix(number, 16).ok()
        };
        let (version, trace, parent, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let found = Self {
            trace,
            parent: u64::try_from(parent).ok()?,
            flags: u8::try_from(flags).ok()?,
        };
        let is_whole = version == 0 && parts.next().is_none();
        (is_whole && found.trace != 0 && found.parent != 0).then_some(found)
    }

    /// Whether the caller records the trace.
    pub const fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }

    /// The same trace, for what is part of another span.
    #[must_use]
    pub const fn within(self, span: u64) -> Self {
        Self {
            parent: span,
            ..self
        }
    }
}

impl std::fmt::Display for TraceParent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            trace,
            parent,
            flags,
        } = self;
        write!(f, "00-{trace:032x}-{parent:016x}-{flags:02x}")
    }
}

/// Whether the trace that a run begins is one of this share of all traces.
pub fn is_of_share(run: RunId, share: Share) -> bool {
    run.as_u128() % 10_000 < u128::from(share.hundredths())
}

/// The span of a run: the random half of its id.
pub fn run_span(run: RunId) -> u64 {
    let half = run.as_u128() & u128::from(u64::MAX);
    u64::try_from(half).unwrap_or(1).max(1)
}

/// The span of a step of a run.
pub fn step_span(run: RunId, step: &StepPath) -> u64 {
    derived(&format!("{run} {}", step.as_str()))
}

/// The span of an attempt of a call.
pub fn attempt_span(run: RunId, step: &StepPath, attempt: u32) -> u64 {
    derived(&format!("{run} {} {attempt}", step.as_str()))
}

fn derived(text: &str) -> u64 {
    let digest = Digest::of(text);
    let first = digest.bytes().first_chunk::<8>();
    first.map_or(1, |bytes| u64::from_be_bytes(*bytes)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn a_traceparent_round_trips_and_junk_is_none() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = TraceParent::parse(text).unwrap();
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), text);
        assert_eq!(
            parent.within(7).to_string(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000007-01"
        );
        for bad in [
            "",
            "00-0-0-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_differ_by_run_step_and_attempt() {
        let run = |n| RunId::new(Timestamp::from_millis(n), [3; 10]);
        let path = |text: &str| serde_json::from_str::<StepPath>(&format!("\"{text}\"")).unwrap();
        let spans = [
            step_span(run(1), &path("a")),
            step_span(run(2), &path("a")),
            step_span(run(1), &path("b")),
            attempt_span(run(1), &path("a"), 1),
            attempt_span(run(1), &path("a"), 2),
        ];
        let unique: std::collections::BTreeSet<u64> = spans.into();
        assert_eq!(unique.len(), spans.len());
    }
}
