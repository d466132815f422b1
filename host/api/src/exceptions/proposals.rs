//! `/api/v1/exceptions/proposals`: decisions that wait for a second person.

use super::{Answer, bulk, read_deciding};
use crate::access::Actor;
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::desk::NO_SUCH_PROPOSAL;
use dowel_core::{JsonText, RunId};
use dowel_engine::{Confirmed, Proposal};
use serde::Serialize;
use std::sync::Arc;

/// A decision that waits for a second person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Proposal)]
struct Listed {
    id: String,
    command: &'static str,
    about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<String>,
    /// How many exceptions, of a bulk operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk: Option<u64>,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    proposed_at: String,
    /// What is given to the step or as the payload, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    value: Option<JsonText>,
}

impl Listed {
    fn of(proposal: Proposal, value: Option<JsonText>) -> Self {
        Self {
            value,
            id: proposal.id.to_string(),
            command: proposal.action.name(),
            about: proposal.about.to_string(),
            flow: proposal.flow.map(|flow| flow.to_string()),
            bulk: proposal.bulk,
            actor: proposal.deciding.actor,
            reason: proposal.deciding.reason,
            proposed_at: proposal.at.to_string(),
        }
    }
}

/// Decisions that wait for a second person, the oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Proposals)]
pub(crate) struct All {
    proposals: Vec<Listed>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// `GET /api/v1/exceptions/proposals`.
#[utoipa::path(
    get,
    path = "/api/v1/exceptions/proposals",
    tag = "exceptions",
    operation_id = "list_proposals",
    summary = "Lists decisions that wait for a second person, the oldest first",
    params(Paging),
    responses(
        (status = 200, description = "A page of proposals", body = All),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<All>, Problem> {
    let sees = |proposal: &Proposal| {
        let flow = proposal.flow.as_ref();
        actor.require(&state.engine, Permission::Read, flow).is_ok()
    };
    let known = state.engine.proposals().await?.into_iter().filter(sees);
    // Ids begin with the time.
    let (known, next) = paging::page(known, &paging, |proposal| proposal.id.to_string())?;
    let mut proposals = Vec::new();
    for proposal in known {
        let value = state.engine.proposed_value(&proposal).await?;
        proposals.push(Listed::of(proposal, value));
    }
    Ok(Json(All { proposals, next }))
}

/// `POST /api/v1/exceptions/proposals/{id}/confirm` and `/reject`.
#[utoipa::path(
    post,
    path = "/api/v1/exceptions/proposals/{id}/{what}",
    tag = "exceptions",
    operation_id = "decide_proposal",
    summary = "Confirms or rejects a decision of somebody else",
    request_body = super::SentDeciding,
    responses(
        (status = 200, description = "What came of it: an answer, a bulk operation or the proposal", body = Object),
    ),
)]
pub(crate) async fn decide(
    State(state): State<Arc<ApiState>>,
    Path((text, what)): Path<(String, String)>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let none = |_| {
        let message = format!("nothing waits for a second person under `{text}`");
        Problem::new(NO_SUCH_PROPOSAL, message)
    };
    let id: RunId = text.parse().map_err(none)?;
    let deciding = read_deciding(&state, &actor, &headers, body).await?;
    let known = state.engine.proposals().await?;
    if let Some(proposal) = known.iter().find(|proposal| proposal.id == id) {
        actor.require(&state.engine, Permission::Confirm, proposal.flow.as_ref())?;
    }
    Ok(match what.as_str() {
        "confirm" => match state.engine.confirm(id, &deciding).await? {
            Confirmed::Decided(proposal, decided) => {
                Json(Answer::of(proposal.action.name(), &decided)).into_response()
            }
            Confirmed::Bulk(bulk) => Json(bulk::Shown::of(*bulk, Vec::new())).into_response(),
        },
        "reject" => {
            let proposal = state.engine.reject(id, &deciding).await?;
            Json(Listed::of(proposal, None)).into_response()
        }
        other => {
            let message = format!("a proposal has no `{other}`: confirm, reject");
            return Err(Problem::new(BAD_REQUEST, message));
        }
    })
}
