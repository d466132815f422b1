//! From a request's body to a durable run, for webhooks and for the API.

use crate::problem::Problem;
use crate::state::ApiState;
use crate::wait;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_FLOW, NOT_JSON, TOO_LARGE};
use dowel_core::{FlowName, RunId};
use dowel_engine::{Accepted, IntakeRequest, MessageKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The longest `Idempotency-Key`, in bytes.
pub(crate) const MAX_IDEMPOTENCY_KEY: usize = 255;

/// A request that may begin a run, apart from its body.
pub(crate) struct Incoming {
    pub(crate) flow: FlowName,
    pub(crate) trigger: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) path: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// What tells a signed message from others.
    pub(crate) message: Option<MessageKey>,
}

/// The parameters of a manual run.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ManualParameters {
    /// The trigger, where the flow has several manual ones.
    trigger: Option<String>,
}

/// `POST /api/v1/flows/{flow}/runs`: begins a run of a flow with a manual trigger.
#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/runs",
    tag = "runs",
    operation_id = "start_run",
    summary = "Starts a run of a flow that has a manual trigger",
    params(
        ManualParameters,
        ("Prefer" = Option<String>, Header, description = "`wait=20` waits up to 20 seconds for the end of the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key stands for the same run"),
    ),
    request_body = serde_json::Value,
    responses(
        (status = 200, description = "With `Prefer: wait`, the end of the run; otherwise the run of an earlier request with the same key", body = wait::Ended),
        (status = 202, description = "A run has begun, and is on disk", body = Taken),
    ),
)]
pub(crate) async fn manual(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    parameters: Result<Query<ManualParameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let flow = FlowName::new(&flow).map_err(|e| Problem::new(NO_SUCH_FLOW, e.to_string()))?;
    let incoming = Incoming {
        path: format!("/api/v1/flows/{flow}/runs"),
        trigger: manual_trigger(&state, &flow, parameters.trigger)?,
        flow,
        headers: BTreeMap::new(),
        query: BTreeMap::new(),
        traceparent: text(&headers, "traceparent").map(str::to_owned),
        idempotency_key: idempotency_key(&headers)?,
        message: None,
    };
    let payload = read_bytes(body, &headers, state.options.max_body_bytes)
        .await
        .map_err(|problem| problem.correlated(state.correlation_id()))?;
    let accepted = take_in(&state, incoming, payload).await?;
    wait::answer(&state, &accepted, wait::preferred(&headers)).await
}

/// The manual trigger that is meant. No other kind can be reached from here: a webhook's
/// payload is for its own path, with its own proof of the sender.
fn manual_trigger(
    state: &ApiState,
    flow: &FlowName,
    asked: Option<String>,
) -> Result<String, Problem> {
    let manual = state.engine.manual_triggers(flow);
    let none =
        |what: &str| Problem::new(NO_SUCH_FLOW, format!("no active flow `{flow}` has {what}"));
    match (asked, manual.as_slice()) {
        (Some(name), _) if manual.contains(&name) => Ok(name),
        (Some(name), _) => Err(none(&format!("a manual trigger `{name}`"))),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(none("a manual trigger")),
        (None, several) => {
            let names = several.join("`, `");
            let message = format!(
                "the flow has several manual triggers, name one with `?trigger=`: `{names}`"
            );
            Err(Problem::new(BAD_REQUEST, message))
        }
    }
}

/// The `Idempotency-Key` of a request.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let bad = || {
        let message = format!(
            "`Idempotency-Key` has 1 to {MAX_IDEMPOTENCY_KEY} printable characters of ASCII"
        );
        Problem::new(BAD_REQUEST, message)
    };
    let key = value.to_str().map_err(|_| bad())?.trim();
    let is_printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY || !is_printable {
        return Err(bad());
    }
    Ok(Some(key.to_owned()))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Hands the event to the engine. When this returns it is on disk.
