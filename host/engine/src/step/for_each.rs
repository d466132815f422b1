//! `for_each` over a list: several items at the same time, each with steps of its own.

use super::Values;
use crate::decide::{Action, Progress, block};
use crate::scope::Scope;
use crate::state::{LoopState, RunState};
use dowel_core::code::run::{LOOP_NOT_A_LIST, LOOP_TOO_LONG};
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, JsonText, StepError, StepPath};
use dowel_flow::plan::Step;

/// The longest list: each item costs journal entries, and a run's journal is folded
/// in memory.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// A list of results up to this size, in bytes of JSON, is part of the step's value.
const MAX_RESULTS_BYTES: usize = 256 << 10;

pub(crate) fn begin(path: &StepPath, values: &mut Values) -> Result<Event, StepError> {
    let list = values.take();
    let Some(items) = list.items() else {
        let message = format!(
            "`for_each.in` yielded {} where a list is needed",
            list.type_name()
        );
        return Err(StepError::host(
            ErrorKind::InvalidInput,
            LOOP_NOT_A_LIST,
            message,
        ));
    };
    if items.len() > MAX_ITEMS {
        let message = format!(
            "the list has {} items, {MAX_ITEMS} are allowed",
            items.len()
        );
        return Err(StepError::host(
            ErrorKind::InvalidInput,
            LOOP_TOO_LONG,
            message,
        ));
    }
    Ok(Event::LoopEntered {
        path: path.clone(),
        items: list,
    })
}

pub(crate) fn advance<'p>(
    parallel: u32,
    steps: &'p [Step],
    items: &LoopState,
    path: &StepPath,
    state: &RunState,
    scope: &Scope,
    actions: &mut Vec<Action<'p>>,
) {
    if items.ended == items.items.len() {
        actions.push(Action::Record(Event::BlockEnded {
            path: path.clone(),
            result: result(items),
        }));
        return;
    }
    let parallel = usize::try_from(parallel).unwrap_or(usize::MAX);
    for index in items.window(parallel) {
        if let Progress::Ended(result) = block(steps, state, &scope.item(path, index), actions) {
            actions.push(Action::Record(Event::ItemEnded {
                path: path.clone(),
                index,
                result,
            }));
        }
    }
}

/// `{succeeded, failed, items}`; a large list of results is left out.
fn result(items: &LoopState) -> JsonText {
    let results: Vec<&JsonText> = items.results.iter().flatten().collect();
    let size: usize = results.iter().map(|result| result.as_str().len()).sum();
    let count = |n: usize| JsonText::of(&n).unwrap_or_else(|_| JsonText::null());
    let (succeeded, failed) = (count(results.len()), count(0));
    let list = JsonText::array(if size <= MAX_RESULTS_BYTES {
        results
    } else {
        Vec::new()
    });
    let mut fields = vec![("succeeded", &succeeded), ("failed", &failed)];
    if size <= MAX_RESULTS_BYTES {
        fields.push(("items", &list));
    }
    JsonText::object(fields)
}
