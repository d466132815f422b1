//! `/api/v1/sources`: what the host polls, how far it has come, and beginning anew.

use crate::access::Actor;
use crate::flows::check_reason;
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use dowel_core::FlowName;
use dowel_core::access::Permission;
use dowel_core::code::api;
use dowel_core::units::format_duration;
use dowel_engine::{Failing, PollStatus};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// All polls: there are as many as the flows name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Sources {
    sources: Vec<ListedSource>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// The poll of one trigger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ListedSource {
    flow: String,
    version: String,
    trigger: String,
    /// `<connection>.<source>`.
    source: String,
    every: String,
    /// Up to where events have been taken; whatever the source means by it.
    cursor: Option<String>,
    moved_at: Option<String>,
    /// When this host last read it without an error.
    read_at: Option<String>,
    /// How many events there were.
    events: Option<usize>,
    next: Option<String>,
    /// What it waits for at its connection: `slot`, `rate`, `breaker` or `switch`.
    waits: Option<String>,
    failing: Option<ListedFailing>,
}

/// Reads that fail.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ListedFailing {
    since: String,
    times: u32,
    kind: String,
    code: String,
    message: String,
}

impl From<Failing> for ListedFailing {
    fn from(failing: Failing) -> Self {
        Self {
            since: failing.since.to_string(),
            times: failing.times,
            kind: failing.kind.to_string(),
            code: failing.code,
            message: failing.message,
        }
    }
}

impl From<PollStatus> for ListedSource {
    fn from(status: PollStatus) -> Self {
        let (read_at, events) = status.last_read.unzip();
        Self {
            flow: status.flow.to_string(),
            version: status.version.to_string(),
            trigger: status.trigger,
            source: format!("{}.{}", status.connection, status.source),
            every: format_duration(status.every),
            cursor: status.cursor,
            moved_at: status.moved_at.map(|at| at.to_string()),
            read_at: read_at.map(|at| at.to_string()),
            events,
            next: status.next.map(|at| at.to_string()),
            waits: status.waits.map(|reason| reason.name().to_owned()),
            failing: status.failing.map(Into::into),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "flows",
    operation_id = "list_sources",
    summary = "Lists what the host polls",
    params(Paging),
    responses(
        (status = 200, description = "A page of polls", body = Sources),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<Sources>, Problem> {
    let polls = state.engine.polls().await?.into_iter();
    let sees = |one: &PollStatus| actor.reaches(&state.engine, Permission::Read, &one.flow);
    let name = |one: &PollStatus| format!("{}/{}", one.flow, one.trigger);
    let (polls, next) = paging::page(polls.filter(sees), &paging, name)?;
    Ok(Json(Sources {
        sources: polls.into_iter().map(Into::into).collect(),
        next,
    }))
}

/// Where to go on, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reset {
    reason: String,
    /// From the beginning without it.
    #[serde(default)]
    cursor: Option<String>,
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/triggers/{trigger}/reset",
    tag = "flows",
    operation_id = "reset_source",
    summary = "Moves a poll to a cursor, or to the beginning",
    request_body = Reset,
    responses(
        (status = 200, description = "The poll as it is now", body = ListedSource),
    ),
)]
pub(crate) async fn reset(
    State(state): State<Arc<ApiState>>,
    Path((flow, trigger)): Path<(String, String)>,
    actor: Actor,
    reset: Result<Json<Reset>, JsonRejection>,
) -> Result<Json<ListedSource>, Problem> {
    let flow = FlowName::new(&flow).map_err(|e| Problem::new(api::NO_SUCH_FLOW, e.to_string()))?;
    let Json(reset) = reset.map_err(|e| Problem::new(api::BAD_REQUEST, e.body_text()))?;
    let deciding = actor.deciding(Some(check_reason(&reset.reason)?));
    let moved = state
        .engine
        .reset_poll(&flow, &trigger, reset.cursor, deciding);
    if !moved.await? {
        let message = format!("no active flow `{flow}` has a trigger `{trigger}` that polls");
        return Err(Problem::new(api::NO_SUCH_FLOW, message));
    }
    let polls = state.engine.polls().await?.into_iter();
    let mut own = polls.filter(|poll| poll.flow == flow && poll.trigger == trigger);
    let gone = || Problem::new(api::NO_SUCH_FLOW, "the flow has just gone".to_owned());
    Ok(Json(own.next().ok_or_else(gone)?.into()))
}
