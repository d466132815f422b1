//! Answers of webhooks that wait for the end of the run.

use crate::intake;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dowel_core::code::run::{NO_ANSWER, NOT_SUCCESSFUL, WAITS_FOR_PERSON};
use dowel_core::{ErrorKind, FlowName, JsonText, RunId};
use dowel_engine::state::RunStatus;
use dowel_engine::{Accepted, Outcome};

/// Waits for the end of the run that the event began, or that it is a duplicate of. A
/// sender that goes away in the meantime changes nothing: the event is on disk.
pub(crate) async fn of_end(
    state: &ApiState,
    accepted: &Accepted,
    flow: &FlowName,
    trigger: &str,
) -> Result<Response, Problem> {
    let run = accepted.run();
    if matches!(accepted, Accepted::Dropped(_)) {
        return Ok(intake::answer(accepted));
    }
    let outcome = state.engine.outcome(run, flow, trigger).await?;
    let response = match outcome {
        // A duplicate whose run is at work is no less under way than a new event.
        Outcome::Unfinished => return Ok(intake::answer(&Accepted::New(run))),
        Outcome::Answer { status, body } => answer(status, &body),
        Outcome::NoAnswer(reason) => problem(state, NO_ANSWER, reason, None),
        Outcome::Unsuccessful { status, kind } => unsuccessful(state, run, status, kind),
    };
    Ok(intake::located(response, run))
}

fn answer(status: u16, body: &JsonText) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    // These have no content (RFC 9110, section 6.4.1).
    let is_empty = [
        StatusCode::NO_CONTENT,
        StatusCode::RESET_CONTENT,
        StatusCode::NOT_MODIFIED,
    ];
    if is_empty.contains(&status) {
        return status.into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body.as_str().to_owned()).into_response()
}

/// What went wrong inside is for the flow's owner: the sender learns the kind alone.
fn unsuccessful(
    state: &ApiState,
    run: RunId,
    status: RunStatus,
    kind: Option<ErrorKind>,
) -> Response {
    let kind_name = kind.map_or("", ErrorKind::name);
    let because = kind.map_or_else(String::new, |_| format!(" ({kind_name})"));
    if status == RunStatus::Parked {
        let detail = format!("the run {run} waits for a person{because}");
        return problem(state, WAITS_FOR_PERSON, detail, None);
    }
    let word = match status {
        RunStatus::Compensated => "failed and was undone",
        RunStatus::Cancelled => "was cancelled",
        _ => "failed",
    };
    // Errors that the flow itself declares are about what was sent.
    let http = match kind {
        Some(ErrorKind::InvalidInput | ErrorKind::Rejected | ErrorKind::NotFound) => {
            Some(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Some(ErrorKind::Conflict) => Some(StatusCode::CONFLICT),
        _ => None,
    };
    let detail = format!("the run {run} {word}{because}");
    problem(state, NOT_SUCCESSFUL, detail, http)
}

fn problem(
    state: &ApiState,
    code: dowel_core::code::Code,
    detail: String,
    status: Option<StatusCode>,
) -> Response {
    let problem = Problem::new(code, detail).correlated(state.correlation_id());
    match status {
        Some(status) => problem.with_status(status).into_response(),
        None => problem.into_response(),
    }
}