pub(crate) async fn take_in(
    state: &ApiState,
    incoming: Incoming,
    payload: Vec<u8>,
) -> Result<Accepted, Problem> {
    let correlated = |problem: Problem| problem.correlated(state.correlation_id());
    let not_text = |_| correlated(Problem::new(NOT_JSON, "the body is not UTF-8"));
    let payload = String::from_utf8(payload).map_err(not_text)?;
    let request = IntakeRequest {
        flow: incoming.flow,
        trigger: incoming.trigger,
        payload,
        headers: incoming.headers,
        query: incoming.query,
        path: incoming.path,
        traceparent: incoming.traceparent,
        idempotency_key: incoming.idempotency_key,
        message: incoming.message,
    };
    let accepted = state.engine.accept(request).await;
    accepted.map_err(|error| correlated(error.into()))
}

/// That an event is on disk.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Taken {
    /// Its run.
    run: String,
    /// `accepted`, `duplicate` or `dropped`.
    status: &'static str,
}

/// That the event is accepted, and where to look for its run.
pub(crate) fn answer(accepted: &Accepted) -> Response {
    let run = accepted.run().to_string();
    let (status, word) = match accepted {
        Accepted::New(_) => (StatusCode::ACCEPTED, "accepted"),
        Accepted::Duplicate(_) => (StatusCode::OK, "duplicate"),
        Accepted::Dropped(_) => (StatusCode::OK, "dropped"),
    };
    let taken = Taken { run, status: word };
    let response = (status, axum::Json(taken)).into_response();
    located(response, accepted.run())
}

/// The same answer with the place of the run.
pub(crate) fn located(mut response: Response, run: RunId) -> Response {
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/runs/{run}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// How much more than its limit is read of a body that is too large, as a multiple of the
/// limit. Whoever is still sending when the connection ends may never read the answer, and
/// a proxy makes a `502` of it.
const READ_AWAY: usize = 3;

/// How long that may take in all, and how long nothing may come: a busy machine may take a
/// while, and who has stopped sending waits for the answer.
const READ_AWAY_WITHIN: Duration = Duration::from_secs(30);
const READ_AWAY_PATIENCE: Duration = Duration::from_secs(5);

/// The body, if it is not larger than `limit` bytes.
pub(crate) async fn read_bytes(
    mut body: Body,
    headers: &HeaderMap,
    limit: usize,
) -> Result<Vec<u8>, Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let mut bytes = Vec::with_capacity(announced.unwrap_or_default().min(limit));
    let mut is_too_large = announced.is_some_and(|length| length > limit);
    while !is_too_large && let Some(part) = next_part(&mut body).await? {
        is_too_large = bytes.len() + part.len() > limit;
        if !is_too_large {
            bytes.extend_from_slice(&part);
        }
    }
    if !is_too_large {
        return Ok(bytes);
    }
    let rest = read_away(&mut body, limit.saturating_mul(READ_AWAY));
    // Whatever is left, the answer is the same.
    let _ = tokio::time::timeout(READ_AWAY_WITHIN, rest).await;
    let message = format!("the body is larger than {limit} bytes");
    Err(Problem::new(TOO_LARGE, message))
}

/// The next bytes of a body; nothing at its end.
async fn next_part(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame.map(|frame| frame.map(|frame| frame.into_data().ok())) {
            None => return Ok(None),
            Some(Ok(Some(part))) => return Ok(Some(part)),
            // Trailers say nothing that matters here.
            Some(Ok(None)) => {}
            Some(Err(_)) => {
                let message = "the body could not be read to its end";
                return Err(Problem::new(BAD_REQUEST, message));
            }
        }
    }
}

async fn read_away(body: &mut Body, most: usize) {
    let mut read = 0;
    while read < most
        && let Ok(part) = tokio::time::timeout(READ_AWAY_PATIENCE, next_part(body)).await
        && let Ok(Some(part)) = part
    {
        read += part.len();
    }
}
