//! One flow: how it is, how it did, what it is made of.

mod charts;
mod versions;

use super::form::{Fields, decided};
use super::{Failure, Page, Shown, Tab, Visitor, html};
use crate::access::Form;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use charts::Window;
use dowel_core::FlowName;
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_FLOW};
use dowel_engine::kpi::Picture;
use dowel_engine::{FlowStatus, GroupStatus, ItemsQuery, RunsQuery, ScheduleStatus};
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;
use std::sync::Arc;

/// The latest runs that are shown.
const RUNS: usize = 10;

/// Seconds between looks.
const LIVE: u32 = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    window: String,
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path(name): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Shown {
    let Query(asked) = asked.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let engine = &state.engine;
    let none = || Problem::new(NO_SUCH_FLOW, format!("there is no active flow `{name}`"));
    let all = visitor.flows();
    let flow = all
        .into_iter()
        .find(|flow| flow.flow.as_str() == name)
        .ok_or_else(none)?;
    let of_flow = ItemsQuery {
        flow: Some(flow.flow.clone()),
        ..ItemsQuery::default()
    };
    let groups = engine.item_groups(&of_flow).await?;
    let latest = RunsQuery {
        flow: Some(flow.flow.clone()),
        limit: RUNS,
        ..RunsQuery::default()
    };
    let latest = engine.runs(&latest).await?;
    let schedules = engine.schedules().await?;
    let exceptions = groups.iter().map(|group| group.count).sum();
    let steps = html::with_query("/desk/exceptions", &[("flow", &name)]) + "&step=";
    let picture_of = engine.picture(&flow.flow, &steps);
    let window = Window::read(&asked.window);
    let kpi = engine.kpi(&flow.flow, window.span());
    let marks = engine.activations(&flow.flow).await?;
    let markers = versions::markers(&marks, &kpi, window.span());
    let by_version = engine.version_kpis(&flow.flow);
    let body = html! {
        @if let Some(description) = &flow.description { p { (description) } }
        (picture(picture_of.as_ref()))
        (charts::section(&flow, window, &kpi, &markers))
        (versions::section(&flow, &by_version, &marks))
        div .split {
            div .stack {
                section .panel .flush aria-labelledby="latest" data-part="latest" {
                    div .bar { h2 #latest { "Latest runs" } a href=(html::with_query("/desk/runs", &[("flow", &name)])) { "All runs" } }
                    (super::runs::table(&latest.runs, engine.time()))
                }
                @if !groups.is_empty() { (causes(&flow, &groups)) }
            }
            div .stack {
                section .panel aria-labelledby="facts" data-part="facts" {
                    h2 #facts { "About this flow" }
                    (facts(&flow, &schedules))
                }
                section .panel aria-labelledby="switch" {
                    h2 #switch { "Kill switch" }
                    (switch_form(&flow, &visitor))
                }
            }
        }
    };
    let beside = html! {
        span .soft { (flow.version) }
        span data-part="health" { (super::overview::health(&flow, exceptions)) }
    };
    Ok(Page::new(Tab::Flows, name, body)
        .below("/desk/flows", "Flows")
        .beside(beside)
        .live(LIVE))
}

/// The picture, and the same in words.
fn picture(picture: Option<&Picture>) -> Markup {
    html! {
        @if let Some(picture) = picture {
            section .panel aria-labelledby="picture" data-part="picture" {
                h2 #picture { "Picture" }
                div .figure-flow tabindex="0" role="group" aria-label="Steps as a picture" { (PreEscaped(&picture.svg)) }
                p .small .soft { "Numbers on a step: runs that wait for a person there now, how often it ended since the host began to work, and the share that failed. A step leads to its open exceptions." }
                details #outline .value {
                    summary { "The same in words" }
                    pre tabindex="0" { (picture.outline) }
                }
            }
        }
    }
}

fn causes(flow: &FlowStatus, groups: &[GroupStatus]) -> Markup {
    let table = html! {
        table {
            thead { tr { th scope="col" { "Cause" } th .num scope="col" { "Open" } } }
            tbody {
                @for status in groups {
                    @let href = html::with_query("/desk/exceptions", &[
                        ("flow", flow.flow.as_str()), ("step", &status.group.step), ("code", &status.group.code),
                    ]);
                    tr {
                        td { a href=(href) { (status.oldest.message) } div .small .soft { @if !status.group.step.is_empty() { (status.group.step) " · " } (html::code(&status.group.code)) } }
                        td .num { (html::number(status.count)) }
                    }
                }
            }
        }
    };
    html! {
        section .panel .flush aria-labelledby="causes" data-part="causes" {
            h2 #causes { "Open exceptions by cause" }
            (html::scroll("Open exceptions by cause", &table))
        }
    }
}

fn facts(flow: &FlowStatus, schedules: &[ScheduleStatus]) -> Markup {
    let own = schedules
        .iter()
        .filter(|schedule| schedule.flow == flow.flow);
    html! {
        dl .facts {
            dt { "Version" } dd { (flow.version) }
            dt { "Owner" } dd { (flow.owner.as_deref().unwrap_or("nobody is named")) }
            @if let Some(runbook) = &flow.runbook { dt { "Runbook" } dd { code { (runbook) } } }
            @if let Some(sla) = &flow.sla { dt { "Promise" } dd { (super::flows::promise(sla)) } }
            @for (name, value) in &flow.labels { dt { (name) } dd { (value) } }
            @for schedule in own {
                dt { "Fires" }
                dd {
                    (schedule.trigger)
                    @if let Some(next) = schedule.next { ", next " (html::exact_time(next)) }
                }
            }
        }
    }
}

fn switch_form(flow: &FlowStatus, visitor: &Visitor) -> Markup {
    let (word, title) = match flow.enabled {
        true => ("disable", "Disable the flow"),
        false => ("enable", "Enable the flow"),
    };
    html! {
        @if let Some(decision) = &flow.decision {
            p { (if decision.enabled { "Enabled" } else { "Disabled" }) " by " (decision.actor) ", " (html::exact_time(decision.at)) ": " (decision.reason) }
        }
        @if flow.disabled_in_file {
            p { "The environment file disables it; it is enabled there." }
        } @else if !visitor.reaches(Permission::Switch, &flow.flow) {
            p .soft { "Your roles do not turn it." }
        } @else {
            p .soft { @if flow.enabled { "Disabled, it takes no events, and its runs stop before their next step." } @else { "Enabled, it takes events again, and its runs go on." } }
            details .choice {
                summary { b { (title) } }
                form method="post" action=(html::path(&["flows", flow.flow.as_str(), word])) {
                    label { "Reason" input name="reason" required maxlength="1000"; }
                    (visitor.field())
                    div { button .bad[flow.enabled] .primary[!flow.enabled] { (title) } }
                }
            }
        }
    }
}

/// `POST /desk/flows/{flow}/{switch}`.
pub(super) async fn switch(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path((name, switch)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let enabled = match switch.as_str() {
        "enable" => true,
        "disable" => false,
        _ => return Err(Failure::no_such_page()),
    };
    let flow = FlowName::new(&name).map_err(|e| Problem::new(NO_SUCH_FLOW, e.to_string()))?;
    let missing = || Problem::new(BAD_REQUEST, "say why: `Reason` is empty");
    let reason = form.reason()?.ok_or_else(missing)?;
    let deciding = visitor.deciding(Some(reason));
    state.engine.switch_flow(&flow, enabled, deciding).await?;
    Ok(decided(&html::path(&["flows", &name])))
}
