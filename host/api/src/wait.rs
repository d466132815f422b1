//! `Prefer: wait` (RFC 7240, section 4.3): an answer that holds the end of the run.

use crate::intake;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use dowel_core::{JsonText, RunId};
use dowel_engine::Accepted;
use dowel_engine::story::Story;
use serde::Serialize;
use std::time::Duration;

/// The longest wait, in seconds. Who asks for more waits for so long.
const MOST: u64 = 60;

/// A run that has come to rest.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Ended {
    run: String,
    /// Where it stands, such as `succeeded`, `failed` or `parked`.
    status: &'static str,
    /// The output, masked; nothing where it did not succeed.
    #[schema(value_type = serde_json::Value, required = false)]
    output: Option<JsonText>,
    /// The code of the error that it failed with or is parked by.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
}

/// How many seconds the caller would wait; nothing unless it says so. Preferences that
/// are not known or not understood are ignored, as the standard says.
pub(crate) fn preferred(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all("prefer").into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';']));
    let seconds = preferences.find_map(|one| {
        let (name, seconds) = one.split_once('=')?;
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        let seconds = seconds.trim().trim_matches('"');
        is_wait.then(|| seconds.parse::<u64>().ok()).flatten()
    });
    seconds.map(|seconds| seconds.min(MOST))
}

/// The answer to a request that began a run, with its end if that comes in time.
pub(crate) async fn answer(
    state: &ApiState,
    accepted: &Accepted,
    preferred: Option<u64>,
) -> Result<Response, Problem> {
    let run = accepted.run();
    let (Some(seconds), false) = (preferred, matches!(accepted, Accepted::Dropped(_))) else {
        return Ok(intake::answer(accepted));
    };
    let in_time = tokio::time::timeout(Duration::from_secs(seconds), end(state, run));
    let mut response = match in_time.await {
        Ok(story) => match story? {
            Some(story) => intake::located(ended(story), run),
            None => intake::answer(accepted),
        },
        Err(_) => intake::answer(accepted),
    };
    if let Ok(applied) = HeaderValue::from_str(&format!("wait={seconds}")) {
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

fn ended(story: Story) -> Response {
    let ended = Ended {
        run: story.id,
        status: story.status.name(),
        output: story.output,
        error_code: story.error.map(|error| error.code),
    };
    (StatusCode::OK, Json(ended)).into_response()
}

/// The story of a run at rest; nothing if the host is about to stop before.
async fn end(state: &ApiState, run: RunId) -> Result<Option<Story>, Problem> {
    let engine = &state.engine;
    loop {
        let mut place = engine.last_move();
        let story = engine.story(run).await?;
        if story.as_ref().is_none_or(|story| story.status.is_at_rest()) {
            return Ok(story);
        }
        loop {
            let Some(moved) = engine.moved_after(place).await else {
                return Ok(None);
            };
            place = moved.last;
            if moved.has_missed || moved.moves.iter().any(|one| one.run == run) {
                break;
            }
        }
    }
}
