//! `try`: steps whose failure other steps answer.

use crate::decide::{Action, Failure, Progress, Walk};
use crate::scope::Scope;
use crate::state::Caught;
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, StepPath};
use dowel_flow::plan::{Catch, Try};

pub(crate) fn begin(path: &StepPath) -> Event {
    Event::TryEntered { path: path.clone() }
}

pub(crate) fn advance<'p>(
    walk: &mut Walk<'p, '_>,
    plan: &'p Try,
    caught: Option<&Caught>,
    path: StepPath,
    scope: &Scope,
) -> Progress {
    let before = walk.actions.len();
    let progress = match caught.map(|caught| plan.catch.get(caught.clause)) {
        None => walk.block(&plan.steps, scope),
        Some(Some(clause)) => walk.block(&clause.steps, &scope.catch(&path)),
        Some(None) => Progress::Open,
    };
    match progress {
        Progress::Ended(result) => {
            walk.actions
                .push(Action::Record(Event::BlockEnded { path, result }));
            Progress::Open
        }
        Progress::Failed(failure) if caught.is_none() => {
            let Some(clause) = plan.catch.iter().position(|catch| takes(catch, &failure)) else {
                return Progress::Failed(failure);
            };
            walk.actions.truncate(before);
            let within = path.place().to_owned();
            let event = Event::Caught {
                path,
                clause,
                step: failure.path,
                error: failure.error,
            };
            walk.settle(&within, event);
            Progress::Open
        }
        other => other,
    }
}

/// A clause without kinds takes every error but one: what to do about a call that may
/// have taken effect is a person's decision unless the flow names it.
fn takes(catch: &Catch, failure: &Failure) -> bool {
    let kind = failure.error.kind;
    if catch.kinds.is_empty() {
        kind != ErrorKind::UnknownOutcome
    } else {
        catch.kinds.contains(&kind)
    }
}
