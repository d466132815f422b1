//! Bulk operations: one decision about many exceptions, with its progress.

use super::exceptions::Chosen;
use super::exceptions::action;
use super::form::{Fields, decided};
use super::{Failure, Page, Shown, Tab, Visitor, html};
use crate::access::Form;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, State};
use axum::response::Response;
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::desk::BULK_UNBOUNDED;
use dowel_core::code::run::NO_SUCH_BULK;
use dowel_core::connection::Rate;
use dowel_core::{RunId, Timestamp};
use dowel_engine::{Bulk, BulkChange, BulkFailure, BulkState};
use maud::{Markup, html};
use std::sync::Arc;
use std::time::Duration;

/// Operations in the list.
const LISTED: usize = 50;

/// Seconds between looks while an operation works.
const LIVE: u32 = 1;

/// `POST /desk/bulk`.
pub(super) async fn begin(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    form: Form,
) -> Result<Response, Failure> {
    let chosen = Chosen::of_form(&form)?;
    if chosen.is_unsaid() {
        let message = "say that everything is meant, or narrow the query";
        return Err(Problem::new(BULK_UNBOUNDED, message).into());
    }
    let decision = action::read(form.text("action").unwrap_or_default(), &form)?;
    let rate = form.text("rate").map(str::parse::<Rate>).transpose();
    let rate = rate.map_err(|_| {
        Problem::new(
            BAD_REQUEST,
            "the rate is a number and a period, such as 50/s",
        )
    })?;
    let deciding = visitor.deciding(form.reason()?);
    let query = chosen.query()?;
    visitor.require(Permission::Operate, query.flow.as_ref())?;
    let begun = state.engine.begin_bulk(&query, decision, deciding, rate);
    let bulk = begun.await?;
    Ok(decided(&html::path(&["bulk", &bulk.id.to_string()])))
}

/// `GET /desk/bulk`.
pub(super) async fn list(State(state): State<Arc<ApiState>>, visitor: Visitor) -> Shown {
    let (mut bulks, _) = state.engine.bulks(None, LISTED).await?;
    bulks.retain(|bulk| {
        let flow = bulk.query.flow.as_ref();
        visitor.require(Permission::Read, flow).is_ok()
    });
    let now = state.engine.time();
    let body = html! {
        section .panel .flush aria-label="Bulk operations" data-part="bulk" {
            @if bulks.is_empty() {
                (html::empty("No bulk operation yet", &html! { p { "Pick exceptions at the " a href="/desk/exceptions" { "exception desk" } ", or narrow the list, and decide about all of them at once: you see what it would be about before anything changes." } }))
            } @else { (table(&bulks, now)) }
        }
    };
    Ok(Page::new(Tab::Exceptions, "Bulk operations", body)
        .below("/desk/exceptions", "Exceptions")
        .live(LIVE * 5))
}

fn table(bulks: &[Bulk], now: Timestamp) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Operation" } th scope="col" { "State" } th .num scope="col" { "Done" }
                th .num scope="col" { "Failed" } th .num scope="col" { "Of" } th scope="col" { "Who" } th scope="col" { "Begun" }
            } }
            tbody {
                @for bulk in bulks {
                    tr {
                        td .whole {
                            a href=(html::path(&["bulk", &bulk.id.to_string()])) data-open { (bulk.action.name()) " " (html::number(bulk.total)) }
                            @if let Some(reason) = &bulk.deciding.reason { div .small .soft { (reason) } }
                        }
                        td data-label="State" { (html::badge(bulk.state.name())) }
                        td .num data-label="Done" { (html::number(bulk.done)) }
                        td .num data-label="Failed" { (html::number(bulk.failed)) }
                        td .num data-label="Of" { (html::number(bulk.total)) }
                        td data-label="Who" { (bulk.deciding.actor) }
                        td data-label="Begun" { (html::time(bulk.created_at, now)) }
                    }
                }
            }
        }
    };
    html::scroll("Bulk operations", &table)
}

fn id(text: &str) -> Result<RunId, Problem> {
    let none = |_| Problem::new(NO_SUCH_BULK, format!("there is no bulk operation `{text}`"));
    text.parse().map_err(none)
}

