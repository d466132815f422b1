//! The catalogue of flows.

use super::{Page, Shown, Tab, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::units::format_duration;
use dowel_engine::{FlowStatus, ItemsQuery};
use dowel_flow::plan::Sla;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds between looks.
const LIVE: u32 = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    label: String,
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Shown {
    let Query(filter) = filter.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let engine = &state.engine;
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    for group in engine.item_groups(&ItemsQuery::default()).await? {
        *open.entry(group.group.flow.to_string()).or_default() += group.count;
    }
    let all = visitor.flows();
    let mut known: Vec<String> = all.iter().flat_map(labels).collect();
    known.sort();
    known.dedup();
    let wanted =
        |flow: &&FlowStatus| filter.label.is_empty() || labels(flow).contains(&filter.label);
    let flows: Vec<&FlowStatus> = all.iter().filter(wanted).collect();
    let body = html! {
        @if !known.is_empty() {
            section .panel aria-label="Filter" {
                form .filters method="get" {
                    (html::select("label", "Label", &filter.label, known.iter().map(|label| (label.as_str(), label.clone()))))
                    button { "Filter" }
                }
            }
        }
        section .panel .flush aria-label="Flows" data-part="flows" {
            @if flows.is_empty() {
                (html::empty("No flow is active here", &html! { p { "A flow is a folder under " code { "flows/" } " in your repository." } }))
            } @else { (table(&flows, &open)) }
        }
    };
    Ok(Page::new(Tab::Flows, "Flows", body).live(LIVE))
}

fn labels(flow: &FlowStatus) -> Vec<String> {
    flow.labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

fn table(flows: &[&FlowStatus], open: &BTreeMap<String, u64>) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Flow" } th scope="col" { "State" } th .num scope="col" { "Exceptions" }
                th scope="col" { "Promise" } th scope="col" { "Owner" } th scope="col" { "Labels" }
            } }
            tbody {
                @for flow in flows {
                    @let count = open.get(flow.flow.as_str()).copied().unwrap_or_default();
                    tr {
                        td .whole {
                            a href=(html::path(&["flows", flow.flow.as_str()])) data-open { (flow.flow) } " " span .soft .nowrap { (flow.version) }
                            @if let Some(description) = &flow.description { div .small .soft { (description) } }
                        }
                        td data-label="State" { (super::overview::health(flow, count)) }
                        td .num data-label="Exceptions" { (html::number(count)) }
                        td data-label="Promise" { @if let Some(sla) = &flow.sla { (promise(sla)) } }
                        td data-label="Owner" { @if let Some(owner) = &flow.owner { (owner) } }
                        td data-label="Labels" { @for label in labels(flow) { span .badge .plain { (label) } " " } }
                    }
                }
            }
        }
    };
    html::scroll("Flows", &table)
}

/// What a flow promises, in words.
pub(super) fn promise(sla: &Sla) -> Markup {
    html! {
        @if let Some(success) = sla.success { div { (success) " succeed" } }
        @if let Some(within) = sla.within { div { "within " (format_duration(within)) } }
        @if let Some(resolve) = sla.resolve { div { "exceptions decided in " (format_duration(resolve)) } }
    }
}
