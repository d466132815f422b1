//! `/api/v1/flows`: which flows there are, and their kill switches.

use crate::access::Actor;
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_FLOW};
use dowel_core::{FlowName, units};
use dowel_engine::{Deciding, Decision, FlowStatus};
use dowel_flow::plan::Sla;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest reason, in bytes: it is kept and shown in lists.
const MAX_TEXT: usize = 1_000;

/// All flows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Flows {
    flows: Vec<ListedFlow>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// A flow in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Flow)]
pub(crate) struct ListedFlow {
    flow: String,
    version: String,
    owner: Option<String>,
    description: Option<String>,
    /// Relative to the repository.
    runbook: Option<String>,
    labels: BTreeMap<String, String>,
    /// What the flow promises.
    sla: Option<ListedSla>,
    enabled: bool,
    /// Whether the environment file disables it.
    disabled_in_file: bool,
    /// Runs that stopped before their next step because the flow is disabled.
    stopped: usize,
    /// The last decision at run time.
    decision: Option<ListedDecision>,
}

/// A promise in a list, written as in the flow.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FlowSla)]
struct ListedSla {
    within: Option<String>,
    resolve: Option<String>,
    success: Option<String>,
}

impl From<Sla> for ListedSla {
    fn from(sla: Sla) -> Self {
        Self {
            within: sla.within.map(units::format_duration),
            resolve: sla.resolve.map(units::format_duration),
            success: sla.success.map(|share| share.to_string()),
        }
    }
}

/// A decision in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SwitchDecision)]
struct ListedDecision {
    enabled: bool,
    actor: String,
    reason: String,
    at: String,
}

/// Why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct Because {
    reason: String,
}

impl From<Decision> for ListedDecision {
    fn from(decision: Decision) -> Self {
        Self {
            enabled: decision.enabled,
            actor: decision.actor,
            reason: decision.reason,
            at: decision.at.to_string(),
        }
    }
}

impl From<FlowStatus> for ListedFlow {
    fn from(status: FlowStatus) -> Self {
        Self {
            flow: status.flow.to_string(),
            version: status.version.to_string(),
            owner: status.owner,
            description: status.description,
            runbook: status.runbook,
            labels: status.labels,
            sla: status.sla.map(Into::into),
            enabled: status.enabled,
            disabled_in_file: status.disabled_in_file,
            stopped: status.stopped,
            decision: status.decision.map(Into::into),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/flows",
    tag = "flows",
    operation_id = "list_flows",
    summary = "Lists the flows that are active",
    params(Paging),
    responses(
        (status = 200, description = "A page of flows", body = Flows),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<Flows>, Problem> {
    let flows = state.engine.flow_status().into_iter();
    let flows = flows.filter(|one| actor.reaches(&state.engine, Permission::Read, &one.flow));
    let (flows, next) = paging::page(flows, &paging, |one| one.flow.to_string())?;
    Ok(Json(Flows {
        flows: flows.into_iter().map(Into::into).collect(),
        next,
    }))
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/disable",
    tag = "switches",
    operation_id = "disable_flow",
    summary = "Switches a flow off",
    request_body = Because,
    responses(
        (status = 200, description = "The flow as it is now", body = ListedFlow),
    ),
)]
pub(crate) async fn disable(
    state: State<Arc<ApiState>>,
    flow: Path<String>,
    actor: Actor,
    because: Result<Json<Because>, JsonRejection>,
) -> Result<Json<ListedFlow>, Problem> {
    switch(state, flow, actor, because, false).await
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/enable",
    tag = "switches",
    operation_id = "enable_flow",
    summary = "Switches a flow on again",
    request_body = Because,
    responses(
        (status = 200, description = "The flow as it is now", body = ListedFlow),
    ),
)]
pub(crate) async fn enable(
    state: State<Arc<ApiState>>,
    flow: Path<String>,
    actor: Actor,
    because: Result<Json<Because>, JsonRejection>,
) -> Result<Json<ListedFlow>, Problem> {
    switch(state, flow, actor, because, true).await
}

/// Who decides, and why.
pub(crate) fn said(
    actor: &Actor,
    because: Result<Json<Because>, JsonRejection>,
) -> Result<Deciding, Problem> {
    let Json(because) = because.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    Ok(actor.deciding(Some(check_reason(&because.reason)?)))
}

/// A reason, as it is kept.
pub(crate) fn check_reason(reason: &str) -> Result<String, Problem> {
    let reason = reason.trim();
    if reason.is_empty() || reason.len() > MAX_TEXT {
        let detail = format!("`reason` needs 1 to {MAX_TEXT} bytes");
        return Err(Problem::new(BAD_REQUEST, detail));
    }
    Ok(reason.to_owned())
}

async fn switch(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    actor: Actor,
    because: Result<Json<Because>, JsonRejection>,
    enabled: bool,
) -> Result<Json<ListedFlow>, Problem> {
    let flow = FlowName::new(&flow).map_err(|e| Problem::new(NO_SUCH_FLOW, e.to_string()))?;
    let deciding = said(&actor, because)?;
    let status = state.engine.switch_flow(&flow, enabled, deciding).await?;
    Ok(Json(status.into()))
}
