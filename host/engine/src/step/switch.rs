//! `switch`: takes the first branch whose condition holds.

use super::Values;
use crate::decide::{Action, Progress, block};
use crate::scope::Scope;
use crate::state::RunState;
use dowel_core::StepPath;
use dowel_core::journal::Event;
use dowel_flow::plan::Block;

pub(crate) fn begin(cases: usize, path: &StepPath, values: &mut Values) -> Event {
    let holds = |value: dowel_core::JsonText| !matches!(value.as_str(), "false" | "null");
    let case = (0..cases).find(|_| holds(values.take()));
    Event::BranchTaken {
        path: path.clone(),
        case,
    }
}

pub(crate) fn advance<'p>(
    cases: &'p [Block],
    default: Option<&'p Block>,
    taken: Option<usize>,
    path: StepPath,
    state: &RunState,
    scope: &Scope,
    actions: &mut Vec<Action<'p>>,
) {
    let branch = match taken {
        Some(case) => cases.get(case),
        None => default,
    };
    let steps = branch.map(Vec::as_slice).unwrap_or_default();
    if let Progress::Ended(result) = block(steps, state, scope, actions) {
        actions.push(Action::Record(Event::BlockEnded { path, result }));
    }
}
