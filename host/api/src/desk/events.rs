//! Events that no flow took.

use super::{Page, Shown, Tab, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use dowel_core::RunId;
use dowel_core::code::api::BAD_REQUEST;
use dowel_engine::Undelivered;
use dowel_engine::mask::mask;
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Events on a page.
const PAGE: usize = 25;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    cursor: String,
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Shown {
    let Query(asked) = asked.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let cursor = Some(asked.cursor.as_str()).filter(|text| !text.is_empty());
    let before = cursor.map(str::parse::<RunId>).transpose();
    let before =
        before.map_err(|_| Problem::new(BAD_REQUEST, "the cursor is not one of this list"))?;
    let mut page = state.engine.undelivered(before, PAGE).await?;
    page.entries
        .retain(|entry| visitor.sees(&entry.refusal.flow));
    let next = page
        .next
        .map(|id| html::with_query("/desk/events", &[("cursor", &id.to_string())]));
    let first = cursor.map(|_| "/desk/events");
    let body = html! {
        p .soft { "Events that a flow has a trigger for and did not take." }
        @if page.entries.is_empty() {
            div .panel { (html::empty("Every event was taken", &html! { p { "An event whose flow refuses it, for example because its data breaks the schema of the trigger, is kept here with the reason." } })) }
        }
        @for entry in &page.entries { (one(entry)) }
        (html::pager(next.as_deref(), first))
    };
    Ok(Page::new(Tab::Events, "Events that were not taken", body))
}

fn one(entry: &Undelivered) -> Markup {
    let refusal = &entry.refusal;
    html! {
        article .panel {
            div .bar {
                h2 { (html::flow(&refusal.flow)) ", trigger " (refusal.trigger) }
                (html::exact_time(entry.at))
            }
            div .note .bad { strong { (refusal.message) } @if !refusal.violations.is_empty() { (html::violations(&refusal.violations)) } p .small { (html::code(&refusal.code.to_string())) } }
            (html::value("The event", &mask(&entry.event)))
        }
    }
}
