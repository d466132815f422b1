//! `POST /api/v1/runs/{id}/decisions`: what a person decides about a run.

use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use dowel_core::RunId;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_RUN};
use dowel_core::journal::{Actor, Command, Commanded};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest name of an actor and the longest reason, in bytes: both are kept in the
/// run's journal for good.
const MAX_TEXT: usize = 1_000;

/// A decision as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    actor: String,
    reason: Option<String>,
    command: Command,
}

/// Where the run stands after the decision.
#[derive(Debug, Serialize)]
pub(crate) struct Decided {
    run: String,
    command: &'static str,
    status: &'static str,
}

pub(crate) async fn decide(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Decided>, Problem> {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    let limit = state.options.max_body_bytes;
    let bytes = crate::intake::read_bytes(body, &headers, limit).await?;
    let bad = |reason: String| Problem::new(BAD_REQUEST, reason);
    let sent: Sent = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
    for (what, text) in [
        ("actor", Some(&sent.actor)),
        ("reason", sent.reason.as_ref()),
    ] {
        if text.is_some_and(|text| text.trim().is_empty() || text.len() > MAX_TEXT) {
            return Err(bad(format!("`{what}` has 1 to {MAX_TEXT} bytes")));
        }
    }
    let command = sent.command.name();
    let commanded = Commanded {
        actor: Actor(sent.actor),
        reason: sent.reason,
        command: sent.command,
    };
    state.engine.command(run, commanded).await?;
    let story = state.engine.story(run).await?.ok_or_else(none)?;
    Ok(Json(Decided {
        run: run.to_string(),
        command,
        status: story.status.name(),
    }))
}
