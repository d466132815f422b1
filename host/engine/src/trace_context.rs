//! W3C Trace Context, level 1: the run's own trace where the request brought none, and what
//! a run tells those whom it calls.

use dowel_core::journal::RunCreated;
use dowel_core::trace::{self, TraceParent};
use dowel_core::units::Share;
use dowel_core::{RunId, StepPath};

/// A `traceparent` (section 3.2) whose trace id is the run's id and whose parent id is the
/// run's span; recorded if it is of the share.
pub(crate) fn begin(run: RunId, share: Share) -> String {
    let begun = TraceParent {
        trace: run.as_u128(),
        parent: trace::run_span(run),
        flags: u8::from(trace::is_of_share(run, share)),
    };
    begun.to_string()
}

/// Whether a text is a `traceparent` of version 00 that may be passed on.
pub(crate) fn is_valid(text: &str) -> bool {
    TraceParent::parse(text).is_some()
}

/// What the upstream of a call is told: it is part of the attempt.
pub(crate) fn of_attempt(created: &RunCreated, step: &StepPath, attempt: u32) -> Option<String> {
    let span = trace::attempt_span(created.run, step, attempt);
    within(created, span)
}

/// What those are told who take an event that a step emitted.
pub(crate) fn of_step(created: &RunCreated, step: &StepPath) -> Option<String> {
    within(created, trace::step_span(created.run, step))
}

fn within(created: &RunCreated, span: u64) -> Option<String> {
    let context = TraceParent::parse(created.traceparent.as_deref()?)?;
    Some(context.within(span).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;

    #[test]
    fn what_is_begun_is_valid_and_says_whether_it_is_recorded() {
        let run = RunId::new(Timestamp::from_millis(1), [7; 10]);
        let all = TraceParent::parse(&begin(run, Share::ALL)).unwrap();
        assert_eq!(all.trace, run.as_u128());
        assert!(all.is_sampled());
        let none = begin(run, Share::parse("0%").unwrap());
        assert!(is_valid(&none) && !TraceParent::parse(&none).unwrap().is_sampled());
    }
}
