//! `/hooks/<path>`: webhooks of flows.

mod receiver;
mod signature;
mod verify;

use self::verify::Proof;
use crate::answers;
use crate::intake::{self, Incoming};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use dowel_core::code::api::NO_SUCH_HOOK;
use dowel_engine::HookReader;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

#[utoipa::path(
    post,
    path = "/hooks/{path}",
    tag = "intake",
    operation_id = "send_webhook",
    summary = "Takes a webhook of a flow; on the public listener",
    request_body = serde_json::Value,
    responses(
        (status = 202, description = "A run has begun, and is on disk", body = serde_json::Value),
        (status = 200, description = "The answer of the flow, or the run of an earlier delivery", body = serde_json::Value),
    ),
)]
pub(crate) async fn receive(
    State(state): State<Arc<ApiState>>,
    method: Method,
    uri: Uri,
    Path(path): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let path = format!("/{path}");
    let no_hook = || {
        Problem::new(
            NO_SUCH_HOOK,
            format!("no active flow listens at {method} {path}"),
        )
    };
    let hook = state
        .engine
        .hook(method.as_str(), &path)
        .ok_or_else(no_hook)?;
    let HookReader::Host {
        verify,
        headers: names,
        respond,
    } = &hook.reader
    else {
        let sent = receiver::Sent {
            method: &method,
            uri: &uri,
            headers: &headers,
        };
        return receiver::receive(&state, &hook, sent, body).await;
    };
    // A token is looked at before anything of the body is read; a signature needs all of it.
    let proof = Proof::of(*verify);
    if matches!(proof, Proof::Token) {
        verify::token(&state, &hook, &headers).await?;
    }
    let payload = intake::read_bytes(body, &headers, state.options.max_body_bytes)
        .await
        .map_err(|problem| problem.correlated(state.correlation_id()))?;
    let message = match proof {
        Proof::Signature(scheme) => {
            let message = verify::signature(&state, &hook, scheme, &headers, &payload).await?;
            if scheme.is_greeting(&headers) {
                return Ok(axum::Json(json!({ "status": "greeted" })).into_response());
            }
            Some(message)
        }
        Proof::Nothing | Proof::Token => None,
    };
    let respond = Some((hook.flow.clone(), hook.trigger.clone())).filter(|_| !respond.is_at_once());
    let incoming = Incoming {
        flow: hook.flow.clone(),
        trigger: hook.trigger.clone(),
        headers: kept(&headers, names),
        query,
        path,
        traceparent: text(&headers, "traceparent"),
        idempotency_key: None,
        message,
    };
    let accepted = intake::take_in(&state, incoming, payload).await?;
    match respond {
        None => Ok(intake::answer(&accepted)),
        Some((flow, trigger)) => answers::of_end(&state, &accepted, &flow, &trigger).await,
    }
}

fn kept(headers: &HeaderMap, names: &[String]) -> BTreeMap<String, String> {
    let pairs = names
        .iter()
        .filter_map(|name| Some((name.clone(), text(headers, name)?)));
    pairs.collect()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
