//! `Idempotency-Key` of writes: a request that comes again is answered as the first was.
//!
//! A request with a key goes on when its caller has gone away: whoever has lost the answer
//! asks again with the same key. See ADR 0055 for what is kept.

use super::actor::Actor;
use super::guard::Gate;
use super::needs::Repeats;
use crate::problem::Problem;
use crate::request;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dowel_core::Digest;
use dowel_core::code::api::IDEMPOTENCY_MISMATCH;
use dowel_core::code::repeat::{ANSWER_NOT_KEPT, OUTCOME_UNKNOWN, STILL_UNDERWAY};
use dowel_core::port::StoreError;
use dowel_engine::{KeptAnswer, Once, Repeatable};
use std::sync::Arc;
use std::time::Duration;

/// Says that an answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Headers that belong to the answer and not to the request that it is given to.
const KEPT_HEADERS: [HeaderName; 2] = [header::CONTENT_TYPE, header::LOCATION];

/// When a request that meets one which is still at work is worth sending again.
const SOON: Duration = Duration::from_secs(1);

/// Lets the handler answer, once for each key.
pub(super) async fn answer(
    gate: &Gate,
    actor: Option<&Actor>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let is_apart = gate.needs.is_page || gate.needs.repeats == Repeats::Recognised;
    let Some(actor) = actor.filter(|_| !reads && !is_apart) else {
        return next.run(request).await;
    };
    let key = match crate::intake::idempotency_key(request.headers()) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let keyed = read(&gate.state, actor, &key, request).await;
    let answered = match keyed {
        Ok((repeatable, request)) => {
            let secret = gate.needs.repeats == Repeats::Secret;
            once(&gate.state, repeatable, secret, request, next).await
        }
        Err(problem) => Err(problem),
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

/// What the request is recognised by, and the request with its body.
async fn read(
    state: &ApiState,
    actor: &Actor,
    key: &str,
    request: Request,
) -> Result<(Repeatable, Request), Problem> {
    let (parts, body) = request.into_parts();
    let limit = state.options.max_body_bytes;
    let bytes = crate::intake::read_bytes(body, &parts.headers, limit).await?;
    let mut text = format!("{} {}\n", parts.method, parts.uri).into_bytes();
    text.extend_from_slice(&bytes);
    let repeatable = Repeatable {
        // Names of callers have no line breaks.
        key: Digest::of(format!("{}\n{key}", actor.id())),
        request: Digest::of(text),
    };
    Ok((repeatable, Request::from_parts(parts, Body::from(bytes))))
}

async fn once(
    state: &Arc<ApiState>,
    repeatable: Repeatable,
    secret: bool,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match state.engine.begin_once(repeatable).await? {
        Once::First => {}
        Once::Answered(kept) => return again(kept),
        Once::Differs => {
            let detail = "another method, address or body was sent with this `Idempotency-Key`";
            return Err(Problem::new(IDEMPOTENCY_MISMATCH, detail));
        }
        Once::Underway => {
            let detail = "the first request with this key has not been answered yet";
            return Err(Problem::new(STILL_UNDERWAY, detail).retry_after(SOON));
        }
        Once::Unknown => {
            let detail = "the first request with this key was begun and never answered";
            return Err(Problem::new(OUTCOME_UNKNOWN, detail));
        }
    }
    let (state, id) = (state.clone(), request::current());
    let work = async move {
        let response = next.run(request).await;
        keep(&state, repeatable, secret, response).await
    };
    let task = tokio::spawn(request::scoped(id, work));
    task.await.map_err(|_| {
        let detail = "the host failed while it carried the request out";
        Problem::new(OUTCOME_UNKNOWN, detail).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// Writes the answer down and hands it on. A refusal is not kept: nothing came of it.
async fn keep(
    state: &ApiState,
    repeatable: Repeatable,
    secret: bool,
    response: Response,
) -> Response {
    let (parts, body) = response.into_parts();
    // What a handler has made is at hand.
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    let written = match parts.status.is_success() {
        false => state.engine.forget_once(repeatable).await,
        true => {
            let text = std::str::from_utf8(&bytes).ok().filter(|_| !secret);
            let headers = KEPT_HEADERS.iter().filter_map(|name| {
                let value = parts.headers.get(name)?.to_str().ok()?;
                Some((name.to_string(), value.to_owned()))
            });
            let kept = KeptAnswer {
                status: parts.status.as_u16(),
                headers: headers.collect(),
                body: text.map(str::to_owned),
            };
            state.engine.finish_once(repeatable, kept).await
        }
    };
    tell(written);
    Response::from_parts(parts, Body::from(bytes))
}

/// The request itself was carried out: only who repeats it is told less.
fn tell(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::warn!(%error, "the answer of a request with an idempotency key is not kept");
    }
}

/// The answer of the first request.
fn again(kept: KeptAnswer) -> Result<Response, Problem> {
    let Some(body) = kept.body else {
        let detail = format!("the first request was answered {}", kept.status);
        return Err(Problem::new(ANSWER_NOT_KEPT, detail));
    };
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in kept.headers {
        let pair = (name.parse::<HeaderName>(), HeaderValue::from_str(&value));
        if let (Ok(name), Ok(value)) = pair {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
