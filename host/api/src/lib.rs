//! HTTP: intake of webhooks and events on the public listener; runs, health and metrics on the
//! admin listener. Handlers translate; what they mean is decided by the engine.

mod answers;
mod approvals;
mod audit;
mod backup;
mod connections;
mod decisions;
mod events;
mod exceptions;
mod flows;
mod health;
mod hooks;
mod intake;
mod metrics;
mod problem;
mod runs;
mod schedules;
mod serve;
mod state;

pub use axum::Router;
pub use problem::Problem;
pub use serve::Listener;
pub use state::{ApiOptions, ApiState};

use axum::http::Uri;
use axum::routing::{any, get, post};
use dowel_core::code::api::NO_SUCH_ROUTE;
use std::sync::Arc;

/// What the outside world may reach: webhooks, events and the health of the host.
pub fn public(state: Arc<ApiState>) -> Router {
    Router::new()
        .route("/hooks/{*path}", any(hooks::receive))
        .route("/events", post(events::receive))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(no_such_route)
        .with_state(state)
}

/// What operators and their tools may reach.
pub fn admin(state: Arc<ApiState>) -> Router {
    Router::new()
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/runs/{id}", get(runs::show))
        .route("/api/v1/flows", get(flows::list))
        .route("/api/v1/runs/{id}/decisions", post(decisions::decide))
        .route("/api/v1/exceptions", get(exceptions::list))
        .route("/api/v1/exceptions/groups", get(exceptions::groups))
        .route(
            "/api/v1/exceptions/bulk",
            get(exceptions::bulk::list).post(exceptions::bulk::begin),
        )
        .route("/api/v1/exceptions/bulk/{id}", get(exceptions::bulk::show))
        .route(
            "/api/v1/exceptions/bulk/{id}/{change}",
            post(exceptions::bulk::change),
        )
        .route(
            "/api/v1/exceptions/proposals",
            get(exceptions::proposals::list),
        )
        .route(
            "/api/v1/exceptions/proposals/{id}/{what}",
            post(exceptions::proposals::decide),
        )
        .route("/api/v1/exceptions/{id}", get(exceptions::show))
        .route(
            "/api/v1/exceptions/{id}/decisions",
            post(exceptions::decide),
        )
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/runs/{id}/journal", get(runs::journal))
        .route("/api/v1/flows/{flow}/runs", post(intake::manual))
        .route("/api/v1/flows/{flow}/disable", post(flows::disable))
        .route("/api/v1/flows/{flow}/enable", post(flows::enable))
        .route("/api/v1/approvals", get(approvals::list))
        .route(
            "/api/v1/approvals/{run}/{step}/decisions",
            post(approvals::decide),
        )
        .route("/api/v1/connections", get(connections::list))
        .route("/api/v1/events/undelivered", get(events::undelivered))
        .route("/api/v1/backup", get(backup::backup))
        .route("/api/v1/schedules", get(schedules::list))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .fallback(no_such_route)
        .with_state(state)
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(
        NO_SUCH_ROUTE,
        format!("nothing is served at `{}`", uri.path()),
    )
}
