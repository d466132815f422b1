//! `/api/v1/switches`, and the kill switches of triggers and connections. Those of flows
//! are with the flows.

use crate::access::Actor;
use crate::flows::{Because, said};
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use dowel_core::FlowName;
use dowel_core::access::Permission;
use dowel_core::code::{api, switch};
use dowel_core::id::ConnectionName;
use dowel_engine::{SwitchStatus, SwitchTarget};
use serde::Serialize;
use std::sync::Arc;

/// The switches about which somebody has decided at run time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Switches {
    switches: Vec<ListedSwitch>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// A switch in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Switch)]
pub(crate) struct ListedSwitch {
    /// `flow`, `trigger` or `connection`.
    kind: &'static str,
    /// Its name; that of a trigger is `<flow>/<trigger>`.
    name: String,
    enabled: bool,
    /// Whether it stands elsewhere than the environment file says.
    drift: bool,
    actor: Option<String>,
    reason: Option<String>,
    at: Option<String>,
}

impl From<SwitchStatus> for ListedSwitch {
    fn from(status: SwitchStatus) -> Self {
        let decision = status.decision.as_ref();
        Self {
            kind: status.target.kind(),
            name: status.target.name(),
            enabled: status.enabled,
            drift: status.is_drift(),
            actor: decision.map(|decision| decision.actor.clone()),
            reason: decision.map(|decision| decision.reason.clone()),
            at: decision.map(|decision| decision.at.to_string()),
        }
    }
}

type Said = Result<Json<Because>, JsonRejection>;
type Answer = Result<Json<ListedSwitch>, Problem>;

#[utoipa::path(
    get,
    path = "/api/v1/switches",
    tag = "switches",
    operation_id = "list_switches",
    summary = "Lists the switches about which somebody has decided at run time",
    params(Paging),
    responses(
        (status = 200, description = "A page of switches", body = Switches),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<Switches>, Problem> {
    let switches = state.engine.switches().into_iter();
    let may_see = |status: &SwitchStatus| {
        let flow = status.target.flow();
        flow.is_none_or(|flow| actor.reaches(&state.engine, Permission::Read, flow))
    };
    let name = |one: &SwitchStatus| format!("{} {}", one.target.kind(), one.target.name());
    let (switches, next) = paging::page(switches.filter(may_see), &paging, name)?;
    Ok(Json(Switches {
        switches: switches.into_iter().map(Into::into).collect(),
        next,
    }))
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/triggers/{trigger}/disable",
    tag = "switches",
    operation_id = "disable_trigger",
    summary = "Switches a trigger off",
    request_body = Because,
    responses(
        (status = 200, description = "The switch as it is now", body = ListedSwitch),
    ),
)]
pub(crate) async fn disable_trigger(
    State(state): State<Arc<ApiState>>,
    Path(path): Path<(String, String)>,
    actor: Actor,
    because: Said,
) -> Answer {
    turn(&state, trigger(path)?, false, &actor, because).await
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/triggers/{trigger}/enable",
    tag = "switches",
    operation_id = "enable_trigger",
    summary = "Switches a trigger on again",
    request_body = Because,
    responses(
        (status = 200, description = "The switch as it is now", body = ListedSwitch),
    ),
)]
pub(crate) async fn enable_trigger(
    State(state): State<Arc<ApiState>>,
    Path(path): Path<(String, String)>,
    actor: Actor,
    because: Said,
) -> Answer {
    turn(&state, trigger(path)?, true, &actor, because).await
}

#[utoipa::path(
    post,
    path = "/api/v1/connections/{connection}/disable",
    tag = "switches",
    operation_id = "disable_connection",
    summary = "Switches a connection off",
    request_body = Because,
    responses(
        (status = 200, description = "The switch as it is now", body = ListedSwitch),
    ),
)]
pub(crate) async fn disable_connection(
    State(state): State<Arc<ApiState>>,
    Path(name): Path<String>,
    actor: Actor,
    because: Said,
) -> Answer {
    turn(&state, connection(&name)?, false, &actor, because).await
}

#[utoipa::path(
    post,
    path = "/api/v1/connections/{connection}/enable",
    tag = "switches",
    operation_id = "enable_connection",
    summary = "Switches a connection on again",
    request_body = Because,
    responses(
        (status = 200, description = "The switch as it is now", body = ListedSwitch),
    ),
)]
pub(crate) async fn enable_connection(
    State(state): State<Arc<ApiState>>,
    Path(name): Path<String>,
    actor: Actor,
    because: Said,
) -> Answer {
    turn(&state, connection(&name)?, true, &actor, because).await
}

fn trigger((flow, trigger): (String, String)) -> Result<SwitchTarget, Problem> {
    let flow = FlowName::new(&flow).map_err(|e| Problem::new(api::NO_SUCH_FLOW, e.to_string()))?;
    Ok(SwitchTarget::Trigger(flow, trigger))
}

fn connection(name: &str) -> Result<SwitchTarget, Problem> {
    let name = ConnectionName::new(name);
    let name = name.map_err(|e| Problem::new(switch::NO_SUCH_CONNECTION, e.to_string()))?;
    Ok(SwitchTarget::Connection(name))
}

async fn turn(
    state: &ApiState,
    target: SwitchTarget,
    enabled: bool,
    actor: &Actor,
    because: Said,
) -> Answer {
    let deciding = said(actor, because)?;
    let status = state.engine.turn_switch(&target, enabled, deciding).await?;
    Ok(Json(status.into()))
}
