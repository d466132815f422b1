//! `/api/v1/connections`: limits, breakers, and who waits.

use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use dowel_engine::{BreakerState, ConnectionStatus};
use serde::Serialize;
use std::sync::Arc;

/// All connections.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Connections {
    connections: Vec<ListedConnection>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// A connection in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Connection)]
struct ListedConnection {
    connection: String,
    /// Whether calls are made: not while somebody has switched the connection off.
    enabled: bool,
    /// Calls that are being made, and how many there may be.
    in_flight: u32,
    concurrency: u32,
    /// Steps that wait for their turn.
    waiting: usize,
    rate: Option<String>,
    /// Calls that the rate allows at once.
    tokens: Option<u64>,
    paused_until: Option<String>,
    /// `closed`, `open` or `half_open`; absent without a breaker.
    breaker: Option<&'static str>,
    open_until: Option<String>,
}

impl From<ConnectionStatus> for ListedConnection {
    fn from(status: ConnectionStatus) -> Self {
        Self {
            connection: status.connection.to_string(),
            enabled: status.enabled,
            in_flight: status.in_flight,
            concurrency: status.concurrency,
            waiting: status.waiting,
            rate: status.rate,
            tokens: status.tokens,
            paused_until: status.paused_until.map(|at| at.to_string()),
            breaker: status.breaker.map(BreakerState::name),
            open_until: status.open_until.map(|at| at.to_string()),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/connections",
    tag = "connections",
    operation_id = "list_connections",
    summary = "Lists connections with their limits and breakers",
    params(Paging),
    responses(
        (status = 200, description = "A page of connections", body = Connections),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    paging: Paging,
) -> Result<Json<Connections>, Problem> {
    let connections = state.engine.connections();
    let name = |one: &ConnectionStatus| one.connection.to_string();
    let (connections, next) = paging::page(connections, &paging, name)?;
    Ok(Json(Connections {
        connections: connections.into_iter().map(Into::into).collect(),
        next,
    }))
}
