//! Liveness and readiness.

use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::Arc;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The host takes events.
pub(crate) async fn readyz(State(state): State<Arc<ApiState>>) -> (StatusCode, &'static str) {
    if state.engine.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
