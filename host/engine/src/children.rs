//! Runs that run each other: what tells the children of one step apart, and what
//! parents and children tell each other.
//!
//! A child is written in the batch of the parent's entry that names it. What one of them
//! tells the other is a message in the other's inbox, written in the batch of the entry
//! that it is about. So nothing of it is lost, and nothing of it happens twice.

use crate::engine::Shared;
use crate::inbox::{self, Message};
use crate::state::{RunState, RunStatus};
use dowel_core::journal::{Actor, ChildEnd, Command, Commanded, Entry, Event, ParentRun};
use dowel_core::port::{Batch, StoreError};
use dowel_core::{Digest, JsonText, RunId};

/// The first generation that is drawn and not counted. No step has as many children.
const FIRST_DRAWN: u32 = 1_000_000;

/// The generation of a child. Explicit idempotency keys contain it, so no two runs of the
/// same payload may share one: children of one step are counted as long as nobody has run
/// the parent's event again; after that the number is drawn from what identifies the child.
pub(crate) fn generation(parent: &RunState, child: &ParentRun) -> u32 {
    match parent.created.generation {
        1 => child.attempt,
        _ => drawn(&format!("{}.{}.{}", child.run, child.step, child.attempt)),
    }
}

/// The generation of a run that takes the place of a child.
pub(crate) fn rerun_generation(child: RunId) -> u32 {
    drawn(&child.to_string())
}

fn drawn(text: &str) -> u32 {
    let digest = Digest::of(text);
    let mut first = [0; 4];
    first.copy_from_slice(&digest.bytes()[..4]);
    let span = u32::MAX - FIRST_DRAWN;
    FIRST_DRAWN + u32::from_be_bytes(first) % span
}

/// Adds to the batch of a turn what the run tells its parent and its children. Returns
/// the runs that are to be told when the batch is written.
pub(crate) fn tell(
    shared: &Shared,
    state: &RunState,
    entries: &[Entry],
    listed: RunStatus,
    batch: &mut Batch,
) -> Result<Vec<RunId>, StoreError> {
    let mut told = Vec::new();
    for entry in entries {
        if let Event::ChildStopped {
            run, compensate, ..
        } = entry.event
        {
            inbox::add(shared, batch, run, &stop(state, compensate))?;
            told.push(run);
        }
    }
    let Some(parent) = &state.created.parent else {
        return Ok(told);
    };
    // A run that was run again tells nothing: the other one does.
    let is_last = state.rerun_as.is_none() && !parent.detached;
    if is_last && has_ended(state.status) && !has_ended(listed) {
        let message = Message::ChildEnded {
            path: parent.step.clone(),
            attempt: parent.attempt,
            run: state.created.run,
            end: end(state, entries),
        };
        inbox::add(shared, batch, parent.run, &message)?;
        told.push(parent.run);
    }
    Ok(told)
}

/// Whether a parent hears of it: one that waits for a person may still end well.
const fn has_ended(status: RunStatus) -> bool {
    status.is_at_rest() && !matches!(status, RunStatus::Parked)
}

fn stop(parent: &RunState, compensate: bool) -> Message {
    let run = parent.created.run;
    Message::Command(Commanded {
        actor: Actor(format!("run {run}")),
        reason: Some("the step that began the run does not wait for it any more".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
        command: Command::Cancel { compensate },
    })
}

fn end(state: &RunState, entries: &[Entry]) -> ChildEnd {
    match (state.status, &state.error) {
        (RunStatus::Succeeded | RunStatus::SucceededWithFailures, _) => {
            let mut last_first = entries.iter().rev();
            let output = last_first.find_map(|entry| match &entry.event {
                Event::Succeeded { output, .. } => Some(output.clone()),
                _ => None,
            });
            ChildEnd::Succeeded {
                output: output.unwrap_or_else(JsonText::null),
            }
        }
        (RunStatus::Failed | RunStatus::Compensated, Some((error, _))) => ChildEnd::Failed {
            error: error.clone(),
        },
        _ => ChildEnd::Cancelled {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_generations_meet_no_counted_one() {
        let all = ["a", "b", "c"].map(drawn);
        assert!(all.iter().all(|one| *one >= FIRST_DRAWN));
        assert!(all[0] != all[1] && all[1] != all[2]);
        assert_eq!(drawn("a"), all[0]);
    }
}
