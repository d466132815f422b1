//! What follows when a run has failed or is to end early: undoing, in reverse order,
//! what had succeeded, or a person.

use super::{Action, Walk};
use crate::decide::walk::Failure;
use crate::scope::Scope;
use crate::state::{Cancel, Compensation, RunState, StepState};
use crate::step::run;
use dowel_core::StepError;
use dowel_core::journal::Event;

/// What a failure that nothing caught means for the run.
pub(super) fn failed(walk: &Walk<'_, '_>, failure: Failure) -> Event {
    let Failure {
        path,
        error,
        deliberate,
    } = failure;
    let compensates = walk.plan.on_failure.compensate.contains(&error.kind);
    if compensates && !walk.undoable("").is_empty() {
        return Event::CompensationBegan {
            error: Some(error),
            path: Some(path),
            within: String::new(),
        };
    }
    let path = Some(path);
    // The flow says that this kind needs no person, and there is nothing to undo.
    if deliberate || compensates {
        return Event::Failed { error, path };
    }
    Event::Parked { error, path }
}

/// What a limit that was reached means for the run.
pub(super) fn overrun(walk: &Walk<'_, '_>, error: &StepError) -> Event {
    let error = error.clone();
    if !walk.plan.on_failure.compensate.contains(&error.kind) {
        return Event::Parked { error, path: None };
    }
    if walk.undoable("").is_empty() {
        return Event::Failed { error, path: None };
    }
    Event::CompensationBegan {
        error: Some(error),
        path: None,
        within: String::new(),
    }
}

/// How a run ends that a person cancelled.
pub(super) fn cancelled(walk: &Walk<'_, '_>, cancel: Cancel) -> Event {
    if cancel.compensate && !walk.undoable("").is_empty() {
        return Event::CompensationBegan {
            error: None,
            path: None,
            within: String::new(),
        };
    }
    Event::Cancelled {}
}

/// Undoes the step that ended last and is not undone yet.
pub(super) fn advance(walk: &mut Walk<'_, '_>, compensation: &Compensation) {
    let children = run::leave(walk, &compensation.within, true);
    if !children.is_empty() {
        walk.actions.extend(children);
        return;
    }
    for path in walk.undoable(&compensation.within) {
        let undo = path.compensation();
        let begun = walk.state.steps.get(&undo);
        match begun {
            Some(StepState::Done(_) | StepState::Skipped) => continue,
            Some(StepState::Failed(failed)) => {
                let event = Event::Parked {
                    error: failed.error.clone(),
                    path: Some(undo),
                };
                return walk.settle("", event);
            }
            _ => {}
        }
        let Some(step) = walk.plan.step_at(&undo) else {
            continue;
        };
        walk.advance(step, undo, begun, &Scope::of(path));
        return;
    }
    walk.actions
        .push(Action::Record(ended(walk.state, compensation)));
}

/// The event that ends a compensation.
fn ended(state: &RunState, compensation: &Compensation) -> Event {
    if !compensation.within.is_empty() {
        return Event::CompensationEnded {};
    }
    match state.cancel {
        Some(_) => Event::Cancelled {},
        None => Event::Compensated {
            error: compensation.error.clone(),
        },
    }
}
