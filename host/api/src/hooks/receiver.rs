//! Webhooks of connections: a connector reads the request.

use super::{text, verify};
use crate::intake;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use dowel_core::port::{HookAnswer, HookRequest};
use dowel_core::{ErrorKind, StepError};
use dowel_engine::{Accepted, Hook, Received, ReceptionError, ReceptionRequest};
use serde::Serialize;

/// A request apart from its body.
#[derive(Clone, Copy)]
pub(super) struct Sent<'r> {
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) headers: &'r HeaderMap,
}

/// What became of the events of a request.
#[derive(Debug, Serialize)]
struct Taken {
    /// The runs that the request has begun.
    runs: Vec<String>,
    /// Events that came before.
    duplicates: usize,
    /// Events that began no run because their concurrency key was full.
    dropped: usize,
    /// Events that do not follow the schema; they are kept for a person.
    quarantined: usize,
}

/// Has the request read by the receiver of the webhook.
pub(super) async fn receive(
    state: &ApiState,
    hook: &Hook,
    sent: Sent<'_>,
    body: Body,
) -> Result<Response, Problem> {
    let correlated = |problem: Problem| problem.correlated(state.correlation_id());
    let limit = state.options.max_body_bytes;
    let body = intake::read_bytes(body, sent.headers, limit).await;
    let request = ReceptionRequest {
        flow: hook.flow.clone(),
        trigger: hook.trigger.clone(),
        http: request(state, sent, body.map_err(correlated)?),
        // Without any the receiver says no itself; it may still answer handshakes.
        keys: verify::keys(state, hook).await,
        traceparent: text(sent.headers, "traceparent"),
    };
    match state.engine.receive(request).await {
        Ok(received) => Ok(answer(received)),
        Err(error) => Err(correlated(error.into())),
    }
}

fn request(state: &ApiState, sent: Sent<'_>, body: Vec<u8>) -> HookRequest {
    let headers = sent.headers.iter();
    let headers = headers.filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let path = sent.uri.path();
    let query = sent.uri.query();
    let behind = query.map_or_else(String::new, |query| format!("?{query}"));
    HookRequest {
        method: sent.method.to_string(),
        url: format!("{}{path}{behind}", base(state, sent.headers)),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        headers: headers.collect(),
        body,
    }
}

/// Under which address the sender knows this host: the one that it has asked for. A proxy
/// has to pass it on, and is taken to speak HTTPS if people reach the desk by it.
fn base(state: &ApiState, headers: &HeaderMap) -> String {
    let scheme = if state.is_secure() { "https" } else { "http" };
    let host = text(headers, header::HOST.as_str());
    format!("{scheme}://{}", host.unwrap_or_default())
}

fn answer(received: Received) -> Response {
    if let Some(answer) = received.answer {
        return given(answer);
    }
    let mut taken = Taken {
        runs: Vec::new(),
        duplicates: 0,
        dropped: 0,
        quarantined: received.refused,
    };
    for event in received.events {
        match event {
            Accepted::New(run) => taken.runs.push(run.to_string()),
            Accepted::Duplicate(_) => taken.duplicates += 1,
            Accepted::Dropped(_) => taken.dropped += 1,
        }
    }
    let status = match taken.runs.is_empty() && taken.quarantined == 0 {
        true => StatusCode::OK,
        false => StatusCode::ACCEPTED,
    };
    (status, axum::Json(taken)).into_response()
}

/// What the connector gave for the sender. The host of connectors has checked it; what
/// cannot be written all the same is left out.
fn given(answer: HookAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    // Browsers are not to find anything else in it.
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

impl From<ReceptionError> for Problem {
    fn from(error: ReceptionError) -> Self {
        let (code, wait) = (error.code(), error.retry_after());
        let is_refusal = error.is_refusal();
        let problem = match error {
            ReceptionError::Intake(error) => return error.into(),
            ReceptionError::Receiver(error) if is_refusal => {
                let detail = format!("{} ({})", error.message, error.code);
                Self::new(code, detail).with_status(refused(&error))
            }
            // What went wrong inside is for the log.
            ReceptionError::Receiver(error) => {
                let detail = "the connector of this webhook failed";
                Self::new(code, detail).with_status(failed(&error))
            }
            other @ (ReceptionError::Busy | ReceptionError::ConnectionDisabled(_)) => {
                let problem = Self::new(code, other.to_string());
                problem.with_status(StatusCode::SERVICE_UNAVAILABLE)
            }
        };
        match wait {
            Some(wait) => problem.retry_after(wait),
            None => problem,
        }
    }
}

/// The status of a connector's judgement.
fn refused(error: &StepError) -> StatusCode {
    match error.kind {
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Rejected => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The status of a failure: whether trying again soon may help.
fn failed(error: &StepError) -> StatusCode {
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
