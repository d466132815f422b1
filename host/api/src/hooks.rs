//! `/hooks/<path>`: webhooks of flows.

use crate::answers;
use crate::intake::{self, Incoming};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use dowel_core::Digest;
use dowel_core::code::api::{NO_SUCH_HOOK, UNVERIFIED};
use dowel_engine::Hook;
use dowel_flow::plan::Verify;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) async fn receive(
    State(state): State<Arc<ApiState>>,
    method: Method,
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
    verify(&state, &hook, &headers).await?;
    let respond =
        Some((hook.flow.clone(), hook.trigger.clone())).filter(|_| !hook.respond.is_at_once());
    let incoming = Incoming {
        flow: hook.flow,
        trigger: hook.trigger,
        headers: kept(&headers, &hook.headers),
        query,
        path,
        traceparent: text(&headers, "traceparent"),
        idempotency_key: None,
    };
    let accepted = intake::take_in(&state, incoming, &headers, body).await?;
    match respond {
        None => Ok(intake::answer(&accepted)),
        Some((flow, trigger)) => answers::of_end(&state, &accepted, &flow, &trigger).await,
    }
}

/// Checks the sender before anything of the body is read.
async fn verify(state: &ApiState, hook: &Hook, headers: &HeaderMap) -> Result<(), Problem> {
    let unverified =
        |detail: &str| Problem::new(UNVERIFIED, detail).correlated(state.correlation_id());
    match hook.verify {
        Verify::None => Ok(()),
        Verify::Token => {
            let Some(name) = state.options.hook_secrets.get(&hook.flow) else {
                return Err(unverified(
                    "the environment names no secret for this webhook",
                ));
            };
            let secret = state.secrets.get(name).await;
            let secret =
                secret.map_err(|_| unverified("the secret of this webhook cannot be read"))?;
            let given = text(headers, header::AUTHORIZATION.as_str()).unwrap_or_default();
            let token = given.strip_prefix("Bearer ").unwrap_or_default();
            // Digests are compared instead of texts, so the time tells nothing about
            // how much of a guess was right.
            if Digest::of(token) == Digest::of(secret.expose()) {
                return Ok(());
            }
            Err(unverified(
                "the request does not carry the token of this webhook",
            ))
        }
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
