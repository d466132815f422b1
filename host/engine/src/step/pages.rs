//! `for_each` over the pages of an operation. Each page is fetched by a call with a
//! path of its own, so it has attempts, limits and a journal like any other call; its
//! arguments follow from the plan and the state.

use super::call;
use crate::decide::{Action, Failure, Progress, Walk};
use crate::scope::Scope;
use crate::state::{CallState, LoopState, Paging, StepState};
use dowel_core::code::run::{
    PAGE_CURSOR_PLACE, PAGE_CURSOR_REPEATED, PAGE_NOT_A_LIST, PAGES_TOO_MANY,
};
use dowel_core::journal::{CallArguments, Event};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp, pointer};
use dowel_flow::plan::{ForEach, Pages, StepKind};
use std::sync::Arc;

/// Pages of one loop: beyond it the upstream hardly means to end.
const MAX_PAGES: u32 = 10_000;

/// Items of all pages of one loop: each costs journal entries.
const MAX_PAGED_ITEMS: usize = 100_000;

pub(super) fn begin(path: &StepPath, input: JsonText) -> Event {
    Event::PagesEntered {
        path: path.clone(),
        input,
    }
}

/// No page is at work: the next one is fetched, or taken up.
pub(super) fn advance<'p>(
    walk: &mut Walk<'p, '_>,
    each: &ForEach,
    plan: &'p Pages,
    items: &LoopState,
    paging: &Paging,
    path: &StepPath,
    scope: &Scope,
) -> Progress {
    let page = path.page(paging.number + 1);
    let state = walk.state;
    let next = match state.steps.get(&page) {
        None => fetch(walk, plan, items, paging, &page, scope),
        Some(StepState::Done(done)) => take_up(each, plan, items, paging, path, &done.value),
        Some(StepState::Failed(failed)) => {
            return Progress::Failed(Failure::new(&page, failed));
        }
        // A person went on without the page, and nobody knows the ones behind it.
        Some(StepState::Skipped) => Ok(Action::Record(Event::BlockEnded {
            path: path.clone(),
            result: super::for_each::result(items),
        })),
        begun => return walk.advance(&plan.fetch, page, begun, scope),
    };
    match next {
        Ok(action) => walk.actions.push(action),
        Err(error) => {
            let event = Event::StepFailed {
                path: path.clone(),
                attempt: None,
                error: error.at(plan.fetch.position.to_string()),
                deliberate: false,
            };
            walk.settle(&format!("{path}["), event);
        }
    }
    Progress::Open
}

fn fetch<'p>(
    walk: &Walk<'p, '_>,
    plan: &'p Pages,
    items: &LoopState,
    paging: &Paging,
    page: &StepPath,
    scope: &Scope,
) -> Result<Action<'p>, StepError> {
    let state = walk.state;
    let StepKind::Call(call) = &plan.fetch.kind else {
        let message = "the plan of the loop has no call that fetches pages";
        return Err(refused(PAGE_CURSOR_PLACE, message.to_owned()));
    };
    if paging.number >= MAX_PAGES {
        let message = format!("the operation has more than {MAX_PAGES} pages");
        return Err(refused(PAGES_TOO_MANY, message));
    }
    if items.offset > MAX_PAGED_ITEMS {
        let message = format!("the pages have more than {MAX_PAGED_ITEMS} items");
        return Err(refused(PAGES_TOO_MANY, message));
    }
    let input = match &paging.next {
        None => Some(paging.input.clone()),
        Some(cursor) => pointer::set(&paging.input, &plan.pagination.cursor_in, cursor),
    };
    let input = input.ok_or_else(|| {
        let message = format!(
            "the input is {} and cannot take the cursor",
            paging.input.type_name()
        );
        refused(PAGE_CURSOR_PLACE, message)
    })?;
    let arguments = CallArguments {
        connection: call.connection.clone(),
        operation: call.operation.clone(),
        effect: call.effect,
        input,
        idempotency_key: call::derived_key(page, state),
    };
    Ok(Action::Attempt {
        plan: call,
        path: page.clone(),
        scope: scope.clone(),
        call: CallState {
            attempt: 0,
            earlier: 0,
            since: state.updated_at,
            arguments: Arc::new(arguments),
        },
        due: Timestamp::default(),
    })
}

fn take_up<'p>(
    each: &ForEach,
    plan: &Pages,
    items: &LoopState,
    paging: &Paging,
    path: &StepPath,
    value: &JsonText,
) -> Result<Action<'p>, StepError> {
    let pagination = &plan.pagination;
    let list = pointer::get(value, &pagination.items);
    let Some(count) = list.and_then(|list| list.items()).map(|list| list.len()) else {
        let message = format!("page {} has no list of items", paging.number + 1);
        return Err(refused(PAGE_NOT_A_LIST, message));
    };
    if items.offset + count > MAX_PAGED_ITEMS {
        let message = format!("the pages have more than {MAX_PAGED_ITEMS} items");
        return Err(refused(PAGES_TOO_MANY, message));
    }
    let next = pointer::get(value, &pagination.cursor_out).filter(|next| !next.is_null());
    let known = [&paging.next, &paging.marker];
    if next.is_some() && known.contains(&&next) {
        let message = format!("page {} leads back to an earlier page", paging.number + 1);
        return Err(refused(PAGE_CURSOR_REPEATED, message));
    }
    Ok(Action::Record(Event::PageEntered {
        path: path.clone(),
        items: pagination.items.clone(),
        next,
        keep: each.is_undoable(),
    }))
}

fn refused(code: dowel_core::code::Code, message: String) -> StepError {
    StepError::host(ErrorKind::Internal, code, message)
}
