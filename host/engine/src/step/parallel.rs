//! `parallel`: branches at the same time. `join: all` waits for every branch; `join:
//! any` goes on with the first, lets the calls of the others come to their end, and
//! undoes what they did where that is declared.

use crate::decide::{Action, Failure, Progress, Walk};
use crate::scope::Scope;
use crate::state::{ParallelState, StepState};
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, JsonText, StepId, StepPath};
use dowel_flow::plan::{Join, Parallel};

pub(crate) fn begin(path: &StepPath) -> Event {
    Event::ParallelEntered { path: path.clone() }
}

pub(crate) fn advance<'p>(
    walk: &mut Walk<'p, '_>,
    plan: &'p Parallel,
    state: &ParallelState,
    path: &StepPath,
    scope: &Scope,
) -> Progress {
    if plan.join == Join::Any && state.first.is_some() {
        return finish_any(walk, plan, state, path);
    }
    if state.results.len() == plan.branches.len() {
        end(walk, plan, state, path);
        return Progress::Open;
    }
    let before = walk.actions.len();
    let mut failures = Vec::new();
    for branch in &plan.branches {
        if state.results.contains_key(&branch.name) {
            continue;
        }
        match walk.block(&branch.steps, &scope.branch(path, &branch.name)) {
            Progress::Open => {}
            Progress::Ended(result) => walk.actions.push(Action::Record(Event::BranchEnded {
                path: path.clone(),
                branch: branch.name.clone(),
                result,
            })),
            Progress::Failed(failure) => failures.push(failure),
        }
    }
    let is_lost = match plan.join {
        Join::All => !failures.is_empty(),
        // Nobody may go on without a call that may have taken effect.
        Join::Any => failures.len() == plan.branches.len() || failures.iter().any(is_uncertain),
    };
    match failures.into_iter().next() {
        Some(failure) if is_lost => {
            walk.actions.truncate(before);
            Progress::Failed(failure)
        }
        _ => Progress::Open,
    }
}

fn is_uncertain(failure: &Failure) -> bool {
    failure.error.kind == ErrorKind::UnknownOutcome
}

/// One branch has won: the others do nothing new, and what they did is undone.
fn finish_any<'p>(
    walk: &mut Walk<'p, '_>,
    plan: &'p Parallel,
    state: &ParallelState,
    path: &StepPath,
) -> Progress {
    let within = format!("{path}[");
    let uncertain = walk
        .state
        .steps
        .iter()
        .find_map(|(inner, step)| match step {
            StepState::Failed(failed)
                if inner.as_str().starts_with(&within)
                    && failed.error.kind == ErrorKind::UnknownOutcome =>
            {
                Some(Failure::new(inner, failed))
            }
            _ => None,
        });
    if let Some(failure) = uncertain {
        return Progress::Failed(failure);
    }
    let loser = |name: &StepId| Some(name) != state.first.as_ref();
    let place = |name: &StepId| format!("{path}[{name}].");
    let undo = plan
        .branches
        .iter()
        .filter(|branch| loser(&branch.name))
        .map(|branch| place(&branch.name))
        .find(|place| !walk.undoable(place).is_empty());
    match undo {
        Some(place) => {
            let event = Event::CompensationBegan {
                error: None,
                path: None,
                within: place,
            };
            walk.settle(&within, event);
        }
        None => {
            let event = Event::BlockEnded {
                path: path.clone(),
                result: result(plan, state),
            };
            walk.settle(&within, event);
        }
    }
    Progress::Open
}

fn end(walk: &mut Walk<'_, '_>, plan: &Parallel, state: &ParallelState, path: &StepPath) {
    walk.actions.push(Action::Record(Event::BlockEnded {
        path: path.clone(),
        result: result(plan, state),
    }));
}

/// The branches' results by name; `null` for a branch that did not come to its end.
fn result(plan: &Parallel, state: &ParallelState) -> JsonText {
    let null = JsonText::null();
    let results = plan.branches.iter().map(|branch| {
        let result = state.results.get(&branch.name).unwrap_or(&null);
        (branch.name.as_str(), result)
    });
    JsonText::object(results)
}
