//! `POST /api/v1/runs/{id}/decisions`: what a person decides about a run.

use crate::access::Actor;
use crate::exceptions::{self, Answer};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use dowel_core::RunId;
use dowel_core::code::api::NO_SUCH_RUN;
use std::sync::Arc;

#[utoipa::path(
    post,
    path = "/api/v1/runs/{id}/decisions",
    tag = "runs",
    operation_id = "decide_run",
    summary = "Decides about a run, such as to cancel it",
    request_body = exceptions::Sent,
    responses(
        (status = 200, description = "What came of it", body = Answer),
    ),
)]
pub(crate) async fn decide(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    exceptions::decide_about(&state, &actor, run, &headers, body).await
}
