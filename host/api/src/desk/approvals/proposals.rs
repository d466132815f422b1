//! Decisions of the desk that wait for a second person.

use crate::access::Form;
use crate::desk::form::{Fields, decided};
use crate::desk::{Failure, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, State};
use axum::response::Response;
use dowel_core::access::Permission;
use dowel_core::code::desk::NO_SUCH_PROPOSAL;
use dowel_core::{JsonText, RunId, Timestamp};
use dowel_engine::{Confirmed, Proposal};
use maud::{Markup, html};
use std::sync::Arc;

/// The list, under the approvals.
pub(super) async fn section(state: &ApiState, visitor: &Visitor) -> Result<Markup, Failure> {
    let mut all = Vec::new();
    for proposal in state.engine.proposals().await? {
        let flow = proposal.flow.as_ref();
        if visitor.require(Permission::Read, flow).is_err() {
            continue;
        }
        let value = state.engine.proposed_value(&proposal).await?;
        all.push((proposal, value));
    }
    let now = state.engine.time();
    Ok(html! {
        section .stack aria-labelledby="proposals" {
            h2 #proposals { "Decisions that want a second person" }
            @if all.is_empty() {
                p .soft { "None. The environment says under " code { "exceptions.four_eyes" } " which decisions two people make." }
            }
            @for (proposal, value) in &all { (one(proposal, value.as_ref(), visitor, now)) }
        }
    })
}

fn one(proposal: &Proposal, value: Option<&JsonText>, visitor: &Visitor, now: Timestamp) -> Markup {
    let id = proposal.id.to_string();
    let about = proposal.about.to_string();
    html! {
        article .panel {
            h3 {
                (proposal.action.name()) " "
                @match proposal.bulk {
                    Some(count) => a href=(html::path(&["bulk", &about])) { (html::number(count)) " exceptions" },
                    None => a href=(html::path(&["exceptions", &about])) { "an exception" @if let Some(flow) = &proposal.flow { " of " (flow) } },
                }
            }
            dl .facts {
                dt { "Proposed by" } dd { (proposal.deciding.actor) ", " (html::time(proposal.at, now)) }
                @if let Some(reason) = &proposal.deciding.reason { dt { "Reason" } dd { (reason) } }
            }
            @if let Some(value) = value { (html::value("What is given", value)) }
            @if visitor.may(Permission::Confirm) { form method="post" .row {
                (visitor.field())
                button .primary formaction=(html::path(&["proposals", &id, "confirm"])) { "Confirm" }
                button formaction=(html::path(&["proposals", &id, "reject"])) { "Reject" }
            } }
        }
    }
}

/// `POST /desk/proposals/{id}/{what}`.
pub(in crate::desk) async fn decide(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path((text, what)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let none = |_| {
        Problem::new(
            NO_SUCH_PROPOSAL,
            format!("nothing waits for a second person under `{text}`"),
        )
    };
    let id: RunId = text.parse().map_err(none)?;
    let deciding = visitor.deciding(form.reason()?);
    let known = state.engine.proposals().await?;
    if let Some(proposal) = known.iter().find(|proposal| proposal.id == id) {
        visitor.require(Permission::Confirm, proposal.flow.as_ref())?;
    }
    let to = match what.as_str() {
        "confirm" => match state.engine.confirm(id, &deciding).await? {
            Confirmed::Bulk(bulk) => html::path(&["bulk", &bulk.id.to_string()]),
            Confirmed::Decided(..) => html::with_query("/desk/approvals", &[("done", "confirmed")]),
        },
        "reject" => {
            state.engine.reject(id, &deciding).await?;
            html::with_query("/desk/approvals", &[("done", "rejected")])
        }
        _ => return Err(Failure::no_such_page()),
    };
    Ok(decided(&to))
}
