//! From what somebody knows to what they look for.

use super::{Page, Tab, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::{FlowName, RunId};
use dowel_engine::RunSummary;
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, super::Failure> {
    let Query(asked) = asked.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let words = asked.q.trim();
    if let Some(place) = place(&state, words).await? {
        return Ok(Redirect::to(&place).into_response());
    }
    let runs = find(&state, &visitor, words).await?;
    if let [only] = runs.as_slice() {
        let place = html::path(&["runs", &only.id.to_string()]);
        return Ok(Redirect::to(&place).into_response());
    }
    Ok(results(&state, words, &runs).into_response())
}

/// A page that is named exactly.
async fn place(state: &ApiState, words: &str) -> Result<Option<String>, super::Failure> {
    let engine = &state.engine;
    if let Ok(id) = words.parse::<RunId>() {
        let id_text = id.to_string();
        if engine.story(id).await?.is_some() {
            return Ok(Some(html::path(&["runs", &id_text])));
        }
        if engine.item(id).await?.is_some() {
            return Ok(Some(html::path(&["exceptions", &id_text])));
        }
        if engine.bulk(id).await.is_ok() {
            return Ok(Some(html::path(&["bulk", &id_text])));
        }
    }
    if let Ok(flow) = FlowName::new(words)
        && engine.flows().contains(&flow)
    {
        return Ok(Some(html::path(&["flows", words])));
    }
    let code = words.parse::<dowel_core::code::Code>();
    let known = code
        .ok()
        .filter(|code| words.len() > 4 && code.entry().is_some());
    Ok(known.map(|code| html::path(&["codes", &code.to_string()])))
}

/// Runs by business key or by the id of their trace.
async fn find(
    state: &ApiState,
    visitor: &Visitor,
    words: &str,
) -> Result<Vec<RunSummary>, super::Failure> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let mut runs = state.engine.runs_by_key(words).await?;
    runs.extend(state.engine.runs_by_trace(words).await?);
    runs.retain(|run| visitor.sees(&run.flow));
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    runs.dedup_by_key(|run| run.id);
    Ok(runs)
}

fn results(state: &ApiState, words: &str, runs: &[RunSummary]) -> Page {
    let body = html! {
        section .panel .flush aria-label="Runs that were found" {
            @if runs.is_empty() { (nothing(words)) }
            @else { (super::runs::table(runs, state.engine.time())) }
        }
    };
    let title = format!("Search: {words}");
    Page::new(Tab::Runs, title, body)
}

fn nothing(words: &str) -> Markup {
    html::empty(
        "Nothing was found",
        &html! {
            p { "Search knows the id of a run, exception or bulk operation, the business key of an event exactly as the flow's " code { "dedupe" } " makes it, the trace id of a " code { "traceparent" } ", a flow and an error code." }
            p { "A payload that its flow refused is at the " a href="/desk/exceptions?class=quarantined" { "exception desk" } " under quarantined. An event that no flow took is under " a href="/desk/events" { "events" } "." }
            @if !words.is_empty() { p { "Runs that retention has removed are not found any more." } }
        },
    )
}
