//! The overview: which flows are well, what waits, what wants a person.

use super::{Page, Shown, Tab, Visitor, html};
use crate::state::ApiState;
use axum::extract::State;
use dowel_engine::{ConnectionStatus, FlowStatus, GroupStatus, ItemsQuery, RunsQuery};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Groups of exceptions that are shown; the exception desk has them all.
const GROUPS: usize = 6;

/// The latest runs that are shown.
const RUNS: usize = 8;

/// Seconds between looks.
const LIVE: u32 = 5;

pub(super) async fn page(State(state): State<Arc<ApiState>>, visitor: Visitor) -> Shown {
    let engine = &state.engine;
    let mut groups = engine.item_groups(&ItemsQuery::default()).await?;
    groups.retain(|status| visitor.sees(&status.group.flow));
    let latest = RunsQuery {
        limit: RUNS,
        ..RunsQuery::default()
    };
    let mut latest = engine.runs(&latest).await?;
    latest.runs.retain(|run| visitor.sees(&run.flow));
    let (flows, now) = (visitor.flows(), engine.time());
    let body = html! {
        div data-part="counts" { (counts(&state, &flows, &groups)) }
        div .split {
            div .stack {
                section .panel .flush aria-labelledby="flows" data-part="flows" {
                    h2 #flows { "Flows" }
                    (flow_table(&flows, &groups))
                }
                section .panel .flush aria-labelledby="latest" data-part="latest" {
                    div .bar { h2 #latest { "Latest runs" } a href="/desk/runs" { "All runs" } }
                    (super::runs::table(&latest.runs, now))
                }
            }
            div .stack {
                section .panel .flush aria-labelledby="open" data-part="groups" {
                    div .bar { h2 #open { "Open exceptions by cause" } a href="/desk/exceptions" { "All" } }
                    (group_list(&groups))
                }
                section .panel aria-labelledby="connections" data-part="connections" {
                    h2 #connections { "Connections that hold runs up" }
                    (troubled(&engine.connections()))
                }
            }
        }
    };
    Ok(Page::new(Tab::Overview, "Overview", body).live(LIVE))
}

fn counts(state: &ApiState, flows: &[FlowStatus], groups: &[GroupStatus]) -> Markup {
    let engine = &state.engine;
    let (working, unfinished) = (engine.working(), engine.unfinished());
    let disabled = flows.iter().filter(|flow| !flow.enabled).count() as u64;
    let exceptions = groups.iter().map(|status| status.count).sum();
    let stat = |href: &str, number: u64, text: &str, is_bad: bool| {
        html! {
            a .stat .bad[is_bad] href=(href) { b { (html::number(number)) } span { (text) } }
        }
    };
    html! {
        div .stats {
            (stat("/desk/exceptions", exceptions, "open exceptions", exceptions > 0))
            (stat("/desk/approvals", engine.approval_count(), "approvals to decide", false))
            (stat("/desk/runs?status=running", working, "runs at work or queued", false))
            (stat("/desk/runs?status=waiting", unfinished.saturating_sub(working), "runs that wait", false))
            (stat("/desk/flows", flows.len() as u64, "flows", false))
            @if disabled > 0 { (stat("/desk/flows", disabled, "flows disabled", true)) }
        }
    }
}

fn flow_table(flows: &[FlowStatus], groups: &[GroupStatus]) -> Markup {
    let mut open: BTreeMap<&str, u64> = BTreeMap::new();
    for group in groups {
        *open.entry(group.group.flow.as_str()).or_default() += group.count;
    }
    let count = |flow: &FlowStatus| open.get(flow.flow.as_str()).copied().unwrap_or_default();
    // What wants somebody stands first; the names keep the rest in order.
    let mut flows: Vec<&FlowStatus> = flows.iter().collect();
    flows.sort_by_key(|flow| (flow.enabled, std::cmp::Reverse(count(flow))));
    if flows.is_empty() {
        return html::empty(
            "No flow is active here",
            &html! { p { "A flow is a folder under " code { "flows/" } " in your repository. " code { "dowel flow new" } " begins one; restart the host to take it up." } },
        );
    }
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Flow" } th scope="col" { "State" }
                th .num scope="col" { "Exceptions" } th scope="col" { "Owner" }
            } }
            tbody {
                @for flow in flows {
                    tr {
                        td .whole {
                            (html::flow(&flow.flow)) " " span .soft .nowrap { (flow.version) }
                            @if let Some(description) = &flow.description { div .small .soft { (description) } }
                        }
                        td data-label="State" { (health(flow, count(flow))) }
                        td .num data-label="Exceptions" { (html::number(count(flow))) }
                        td data-label="Owner" { (flow.owner.as_deref().unwrap_or("—")) }
                    }
                }
            }
        }
    };
    html::scroll("Flows", &table)
}

/// How a flow is, in a word.
pub(super) fn health(flow: &FlowStatus, exceptions: u64) -> Markup {
    html! {
        @if !flow.enabled { (html::badge("disabled")) }
        @else if exceptions > 0 { span .badge .warn { "needs attention" } }
        @else { span .badge .good { "healthy" } }
        @if flow.stopped > 0 { div .small .soft { (flow.stopped) " runs stopped" } }
    }
}

fn group_list(groups: &[GroupStatus]) -> Markup {
    if groups.is_empty() {
        return html::empty(
            "Nothing waits for a person",
            &html! { p { "A run that fails or cannot go on appears here, with its cause and what to do." } },
        );
    }
    let table = html! {
        table {
            thead { tr { th scope="col" { "Cause" } th .num scope="col" { "Open" } } }
            tbody {
                @for status in groups.iter().take(GROUPS) {
                    @let group = &status.group;
                    @let href = html::with_query("/desk/exceptions", &[
                        ("flow", group.flow.as_str()), ("step", &group.step), ("code", &group.code),
                    ]);
                    tr {
                        td {
                            a href=(href) { (status.oldest.message) }
                            div .small .soft { (group.flow) @if !group.step.is_empty() { " · " (group.step) } " · " (html::code(&group.code)) }
                        }
                        td .num { (html::number(status.count)) }
                    }
                }
            }
        }
    };
    html::scroll("Open exceptions by cause", &table)
}

fn troubled(connections: &[ConnectionStatus]) -> Markup {
    let held = connections.iter().filter(|connection| {
        let breaker = connection.breaker.map(|breaker| breaker.name());
        connection.waiting > 0 || !matches!(breaker, None | Some("closed"))
    });
    let held: Vec<&ConnectionStatus> = held.collect();
    html! {
        @if held.is_empty() { p .soft { "None: every breaker is closed and nobody waits for a turn." } }
        @else {
            ul {
                @for connection in held {
                    li {
                        a href="/desk/connections" { (connection.connection) } " "
                        @if let Some(breaker) = connection.breaker { (html::badge(breaker.name())) }
                        " " (connection.waiting) " waiting"
                    }
                }
            }
        }
    }
}
