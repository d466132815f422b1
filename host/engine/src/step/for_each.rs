//! `for_each` over a list: several items at the same time, each with steps of its own.

use super::{Values, pages};
use crate::decide::{Action, Progress, Walk};
use crate::scope::Scope;
use crate::state::{ItemEnd, LoopState, MAX_RESULTS_BYTES};
use dowel_core::code::run::{LOOP_NOT_A_LIST, LOOP_TOO_LONG, LOOP_TOO_MANY_FAILED};
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, JsonText, StepError, StepPath};
use dowel_flow::plan::{ForEach, OnItemFailure};

/// The longest list: each item costs journal entries, and a run's journal is folded
/// in memory.
pub(crate) const MAX_ITEMS: usize = 10_000;

/// A share of fewer items says little while further pages are to come.
const MIN_JUDGED: usize = 1_000;

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
    walk: &mut Walk<'p, '_>,
    each: &'p ForEach,
    items: &LoopState,
    path: &StepPath,
    scope: &Scope,
) -> Progress {
    if let Some(error) = too_many_failed(each.on_item_failure, items) {
        let within = format!("{path}[");
        let event = Event::StepFailed {
            path: path.clone(),
            attempt: None,
            error,
            deliberate: false,
        };
        walk.settle(&within, event);
        return Progress::Open;
    }
    let all_ended = items.ended == items.items.len();
    match (&each.pages, &items.paging) {
        (Some(_), Some(paging)) if paging.is_open && all_ended => {
            let path = path.clone();
            walk.actions.push(Action::Record(Event::PageEnded { path }));
            return Progress::Open;
        }
        (Some(plan), Some(paging)) if !paging.is_open && !paging.is_over() => {
            return pages::advance(walk, each, plan, items, paging, path, scope);
        }
        _ => {}
    }
    if all_ended {
        walk.actions.push(Action::Record(Event::BlockEnded {
            path: path.clone(),
            result: result(items),
        }));
        return Progress::Open;
    }
    let before = walk.actions.len();
    let parallel = usize::try_from(each.parallel).unwrap_or(usize::MAX);
    for index in items.window(parallel) {
        match walk.block(&each.steps, &scope.item(path, index)) {
            Progress::Open => {}
            Progress::Ended(result) => walk.actions.push(Action::Record(Event::ItemEnded {
                path: path.clone(),
                index,
                result,
                keep: each.is_undoable(),
            })),
            Progress::Failed(failure) if each.on_item_failure == OnItemFailure::Stop => {
                // Nothing new is begun; whoever takes the failure waits for open calls.
                walk.actions.truncate(before);
                return Progress::Failed(failure);
            }
            Progress::Failed(failure) => {
                let event = Event::ItemFailed {
                    path: path.clone(),
                    index,
                    step: failure.path,
                    error: failure.error,
                };
                walk.settle(&format!("{path}[{index}]."), event);
            }
        }
    }
    Progress::Open
}

/// The error of a loop of which more items failed than the flow puts up with.
fn too_many_failed(policy: OnItemFailure, items: &LoopState) -> Option<StepError> {
    let OnItemFailure::Collect {
        fail_above: Some(limit),
    } = policy
    else {
        return None;
    };
    let (failed, all) = (items.failed, items.offset + items.items.len());
    if let Some(paging) = &items.paging
        && (paging.is_open || (!paging.is_over() && all < MIN_JUDGED))
    {
        return None;
    }
    if !limit.is_exceeded(failed, all) {
        return None;
    }
    let message = format!("{failed} of {all} items failed, more than {limit}");
    Some(StepError::host(
        ErrorKind::Internal,
        LOOP_TOO_MANY_FAILED,
        message,
    ))
}

/// `{succeeded, failed, items}`; a large list of results is left out. An item that
/// failed is `null` in the list.
pub(super) fn result(items: &LoopState) -> JsonText {
    if let Some(paging) = &items.paging {
        return counts(items.offset, items.failed, paging.results.as_deref());
    }
    let null = JsonText::null();
    let results: Vec<&JsonText> = items
        .ends
        .iter()
        .map(|end| match end {
            Some(ItemEnd::Succeeded(result)) => result,
            _ => &null,
        })
        .collect();
    let size: usize = results.iter().map(|result| result.as_str().len()).sum();
    let results: Vec<JsonText> = results.into_iter().cloned().collect();
    let small = (size <= MAX_RESULTS_BYTES).then_some(results.as_slice());
    counts(results.len(), items.failed, small)
}

fn counts(all: usize, failed: usize, results: Option<&[JsonText]>) -> JsonText {
    let count = |n: usize| JsonText::of(&n).unwrap_or_else(|_| JsonText::null());
    let (succeeded, failed) = (count(all - failed), count(failed));
    let list = results.map(JsonText::array);
    let mut fields = vec![("succeeded", &succeeded), ("failed", &failed)];
    fields.extend(list.as_ref().map(|list| ("items", list)));
    JsonText::object(fields)
}
