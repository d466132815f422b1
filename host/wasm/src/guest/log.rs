//! What guests write to the run's log: capped, masked, on one line each.

use crate::bindings::dowel::connector::host::Level;
use crate::scope::CallScope;
use crate::text::{cut, plain};
use std::borrow::Cow;

/// Lines of one call. More is a loop, not a log.
const MAX_LINES: u32 = 200;

/// Bytes of one call.
const MAX_BYTES: usize = 64 * 1024;

/// Bytes of one line; the rest is cut.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// What a call may still write.
pub(crate) struct LogBudget {
    lines: u32,
    bytes: usize,
}

impl Default for LogBudget {
    fn default() -> Self {
        Self {
            lines: MAX_LINES,
            bytes: MAX_BYTES,
        }
    }
}

/// Whether a line may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Write,
    /// The first one that is dropped.
    SayCut,
    Drop,
}

impl LogBudget {
    fn spend(&mut self, bytes: usize) -> Verdict {
        if self.lines == 0 {
            return Verdict::Drop;
        }
        if self.lines == 1 || bytes > self.bytes {
            self.lines = 0;
            return Verdict::SayCut;
        }
        self.lines -= 1;
        self.bytes -= bytes;
        Verdict::Write
    }
}

/// Writes one line. `fields` is JSON text.
pub(crate) fn write(scope: &CallScope, level: Level, message: &str, fields: Option<&str>) {
    let message = cut(message, MAX_LINE_BYTES);
    let fields = fields.map_or("", |fields| cut(fields, MAX_LINE_BYTES));
    match scope.log.lock().spend(message.len() + fields.len()) {
        Verdict::Write => {}
        Verdict::SayCut => return emit(scope, Level::Warn, "the connector's log is cut here", ""),
        Verdict::Drop => return,
    }
    let redactor = scope.granted.as_ref().map(|g| &g.gateway().redactor);
    let clean = |text| match redactor {
        Some(redactor) => redactor.clean(text),
        None => Cow::Borrowed(text),
    };
    let (message, fields) = (clean(message), clean(fields));
    let (message, fields) = (plain(&message), plain(&fields));
    if let Some(wire) = &scope.wire {
        wire.logged(&format!("{message} {fields}"));
    }
    emit(scope, level, &message, &fields);
}

fn emit(scope: &CallScope, level: Level, message: &str, fields: &str) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "dowel::guest",
                connection = scope.connection(),
                run = %scope.run,
                step = %scope.step,
                fields,
                "{message}"
            )
        };
    }
    match level {
        Level::Trace => line!(trace),
        Level::Debug => line!(debug),
        Level::Info => line!(info),
        Level::Warn => line!(warn),
        Level::Error => line!(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_ends_with_one_notice() {
        let mut budget = LogBudget::default();
        let verdicts: Vec<_> = (0..1000).map(|_| budget.spend(10)).collect();
        let count = |verdict| verdicts.iter().filter(|v| **v == verdict).count();
        assert_eq!(count(Verdict::SayCut), 1);
        assert_eq!(count(Verdict::Write), MAX_LINES as usize - 1);
    }

    #[test]
    fn long_lines_use_up_the_bytes() {
        let mut budget = LogBudget::default();
        let written = (0..1000)
            .filter(|_| budget.spend(MAX_LINE_BYTES) == Verdict::Write)
            .count();
        assert_eq!(written, MAX_BYTES / MAX_LINE_BYTES);
    }
}
