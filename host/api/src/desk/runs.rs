//! The list of runs.

use super::{Page, Shown, Tab, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::id::InvalidName;
use dowel_core::{FlowName, Timestamp};
use dowel_engine::state::RunStatus;
use dowel_engine::{RunSummary, RunsQuery};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Runs on a page.
const PAGE: usize = 50;

/// Seconds between looks at the first page.
const LIVE: u32 = 5;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    flow: String,
    status: String,
    key: String,
    cursor: String,
}

impl Filter {
    /// What the engine is asked. A field that is empty does not count.
    fn query(&self) -> Result<RunsQuery, Problem> {
        let bad = |e: InvalidName| Problem::new(BAD_REQUEST, e.to_string());
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let status = given(&self.status).map(|name| {
            let all = RunStatus::ALL.into_iter();
            let mut known = all.filter(|status| status.name() == name);
            let unknown = || Problem::new(BAD_REQUEST, format!("there is no status `{name}`"));
            known.next().ok_or_else(unknown)
        });
        Ok(RunsQuery {
            flow: given(&self.flow)
                .map(|name| FlowName::new(&name))
                .transpose()
                .map_err(bad)?,
            status: status.transpose()?,
            before: given(&self.cursor)
                .map(|id| id.parse())
                .transpose()
                .map_err(bad)?,
            limit: PAGE,
        })
    }

    fn with_cursor(&self, cursor: &str) -> String {
        let parameters = [
            ("flow", self.flow.as_str()),
            ("status", &self.status),
            ("cursor", cursor),
        ];
        html::with_query("/desk/runs", &parameters)
    }
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Shown {
    let Query(filter) = filter.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let engine = &state.engine;
    let (mut runs, next) = if filter.key.is_empty() {
        let page = engine.runs(&filter.query()?).await?;
        (page.runs, page.next)
    } else {
        (engine.runs_by_key(&filter.key).await?, None)
    };
    runs.retain(|run| visitor.sees(&run.flow));
    let next = next.map(|next| filter.with_cursor(&next.to_string()));
    let first = (!filter.cursor.is_empty()).then(|| filter.with_cursor(""));
    let is_filtered =
        !(filter.flow.is_empty() && filter.status.is_empty() && filter.key.is_empty());
    let body = html! {
        section .panel .flush aria-label="Runs" {
            div .bar { (filters(&visitor, &filter)) }
            div data-part="runs" {
                @if runs.is_empty() { (nothing(is_filtered, next.is_some())) }
                @else { (table(&runs, engine.time())) }
            }
        }
        (html::pager(next.as_deref(), first.as_deref()))
    };
    let page = Page::new(Tab::Runs, "Runs", body);
    Ok(if filter.cursor.is_empty() {
        page.live(LIVE)
    } else {
        page
    })
}

fn filters(visitor: &Visitor, filter: &Filter) -> Markup {
    let flows = visitor.flows();
    let flows = flows
        .iter()
        .map(|flow| (flow.flow.as_str(), flow.flow.to_string()));
    let statuses = RunStatus::ALL.map(|status| (status.name(), status.name().replace('_', " ")));
    html! {
        form .filters method="get" {
            (html::select("flow", "Flow", &filter.flow, flows))
            (html::select("status", "Status", &filter.status, statuses))
            label { "Business key" input name="key" value=(filter.key); }
            button { "Filter" }
            a .button href="/desk/runs" { "Clear" }
        }
    }
}

fn nothing(is_filtered: bool, is_more: bool) -> Markup {
    match (is_filtered, is_more) {
        (true, true) => html::empty(
            "None among the runs looked at so far",
            &html! { p { "Older runs have not been looked at: go on with “Older”." } },
        ),
        (true, false) => html::empty(
            "No run matches",
            &html! { p { "Widen the filter. Finished runs are removed when their retention ends." } },
        ),
        (false, _) => html::empty(
            "No run yet",
            &html! { p { "A run begins when a webhook, an event or a schedule triggers a flow. Try one by hand: " code { "dowel run <flow> --payload '{}'" } "." } },
        ),
    }
}

/// Runs as rows.
pub(super) fn table(runs: &[RunSummary], now: Timestamp) -> Markup {
    if runs.is_empty() {
        return nothing(false, false);
    }
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Run" } th scope="col" { "Status" } th scope="col" { "Flow" }
                th scope="col" { "Business key" } th scope="col" { "Accepted" } th .num scope="col" { "Took" }
                th scope="col" { "Error" }
            } }
            tbody { @for run in runs { (row(run, now)) } }
        }
    };
    html::scroll("Runs", &table)
}

fn row(run: &RunSummary, now: Timestamp) -> Markup {
    let took = run
        .status
        .is_at_rest()
        .then(|| html::span(run.updated_at.since(run.created_at)));
    html! {
        tr {
            td .whole { (html::run_short(run.id)) }
            td data-label="Status" { (html::badge(run.status.name())) }
            td data-label="Flow" { (html::flow(&run.flow)) " " span .soft .nowrap { (run.version) } }
            td data-label="Business key" { @if let Some(key) = &run.dedupe_key { (key) } }
            td data-label="Accepted" { (html::time(run.created_at, now)) }
            td .num data-label="Took" { @if let Some(took) = took { (took) } }
            td data-label="Error" { @if let Some(code) = &run.error_code { (html::code(code)) } }
        }
    }
}
