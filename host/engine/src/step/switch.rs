//! `switch`: takes the first branch whose condition holds.

use super::Values;
use crate::decide::{Action, Progress, Walk};
use crate::scope::Scope;
use dowel_core::journal::Event;
use dowel_core::{JsonText, StepPath};
use dowel_flow::plan::Block;

pub(crate) fn begin(cases: usize, path: &StepPath, values: &mut Values) -> Event {
    let holds = |value: JsonText| !matches!(value.as_str(), "false" | "null");
    let case = (0..cases).find(|_| holds(values.take()));
    Event::BranchTaken {
        path: path.clone(),
        case,
    }
}

pub(crate) fn advance<'p>(
    walk: &mut Walk<'p, '_>,
    cases: &'p [Block],
    default: Option<&'p Block>,
    taken: Option<usize>,
    path: StepPath,
    scope: &Scope,
) -> Progress {
    let branch = match taken {
        Some(case) => cases.get(case),
        None => default,
    };
    let progress = match branch {
        Some(steps) => walk.block(steps, scope),
        None => Progress::Ended(JsonText::null()),
    };
    match progress {
        Progress::Ended(result) => {
            walk.actions
                .push(Action::Record(Event::BlockEnded { path, result }));
            Progress::Open
        }
        other => other,
    }
}
