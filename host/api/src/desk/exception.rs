//! One exception: what happened, what to do, and the choices.

pub(super) mod actions;
mod choices;

use super::exceptions::{class_name, suggestion};
use super::{Failure, Page, Shown, Tab, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, Query, State};
use choices::Draft;
use dowel_core::access::Permission;
use dowel_core::code::run::NO_SUCH_EXCEPTION;
use dowel_core::{RunId, Timestamp};
use dowel_engine::story::{StepStory, Story};
use dowel_engine::{Detail, Item, ItemClass, Recommended, RejectedPayload, Undoing};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// What was decided just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    done: String,
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path(text): Path<String>,
    Query(told): Query<Told>,
) -> Shown {
    let id = id(&text)?;
    if state.engine.has_item(id).await? {
        return show(&state, &visitor, id, None).await;
    }
    closed(&state, id, &told.done).await
}

fn id(text: &str) -> Result<RunId, Problem> {
    let none = |_| {
        Problem::new(
            NO_SUCH_EXCEPTION,
            format!("nothing waits for a person under `{text}`"),
        )
    };
    text.parse().map_err(none)
}

/// Nothing waits any more: what became of it.
async fn closed(state: &ApiState, id: RunId, done: &str) -> Shown {
    let story = state.engine.story(id).await?;
    if story.is_none() && done.is_empty() {
        let message = format!("nothing waits for a person under `{id}`");
        return Err(Failure::from(Problem::new(NO_SUCH_EXCEPTION, message)));
    }
    let body = html! {
        div .note .good {
            strong { "Nothing waits for a person here any more." }
            @if !done.is_empty() { p { "“" (done) "” is recorded and carried out." } }
            @if let Some(story) = &story {
                p { "The run is " (html::badge(story.status.name())) " " (html::run(id)) }
            }
        }
        p .row { a .button .primary href="/desk/exceptions" { "Next exception" } }
    };
    Ok(Page::new(Tab::Exceptions, "Decided", body).below("/desk/exceptions", "Exceptions"))
}

/// The page of an open item, with what somebody has tried to send.
pub(in crate::desk::exception) async fn show(
    state: &ApiState,
    visitor: &Visitor,
    id: RunId,
    draft: Option<&Draft>,
) -> Shown {
    let engine = &state.engine;
    let none = || {
        Problem::new(
            NO_SUCH_EXCEPTION,
            format!("nothing waits for a person under `{id}`"),
        )
    };
    let detail = engine.item(id).await?.ok_or_else(none)?;
    let story = match detail.item.run {
        Some(run) => engine.story(run).await?,
        None => None,
    };
    let now = engine.time();
    let item = &detail.item;
    let body = html! {
        @if let Some(draft) = draft { (draft.problem()) }
        div .split {
            div .stack {
                section .panel aria-labelledby="happened" {
                    h2 #happened { "What happened" }
                    (happened(item, story.as_ref()))
                }
                section .panel aria-labelledby="todo" {
                    h2 #todo { "What to do" }
                    (todo(item))
                }
                @if let Some(undoing) = &detail.undoing { (undone(undoing)) }
                @if let Some(rejected) = &detail.rejected { (came(rejected)) }
                section .panel aria-labelledby="input" {
                    h2 #input { (input_name(item, story.as_ref())) }
                    (html::json(&detail.input))
                    p .small .soft { "Sensitive values are masked." }
                }
                @if let Some(step) = failed_step(item, story.as_ref()) { (ledger(step)) }
            }
            div .stack {
                section .panel aria-labelledby="decide" {
                    h2 #decide { "Decide" }
                    @if visitor.reaches(Permission::Operate, &item.flow) { (choices::list(visitor, &detail, draft)) }
                    @else { p .soft { "Your roles do not decide about exceptions of this flow." } }
                }
                section .panel aria-labelledby="facts" {
                    h2 #facts { "About it" }
                    (facts(state, &detail, now))
                }
            }
        }
    };
    let title = match &item.key {
        Some(key) => format!("{} · {key}", item.flow),
        None => item.flow.to_string(),
    };
    Ok(Page::new(Tab::Exceptions, title, body)
        .below("/desk/exceptions", "Exceptions")
        .beside(html! { (html::badge(class_name(item.class))) @if item.is_overdue(now) { (html::badge("overdue")) } }))
}

fn happened(item: &Item, story: Option<&Story>) -> Markup {
    let own = story.and_then(|story| story.error.as_ref());
    html! {
        // The run's error has details and a place; an item of a loop has its own.
        @if let Some(error) = own.filter(|error| error.code == item.code) { (html::error(error)) }
        @else {
            div .note .bad { strong { (item.message) } p .small { (item.kind) " · " (html::code(&item.code)) } }
        }
        p {
            @if let Some(step) = &item.step { "Step " strong { (step) } " failed" } @else { "It failed" }
            @if item.attempts > 1 { " after " (item.attempts) " attempts" }
            "."
        }
    }
}

