//! `/login/device` and `/api/v1/login/device`: `dowel login` on another machine.

use super::login::{Connection, address};
use super::page::{hidden, page};
use super::{Actor, Form};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dowel_core::code::access::{
    ACCESS_INVALID, LINK_REFUSED, LOGIN_WAITS, NOT_PERMITTED, TOO_MANY_ATTEMPTS,
};
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::journal::Origin;
use dowel_engine::{By, DeviceState};
use maud::html;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How often the program is to ask, in seconds.
const INTERVAL_S: u64 = 2;

/// After which time somebody who was refused for the number of others may try again.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// What the program shows, and asks again with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DeviceLogin)]
pub(super) struct Begun {
    secret: String,
    code: String,
    /// The path of the page on which a person confirms the code.
    page: String,
    expires_at: String,
    interval_s: u64,
}

/// `POST /api/v1/login/device`: a program asks for a token.
#[utoipa::path(
    post,
    path = "/api/v1/login/device",
    tag = "access",
    operation_id = "begin_device_login",
    summary = "Asks for a token that a person confirms in a browser",
    responses(
        (status = 200, description = "The code to show", body = Begun),
    ),
)]
pub(super) async fn begin(
    State(state): State<Arc<ApiState>>,
    connection: Connection,
    headers: HeaderMap,
) -> Result<Json<Begun>, Problem> {
    let from = address(&state, &connection, &headers);
    let begun = state
        .engine
        .begin_device_login(from.map(|from| from.to_string()))
        .await?;
    let begun = begun.ok_or_else(|| {
        let detail = "too many programs wait for their login to be confirmed";
        Problem::new(TOO_MANY_ATTEMPTS, detail).retry_after(TRY_AGAIN)
    })?;
    Ok(Json(Begun {
        page: format!("/login/device?code={}", begun.code),
        secret: begun.secret,
        code: begun.code,
        expires_at: begun.expires_at.to_string(),
        interval_s: INTERVAL_S,
    }))
}

/// What the program asks again with.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeviceAsks)]
pub(super) struct Asks {
    secret: String,
}

/// The token, shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DeviceToken)]
struct Given {
    token: String,
    user: String,
    expires_at: String,
}

/// `POST /api/v1/login/device/token`: 202 until a person has confirmed it.
#[utoipa::path(
    post,
    path = "/api/v1/login/device/token",
    tag = "access",
    operation_id = "take_device_token",
    summary = "Takes the token once a person has confirmed it; 202 until then",
    request_body = Asks,
    responses(
        (status = 200, description = "The token, shown once", body = Given),
        (status = 202, description = "Nobody has confirmed the code yet", body = Object, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn token(
    State(state): State<Arc<ApiState>>,
    connection: Connection,
    headers: HeaderMap,
    asks: Result<Json<Asks>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(asks) = asks.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let from = address(&state, &connection, &headers);
    let by = By {
        actor: String::new(),
        origin: Some(Origin {
            identity: "dowel login".to_owned(),
            from: from.map(|from| from.to_string()),
        }),
    };
    match state.engine.device_state(&asks.secret, &by).await? {
        DeviceState::Waits => Err(Problem::new(LOGIN_WAITS, "confirm the code in the browser")),
        DeviceState::Gone => Err(Problem::new(LINK_REFUSED, "the request has ended")),
        DeviceState::Confirmed(token, text) => Ok(Json(Given {
            user: token.owner.actor(),
            expires_at: token.expires_at.to_string(),
            token: text,
        })
        .into_response()),
    }
}

/// The parameters of the page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    code: Option<String>,
}

/// Only a person can let a program act for them, and not by a token of theirs.
fn person(actor: &Actor) -> Result<&str, Problem> {
    let user = actor.user().filter(|_| actor.token().is_none());
    user.ok_or_else(|| {
        let detail = "sign in as a person, by a one-time link or an identity provider: a token cannot make another that may do all that its owner may";
        Problem::new(NOT_PERMITTED, detail)
    })
}

/// `GET /login/device`.
pub(super) async fn ask(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let user = person(&actor)?;
    let parameters = parameters.map(|Query(all)| all).unwrap_or_default();
    let Some(code) = parameters.code else {
        let content = html! {
            form method="get" action="/login/device" {
                label for="code" { "Code" }
                input #code type="text" name="code" autocomplete="off" required;
                button .primary { "Go on" }
            }
        };
        return Ok(page(StatusCode::OK, "Confirm a login", &content));
    };
    let found = state.engine.device_login(&code).await?;
    let from =
        found.ok_or_else(|| Problem::new(LINK_REFUSED, "no program waits with this code"))?;
    let content = html! {
        p {
            "A program" @if let Some(from) = &from { " at " (from) }
            " asks to act as " strong { (user) } "."
        }
        p {
            "Confirm only if you have started " code { "dowel login" }
            " yourself and it shows the code " code { (code) } "."
        }
        form method="post" action="/login/device" {
            (hidden("code", &code))
            (hidden("csrf", actor.csrf()))
            button .primary { "Confirm" }
        }
    };
    Ok(page(StatusCode::OK, "Confirm a login", &content))
}

/// `POST /login/device`.
pub(super) async fn confirm(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    form: Form,
) -> Result<Response, Problem> {
    let user = person(&actor)?;
    let code = form.get("code");
    let code = code.ok_or_else(|| Problem::new(ACCESS_INVALID, "the field `code` is missing"))?;
    state.engine.confirm_device_login(code, user).await?;
    let content = html! { p { "The program is signed in. You can close this page." } };
    Ok(page(StatusCode::OK, "Confirmed", &content))
}
