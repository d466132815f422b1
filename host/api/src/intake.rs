//! From a request's body to a durable run, for webhooks and for the API.

use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dowel_core::FlowName;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_FLOW, NOT_JSON, TOO_LARGE};
use dowel_engine::{Accepted, IntakeRequest};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of a flow's only manual trigger.
const MANUAL: &str = "manual";

/// A request that may begin a run, apart from its body.
pub(crate) struct Incoming {
    pub(crate) flow: FlowName,
    pub(crate) trigger: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) path: String,
    pub(crate) traceparent: Option<String>,
}

/// `POST /api/v1/flows/{flow}/runs`: begins a run of a flow with a manual trigger.
pub(crate) async fn manual(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let flow = FlowName::new(&flow).map_err(|e| Problem::new(NO_SUCH_FLOW, e.to_string()))?;
    let traceparent = headers
        .get("traceparent")
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    let incoming = Incoming {
        path: format!("/api/v1/flows/{flow}/runs"),
        flow,
        trigger: MANUAL.to_owned(),
        headers: BTreeMap::new(),
        query: BTreeMap::new(),
        traceparent,
    };
    take_in(&state, incoming, &headers, body).await
}

/// Reads the body, hands the event to the engine, and answers once it is on disk.
pub(crate) async fn take_in(
    state: &ApiState,
    incoming: Incoming,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let correlated = |problem: Problem| problem.correlated(state.correlation_id());
    let payload = read(body, headers, state.options.max_body_bytes)
        .await
        .map_err(correlated)?;
    let request = IntakeRequest {
        flow: incoming.flow,
        trigger: incoming.trigger,
        payload,
        headers: incoming.headers,
        query: incoming.query,
        path: incoming.path,
        traceparent: incoming.traceparent,
        idempotency_key: None,
    };
    let accepted = state
        .engine
        .accept(request)
        .await
        .map_err(|error| correlated(error.into()))?;
    Ok(answer(&accepted))
}

fn answer(accepted: &Accepted) -> Response {
    let run = accepted.run().to_string();
    let (status, word) = match accepted {
        Accepted::New(_) => (StatusCode::ACCEPTED, "accepted"),
        Accepted::Duplicate(_) => (StatusCode::OK, "duplicate"),
    };
    let location = format!("/api/v1/runs/{run}");
    let mut response = (status, axum::Json(json!({ "run": run, "status": word }))).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn read(body: Body, headers: &HeaderMap, limit: usize) -> Result<String, Problem> {
    let too_large = || Problem::new(TOO_LARGE, format!("the body is larger than {limit} bytes"));
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        let is_limit =
            source.is_some_and(|source| source.to_string().contains("length limit exceeded"));
        if is_limit {
            too_large()
        } else {
            Problem::new(BAD_REQUEST, "the body could not be read to its end")
        }
    })?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::new(NOT_JSON, "the body is not UTF-8"))
}
