//! Approvals: what flows ask people, and decisions of the desk that want a second person.

pub(super) mod proposals;

use super::form::{Fields, decided};
use super::{Failure, Page, Shown, Tab, Visitor, html};
use crate::access::Form;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_RUN};
use dowel_core::journal::Actor;
use dowel_core::{FlowName, RunId, StepPath, Timestamp};
use dowel_engine::{ApprovalsQuery, OpenApproval, PersonDecides};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Approvals on a page.
const PAGE: usize = 25;

/// Seconds between looks.
const LIVE: u32 = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    flow: String,
    group: String,
    cursor: String,
    done: String,
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Shown {
    let Query(filter) = filter.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let flow = given(&filter.flow)
        .map(|name| FlowName::new(&name))
        .transpose();
    let query = ApprovalsQuery {
        flow: flow.map_err(|e| Problem::new(BAD_REQUEST, e.to_string()))?,
        group: given(&filter.group),
        cursor: given(&filter.cursor),
        limit: PAGE,
    };
    let page = state.engine.approvals(&query).await?;
    let next = page.next.map(|cursor| {
        let fields = [
            ("flow", filter.flow.as_str()),
            ("group", &filter.group),
            ("cursor", &cursor),
        ];
        html::with_query("/desk/approvals", &fields)
    });
    let approvals = page.approvals.into_iter();
    let seen: Vec<OpenApproval> = approvals.filter(|one| visitor.sees(&one.flow)).collect();
    let now = state.engine.time();
    let body = html! {
        @if !filter.done.is_empty() { div .note .good role="status" { p { "Recorded: " (filter.done) "." } } }
        section .panel aria-label="Filter" { (filters(&visitor, &filter)) }
        section .stack aria-label="Open approvals" data-part="approvals" {
            @if seen.is_empty() {
                div .panel {
                    (html::empty("Nothing is to be decided", &html! { p { "A flow asks people with an " code { "approve" } " step: who may decide is in " code { "policy.yaml" } ", and what they are shown is the flow's to say." } }))
                }
            }
            @for approval in &seen { (one(approval, &visitor, now)) }
        }
        (html::pager(next.as_deref(), None))
        (proposals::section(&state, &visitor).await?)
    };
    Ok(Page::new(Tab::Approvals, "Approvals", body).live(LIVE))
}

fn filters(visitor: &Visitor, filter: &Filter) -> Markup {
    let flows = visitor.flows();
    let flows = flows
        .iter()
        .map(|flow| (flow.flow.as_str(), flow.flow.to_string()));
    html! {
        form .filters method="get" {
            (html::select("flow", "Flow", &filter.flow, flows))
            label { "Group that may decide" input name="group" value=(filter.group) placeholder="finance"; }
            button { "Filter" }
            a .button href="/desk/approvals" { "Clear" }
        }
    }
}

fn one(approval: &OpenApproval, visitor: &Visitor, now: Timestamp) -> Markup {
    let (run, step) = (approval.run.to_string(), approval.step.to_string());
    let id = format!("ask-{run}-{step}");
    html! {
        article .panel aria-labelledby=(id) {
            div .bar {
                h2 id=(id) { (approval.title) }
                @if let Some(until) = approval.until {
                    span .badge .warn[until.since(now).as_secs() < 3_600] { "expires " (html::ago(until, now)) }
                }
            }
            div .split {
                div .stack {
                    (html::json(&approval.show))
                    dl .facts {
                        dt { "Flow" } dd { (html::flow(&approval.flow)) " " (approval.version) ", step " (approval.step) }
                        dt { "Run" } dd { (html::run(approval.run)) }
                        dt { "Asked" } dd { (html::exact_time(approval.asked_at)) " (" (html::ago(approval.asked_at, now)) ")" }
                        @if let Some(until) = approval.until { dt { "Expires" } dd { (html::exact_time(until)) } }
                        dt { "May decide" } dd { (approval.groups.join(", ")) }
                        @if !approval.exclude.is_empty() { dt { "May not decide" } dd { (approval.exclude.join(", ")) } }
                        @for stage in &approval.escalations {
                            dt { "From " (html::exact(stage.at)) } dd { "also " (stage.groups.join(", ")) }
                        }
                    }
                }
                @if visitor.reaches(Permission::Decide, &approval.flow) { form method="post" action=(html::path(&["approvals", &run, &step])) .stack {
                    label {
                        "Why" span .hint { "optional, kept for good" }
                        textarea name="comment" maxlength="1000" rows="3" {}
                    }
                    (visitor.field())
                    div .row {
                        @for (at, decision) in approval.decisions.iter().enumerate() {
                            button .primary[at == 0] name="decision" value=(decision) { (decision) }
                        }
                    }
                } } @else { p .soft { "Your roles do not decide approvals of this flow." } }
            }
        }
    }
}

/// `POST /desk/approvals/{run}/{step}`.
pub(super) async fn decide(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path((run, step)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let none = |_| Problem::new(NO_SUCH_RUN, format!("there is no run `{run}`"));
    let id: RunId = run.parse().map_err(none)?;
    let missing = || Problem::new(BAD_REQUEST, "the form names no decision");
    let decision = form.text("decision").ok_or_else(missing)?.to_owned();
    let wanted = PersonDecides {
        run: id,
        step: StepPath::inside(&step),
        decision: decision.clone(),
        actor: Actor(visitor.name().to_owned()),
        comment: form.text("comment").map(str::to_owned),
        origin: Some(visitor.actor().origin().clone()),
    };
    state.engine.decide_approval(&wanted).await?;
    let done = html::with_query("/desk/approvals", &[("done", &decision)]);
    Ok(decided(&done))
}
