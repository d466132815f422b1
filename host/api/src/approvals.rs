//! `/api/v1/approvals`: what waits for the decision of a person.

use crate::access::Actor;
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_RUN};
use dowel_core::journal;
use dowel_core::{FlowName, JsonText, RunId, StepPath};
use dowel_engine::{ApprovalsQuery, OpenApproval, PersonDecides};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Approvals on a page unless the request says otherwise.
const DEFAULT_PAGE: usize = 50;

/// The longest comment, in bytes: it is kept in the run's journal for good.
const MAX_TEXT: usize = 1_000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    flow: Option<String>,
    group: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// A page of open approvals, the oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ApprovalsPage)]
pub(crate) struct Page {
    approvals: Vec<Listed>,
    next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Approval)]
struct Listed {
    run: String,
    step: String,
    flow: String,
    version: String,
    commit: Option<String>,
    plan: Option<String>,
    title: String,
    #[schema(value_type = serde_json::Value)]
    show: JsonText,
    groups: Vec<String>,
    decisions: Vec<String>,
    exclude: Vec<String>,
    asked_at: String,
    until: Option<String>,
    escalations: Vec<Stage>,
}

/// Further groups that may decide later.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ApprovalStage)]
struct Stage {
    at: String,
    groups: Vec<String>,
}

impl From<OpenApproval> for Listed {
    fn from(open: OpenApproval) -> Self {
        let stages = open.escalations.into_iter().map(|stage| Stage {
            at: stage.at.to_string(),
            groups: stage.groups,
        });
        Self {
            run: open.run.to_string(),
            step: open.step.to_string(),
            flow: open.flow.to_string(),
            version: open.version.to_string(),
            commit: open.commit,
            plan: open.plan.map(|plan| plan.to_string()),
            title: open.title,
            show: open.show,
            groups: open.groups,
            decisions: open.decisions,
            exclude: open.exclude,
            asked_at: open.asked_at.to_string(),
            until: open.until.map(|at| at.to_string()),
            escalations: stages.collect(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/approvals",
    tag = "approvals",
    operation_id = "list_approvals",
    summary = "Lists what waits for approval, the oldest first",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of open approvals", body = Page),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    parameters: Result<Query<ListParameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let flow = parameters.flow.as_deref().map(FlowName::new).transpose();
    let query = ApprovalsQuery {
        flow: flow.map_err(|e| Problem::new(BAD_REQUEST, e.to_string()))?,
        group: parameters.group,
        cursor: paging::place(parameters.cursor.as_deref(), |text| Some(text.to_owned()))?,
        limit: parameters.limit.unwrap_or(DEFAULT_PAGE),
    };
    let page = state.engine.approvals(&query).await?;
    let sees = |open: &OpenApproval| actor.reaches(&state.engine, Permission::Read, &open.flow);
    let approvals = page.approvals.into_iter().filter(sees);
    Ok(Json(Page {
        approvals: approvals.map(Listed::from).collect(),
        next: page.next.map(|next| paging::cursor(&next)),
    }))
}

/// A decision as it is sent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApprovalDecision)]
struct Sent {
    decision: String,
    comment: Option<String>,
}

/// What is recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ApprovalDecided)]
pub(crate) struct Decided {
    run: String,
    step: String,
    decision: String,
    by: String,
    status: &'static str,
}

#[utoipa::path(
    post,
    path = "/api/v1/approvals/{run}/{step}/decisions",
    tag = "approvals",
    operation_id = "decide_approval",
    summary = "Decides about an approval",
    request_body = Sent,
    responses(
        (status = 200, description = "What is recorded", body = Decided),
    ),
)]
pub(crate) async fn decide(
    State(state): State<Arc<ApiState>>,
    Path((id, step)): Path<(String, String)>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Decided>, Problem> {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    let limit = state.options.max_body_bytes;
    let bytes = crate::intake::read_bytes(body, &headers, limit).await?;
    let bad = |reason: String| Problem::new(BAD_REQUEST, reason);
    let sent: Sent = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
    let is_bad = |text: &String| text.trim().is_empty() || text.len() > MAX_TEXT;
    if sent.comment.as_ref().is_some_and(is_bad) {
        return Err(bad(format!("`comment` has 1 to {MAX_TEXT} bytes")));
    }
    let wanted = PersonDecides {
        run,
        step: StepPath::inside(&step),
        decision: sent.decision,
        actor: journal::Actor(actor.id().to_owned()),
        comment: sent.comment,
        origin: Some(actor.origin().clone()),
    };
    state.engine.decide_approval(&wanted).await?;
    let story = state.engine.story(run).await?.ok_or_else(none)?;
    Ok(Json(Decided {
        run: run.to_string(),
        step,
        decision: wanted.decision,
        by: wanted.actor.0,
        status: story.status.name(),
    }))
}
