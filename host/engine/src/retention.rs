//! Housekeeping: finished runs are removed by age and by number, dedupe keys at the end
//! of their window.
//!
//! The index of finished runs is in order of their end, so a sweep looks at what it
//! removes and little else. It works in small slices, each of which is whole by itself:
//! it can be interrupted anywhere and goes on with what is still there.

mod count;
mod dedupe;
mod remove;
mod sweep;

pub(crate) use count::FinishedRuns;
pub use sweep::Swept;
pub(crate) use sweep::{once, work};

use crate::keys::{self, EndClass};
use crate::state::{RunState, RunStatus};

/// How an ended run is kept; nothing for a run that has not ended, such as a parked one.
fn class(status: RunStatus) -> Option<EndClass> {
    match status {
        RunStatus::Succeeded => Some(EndClass::Good),
        RunStatus::SucceededWithFailures
        | RunStatus::Failed
        | RunStatus::Compensated
        | RunStatus::Cancelled => Some(EndClass::Bad),
        RunStatus::Pending
        | RunStatus::Running
        | RunStatus::Waiting
        | RunStatus::Compensating
        | RunStatus::Parked => None,
    }
}

/// The index entry of a run, if it has ended.
pub(crate) fn index_entry(state: &RunState) -> Option<Vec<u8>> {
    let created = &state.created;
    let class = class(state.status)?;
    Some(keys::finished(
        &created.flow,
        class,
        state.updated_at,
        created.run,
    ))
}