/// `GET /desk/bulk/{id}`.
pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path(text): Path<String>,
) -> Shown {
    let (bulk, failures) = state.engine.bulk(id(&text)?).await?;
    visitor.require(Permission::Read, bulk.query.flow.as_ref())?;
    let now = state.engine.time();
    let body = html! {
        section .panel aria-labelledby="progress" data-part="progress" { (progress(&bulk, now)) }
        div data-part="controls" { (controls(&bulk, &visitor)) }
        div data-part="failures" {
            @if !failures.is_empty() {
                section .panel .flush aria-labelledby="failures" {
                    h2 #failures { "Those that did not allow it" }
                    (failed(&failures))
                }
            }
        }
    };
    let title = format!(
        "{} {} exceptions",
        bulk.action.name(),
        html::number(bulk.total)
    );
    let page = Page::new(Tab::Exceptions, title, body)
        .below("/desk/exceptions", "Exceptions")
        .below("/desk/bulk", "Bulk operations")
        .beside(html! { span data-part="badge" { (html::badge(bulk.state.name())) } });
    Ok(if bulk.state == BulkState::Running {
        page.live(LIVE)
    } else {
        page
    })
}

fn progress(bulk: &Bulk, now: Timestamp) -> Markup {
    html! {
        h2 #progress { "Progress" }
        progress max=(bulk.total.max(1)) value=(bulk.position) aria-labelledby="progress" {}
        p {
            strong { (html::number(bulk.position)) } " of " (html::number(bulk.total)) " dealt with: "
            (html::number(bulk.done)) " done, " (html::number(bulk.failed)) " did not allow it."
            @if bulk.left_out > 0 { " " (html::number(bulk.left_out)) " were left out." }
        }
        @if let Some(left) = time_left(bulk, now) { p .soft { "About " (html::span(left)) " left." } }
        dl .facts {
            dt { "Decided by" } dd { (bulk.deciding.actor) @if let Some(other) = &bulk.deciding.confirmed_by { ", confirmed by " (other) } }
            @if let Some(reason) = &bulk.deciding.reason { dt { "Reason" } dd { (reason) } }
            @if let Some(rate) = &bulk.rate { dt { "Rate" } dd { (rate) } }
            dt { "Begun" } dd { (html::exact_time(bulk.created_at)) }
            dt { "Last change" } dd { (html::exact_time(bulk.updated_at)) }
        }
    }
}

/// By the pace so far.
fn time_left(bulk: &Bulk, now: Timestamp) -> Option<Duration> {
    let left = u32::try_from(bulk.total.checked_sub(bulk.position)?).ok()?;
    let done = u32::try_from(bulk.position).ok().filter(|done| *done > 0)?;
    let is_running = bulk.state == BulkState::Running && left > 0;
    is_running.then(|| now.since(bulk.created_at) * left / done)
}

fn controls(bulk: &Bulk, visitor: &Visitor) -> Markup {
    let choices: &[(&str, &str)] = match bulk.state {
        BulkState::Running => &[("pause", "Pause"), ("cancel", "End it")],
        BulkState::Paused => &[("resume", "Go on"), ("cancel", "End it")],
        BulkState::Proposed => &[("cancel", "Take it back")],
        BulkState::Done | BulkState::Cancelled => &[],
    };
    let id = bulk.id.to_string();
    html! {
        @if bulk.state == BulkState::Proposed {
            div .note .warn { p { "It waits for a second person: " a href="/desk/approvals" { "approvals" } "." } }
        }
        @if !choices.is_empty() && visitor.may(Permission::Operate) {
            form method="post" .panel {
                (visitor.field())
                div .row {
                    @for (name, text) in choices { button formaction=(html::path(&["bulk", &id, name])) { (text) } }
                }
            }
        }
    }
}

fn failed(failures: &[BulkFailure]) -> Markup {
    let table = html! {
        table .cards {
            thead { tr { th scope="col" { "Exception" } th scope="col" { "Code" } th scope="col" { "Why" } } }
            tbody {
                @for failure in failures {
                    tr {
                        td .whole { a .id href=(html::path(&["exceptions", &failure.id.to_string()])) data-open { (failure.id) } }
                        td data-label="Code" { (html::code(&failure.code)) }
                        td data-label="Why" { (failure.reason) }
                    }
                }
            }
        }
    };
    html::scroll("Those that did not allow it", &table)
}

/// `POST /desk/bulk/{id}/{change}`.
pub(super) async fn change(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path((text, change)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let id = id(&text)?;
    let change = match change.as_str() {
        "pause" => BulkChange::Pause,
        "resume" => BulkChange::Resume,
        "cancel" => BulkChange::Cancel,
        _ => return Err(Failure::no_such_page()),
    };
    let deciding = visitor.deciding(form.reason()?);
    let (known, _) = state.engine.bulk(id).await?;
    visitor.require(Permission::Operate, known.query.flow.as_ref())?;
    state.engine.change_bulk(id, change, &deciding).await?;
    Ok(decided(&html::path(&["bulk", &text])))
}
