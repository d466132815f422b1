//! `run`: another flow, as a run of its own. The step waits for its end, or goes on at
//! once where it is detached.

use crate::decide::{Action, Walk};
use crate::scope::Scope;
use crate::state::{ChildPhase, ChildState};
use dowel_core::journal::{ChildEnd, Event, StopReason};
use dowel_core::{StepPath, Timestamp};
use dowel_flow::plan::{RunFlow, Step};

/// What a step needs whose child has begun, or is to begin again.
pub(crate) fn advance<'p>(
    step: &'p Step,
    plan: &RunFlow,
    child: &ChildState,
    path: StepPath,
    scope: &Scope,
) -> Option<Action<'p>> {
    Some(match &child.phase {
        ChildPhase::Due(due) => Action::BeginChild {
            step,
            path,
            due: *due,
        },
        ChildPhase::AtWork { .. } => Action::Listen {
            due: timeout(plan, child, path),
        },
        // A `return` beside it is about to end the run: it is no failure of the run's.
        ChildPhase::Ended {
            stop: Some(StopReason::Abandoned),
            end: ChildEnd::Failed { .. } | ChildEnd::Cancelled {},
        } => return None,
        ChildPhase::Ended { .. } => Action::Conclude {
            step,
            path,
            scope: scope.clone(),
        },
    })
}

/// When the child is asked to end because it takes too long.
fn timeout(plan: &RunFlow, child: &ChildState, path: StepPath) -> Option<(Timestamp, Event)> {
    let ChildPhase::AtWork {
        run,
        began,
        stop: None,
    } = child.phase
    else {
        return None;
    };
    let stopped = Event::ChildStopped {
        path,
        attempt: child.attempt,
        run,
        reason: StopReason::Timeout,
        // The next child does it all again.
        compensate: true,
    };
    Some((began.plus(plan.timeout?), stopped))
}

/// The children that ended after they had been abandoned, where nothing else is to be done:
/// what was about to go on without them does not.
pub(crate) fn abandoned<'p>(walk: &Walk<'p, '_>) -> Vec<Action<'p>> {
    let ended = walk.state.children("");
    let ended = ended.filter(|(_, child)| matches!(child.phase, ChildPhase::Ended { .. }));
    ended.filter_map(|(path, _)| conclude(walk, path)).collect()
}

fn conclude<'p>(walk: &Walk<'p, '_>, path: &StepPath) -> Option<Action<'p>> {
    let plan = walk.plan;
    Some(Action::Conclude {
        step: plan.step_at(path)?,
        path: path.clone(),
        scope: Scope::of(path),
    })
}

/// What has to happen before a place can be left for good: nobody would hear of the end
/// of a child that goes on. Nothing if no child is at work there.
pub(crate) fn leave<'p>(walk: &Walk<'p, '_>, within: &str, compensate: bool) -> Vec<Action<'p>> {
    let children = walk.state.children(within);
    let actions = children.filter_map(|(path, child)| match child.phase {
        ChildPhase::AtWork {
            run, stop: None, ..
        } => Some(Action::Record(Event::ChildStopped {
            path: path.clone(),
            attempt: child.attempt,
            run,
            reason: StopReason::Abandoned,
            compensate,
        })),
        ChildPhase::AtWork { .. } => Some(Action::Listen { due: None }),
        // It may have ended well after all, and then its step can be undone.
        ChildPhase::Ended {
            end: ChildEnd::Succeeded { .. },
            ..
        } => conclude(walk, path),
        // It ended as it was meant to, and what the run ends with says why.
        ChildPhase::Ended { .. } | ChildPhase::Due(_) => None,
    });
    actions.collect()
}
