//! `/events`: CloudEvents 1.0.2 over HTTP, structured, binary and batched.

mod access;
mod answer;
mod binding;

use crate::access::Actor;
use crate::intake;
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use dowel_core::CloudEvent;
use dowel_core::JsonText;
use dowel_core::access::Permission;
use dowel_core::cloud_event::TRACEPARENT;
use dowel_core::code::api::{BAD_REQUEST, BATCH_TOO_LARGE};
use dowel_engine::mask::mask;
use dowel_engine::{Refusal, Undelivered};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most events of one batch: all that follows from them is one transaction.
const MAX_BATCH: usize = 100;

/// Entries of a list unless the request says otherwise.
const DEFAULT_PAGE: usize = 50;

/// `POST /events`.
#[utoipa::path(
    post,
    path = "/events",
    tag = "intake",
    operation_id = "send_event",
    summary = "Takes CloudEvents 1.0.2, structured, binary or batched; on the public listener",
    request_body = serde_json::Value,
    responses(
        (status = 202, description = "The events are on disk", body = serde_json::Value),
    ),
)]
pub(crate) async fn receive(
    State(state): State<Arc<ApiState>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let taken = take(&state, &headers, body).await;
    taken.map_err(|problem| problem.correlated(state.correlation_id()))
}

async fn take(state: &ApiState, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    // Before anything of the body is read.
    let sender = access::identify(state, headers).await?;
    let mode = binding::mode(headers)?;
    let body = intake::read_bytes(body, headers, state.options.max_body_bytes).await?;
    let mut events = binding::read(mode, headers, &body)?;
    if events.len() > MAX_BATCH {
        let message = format!(
            "the batch has {} events, {MAX_BATCH} are taken at once",
            events.len()
        );
        return Err(Problem::new(BATCH_TOO_LARGE, message));
    }
    for (index, event) in events.iter_mut().enumerate() {
        access::check(&sender, event, mode.place(index).as_str())?;
        add_trace(event, headers);
    }
    let published = state.engine.publish(&events).await;
    let published = published.map_err(|error| answer::refused(error, mode))?;
    Ok(answer::answer(&published, mode))
}

/// An event without a trace context of its own goes on with the request's.
fn add_trace(event: &mut CloudEvent, headers: &HeaderMap) {
    let header = headers
        .get(TRACEPARENT)
        .and_then(|value| value.to_str().ok());
    if let (Some(header), false) = (header, event.extensions.contains_key(TRACEPARENT)) {
        let trace = JsonText::string(header);
        event.extensions.insert(TRACEPARENT.to_owned(), trace);
    }
}

/// The parameters of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// A page of the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UndeliveredPage)]
pub(crate) struct Page {
    events: Vec<Listed>,
    next: Option<String>,
}

/// An event that a flow did not take.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UndeliveredEvent)]
struct Listed {
    id: String,
    at: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    refusal: Refusal,
    #[schema(value_type = serde_json::Value)]
    event: JsonText,
}

/// `GET /api/v1/events/undelivered`: events that flows did not take although their
/// triggers are for them, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events/undelivered",
    tag = "events",
    operation_id = "list_undelivered",
    summary = "Lists events that flows did not take, the newest first",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of events", body = Page),
    ),
)]
pub(crate) async fn undelivered(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    parameters: Result<Query<ListParameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let before = paging::place(parameters.cursor.as_deref(), |text| text.parse().ok())?;
    let limit = parameters.limit.unwrap_or(DEFAULT_PAGE);
    let page = state.engine.undelivered(before, limit).await?;
    let sees =
        |entry: &Undelivered| actor.reaches(&state.engine, Permission::Read, &entry.refusal.flow);
    let entries = page.entries.into_iter().filter(sees).map(|entry| Listed {
        id: entry.id.to_string(),
        at: entry.at.to_string(),
        refusal: entry.refusal,
        event: mask(&entry.event),
    });
    Ok(Json(Page {
        events: entries.collect(),
        next: page.next.map(|next| paging::cursor(&next)),
    }))
}