fn todo(item: &Item) -> Markup {
    let text = match item.recommended {
        Recommended::Retry => {
            "The cause passes by itself. When the other side works again, retry: the same bytes go out under the same key."
        }
        Recommended::MendAccess => {
            "The credential is missing, expired or not allowed to do this. Mend it first (secrets and grants are the environment's), then retry."
        }
        Recommended::LookUpstream => {
            "The call left the host and nobody knows whether it took effect. Look there: if the effect is there, complete the step by hand; if it is not, retry."
        }
        Recommended::EditInput => {
            "The other side refused the input. Correct it and send it again; it goes out under another key."
        }
        Recommended::MendFlow => {
            "The flow or the connector does something wrong. Mend it, then retry on the new version, or rerun."
        }
        Recommended::UndoByHand => {
            "Not everything could be undone. Undo the rest by hand, then complete the step that failed."
        }
        Recommended::Rerun => {
            "The flow says that this run fails. If its reason does not hold any more, rerun the event; otherwise discard it."
        }
        Recommended::Resubmit => {
            "The flow did not take the payload. Mend the flow or the sender, then submit the payload again; or correct it here."
        }
    };
    html! {
        p { strong { (suggestion(item.recommended)) ". " } (text) }
        @if let Some(runbook) = &item.runbook { p { "Runbook, in the repository: " code { (runbook) } } }
        @else { p .soft { "The flow has no runbook: add " code { "runbook" } " to it." } }
        @if let Some(owner) = &item.owner { p { "Owner of the flow: " strong { (owner) } } }
    }
}

fn input_name(item: &Item, story: Option<&Story>) -> &'static str {
    match item.class {
        ItemClass::Quarantined => "The payload",
        ItemClass::LoopItem => "The item of the loop",
        _ if failed_step(item, story).is_some_and(|step| step.input.is_some()) => {
            "Input of the step"
        }
        _ => "The payload",
    }
}

fn failed_step<'s>(item: &Item, story: Option<&'s Story>) -> Option<&'s StepStory> {
    let path = item.step.as_ref()?;
    story?.steps.iter().find(|step| step.path == *path)
}

/// What is known about the effect of the call.
fn ledger(step: &StepStory) -> Markup {
    let Some(key) = &step.idempotency_key else {
        return html! {};
    };
    html! {
        section .panel aria-labelledby="ledger" {
            h2 #ledger { "The call in the ledger" }
            dl .facts {
                @if let (Some(connection), Some(operation)) = (&step.connection, &step.operation) {
                    dt { "Operation" } dd { (connection) "." (operation) }
                }
                dt { "Idempotency key" } dd .id { (key) }
                dt { "First sent" } dd { (html::exact_time(step.started_at)) }
            }
            @for attempt in &step.attempts {
                p .small {
                    "Attempt " (attempt.number) ", " (html::exact_time(attempt.started_at)) ": "
                    @match &attempt.error { Some(error) => (error.message), None => "answered" }
                }
            }
        }
    }
}

fn undone(undoing: &Undoing) -> Markup {
    html! {
        section .panel aria-labelledby="undone" {
            h2 #undone { "What is undone" }
            dl .facts {
                dt { "Undone" } dd { @if undoing.undone.is_empty() { "nothing" } @for path in &undoing.undone { div { (path) } } }
                dt { "Not undone" } dd { @if undoing.not_undone.is_empty() { "nothing" } @for path in &undoing.not_undone { div { (path) } } }
            }
        }
    }
}

/// How a rejected payload came.
fn came(payload: &RejectedPayload) -> Markup {
    html! {
        @if !payload.violations.is_empty() {
            section .panel .flush aria-labelledby="breaks" {
                h2 #breaks { "Where it breaks the schema" }
                (html::violations(&payload.violations))
            }
        }
        section .panel aria-labelledby="came" {
            h2 #came { "How it came" }
            dl .facts {
                dt { "Trigger" } dd { (payload.trigger) }
                @if !payload.path.is_empty() { dt { "Path" } dd { (payload.path) } }
                dt { "Size" } dd { (html::number(payload.bytes)) " bytes" @if payload.is_cut { ", of which the beginning is kept" } }
                @for (name, value) in &payload.headers { dt { (name) } dd { (value) } }
            }
        }
    }
}

fn facts(state: &ApiState, detail: &Detail, now: Timestamp) -> Markup {
    let item = &detail.item;
    html! {
        dl .facts {
            @if let Some(run) = item.run { dt { "Run" } dd { (html::run(run)) } }
            dt { "Flow" } dd { (html::flow(&item.flow)) @if let Some(version) = &item.version { " " (version) } }
            @if item.commit.is_some() { dt { "Commit" } dd { (html::commit(state, item.commit.as_deref())) } }
            @if let Some(key) = &item.key { dt { "Business key" } dd { (key) } }
            dt { "Opened" } dd { (html::exact_time(item.opened_at)) " (" (html::ago(item.opened_at, now)) ")" }
            dt { "Due" } dd { (html::exact_time(item.due_at)) " (" (html::ago(item.due_at, now)) ")" }
            @if !detail.behind.is_empty() {
                dt { "Runs behind it" }
                dd { (detail.behind.len()) " wait for the same key" @if let Some(next) = detail.behind.first() { ", next " (html::run(*next)) } }
            }
            @for (connection, connector) in &detail.connectors {
                dt { (connection) } dd { (connector.name) " " (connector.version) div .id .small { (connector.digest) } }
            }
        }
    }
}
