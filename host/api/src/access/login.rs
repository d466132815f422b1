//! `/login` and `/logout`: people sign in by a one-time link or by an API token.

use super::caller::{checked_token, slow_down};
use super::page::{explained, hidden, page, safe_next};
use super::{Actor, Form, Peer, client_address, cookie};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use dowel_core::code::access::ACCESS_INVALID;
use dowel_core::journal::Origin;
use dowel_engine::{By, Opened, PeopleError, SignedIn, TokenOwner};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;

/// The parameters of the page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    /// The secret of a one-time link.
    link: Option<String>,
    /// Where to go on to.
    next: Option<String>,
}

/// The other end of the connection, where the server knows it.
pub(super) type Connection = Option<Extension<ConnectInfo<Peer>>>;

/// The address of whoever tries to sign in.
pub(super) fn address(
    state: &ApiState,
    connection: &Connection,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    let peer = connection
        .as_ref()
        .map(|Extension(ConnectInfo(peer))| *peer);
    client_address(peer, headers, &state.options.trusted_proxies)
}

/// `GET /login`. A one-time link is not used up by looking: programs that show previews of
/// links look as well.
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    actor: Option<Actor>,
    connection: Connection,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let parameters = parameters.map(|Query(all)| all).unwrap_or_default();
    let next = safe_next(parameters.next.as_deref());
    let from = address(&state, &connection, &headers);
    match &parameters.link {
        Some(link) => match link_page(&state, from, link, &next).await {
            Ok(response) => response,
            Err(problem) => refused(&state, &problem, &next),
        },
        None => page(
            StatusCode::OK,
            "Sign in",
            &form(&state, actor.as_ref(), &next),
        ),
    }
}

async fn link_page(
    state: &ApiState,
    from: Option<IpAddr>,
    link: &str,
    next: &str,
) -> Result<Response, Problem> {
    slow_down(state, from, None)?;
    let user = state.engine.link_for(link).await;
    let user = user.map_err(|error| failed(state, from, error))?;
    let content = html! {
        p { "This link signs in " strong { (user) } ", once." }
        form method="post" action="/login" {
            (hidden("link", link))
            (hidden("next", next))
            button .primary { "Sign in" }
        }
    };
    Ok(page(StatusCode::OK, "Sign in", &content))
}

/// A failed attempt, counted.
fn failed(state: &ApiState, from: Option<IpAddr>, error: PeopleError) -> Problem {
    if matches!(error, PeopleError::LinkRefused) {
        state.limits.failed(from, None, state.engine.time());
    }
    error.into()
}

fn form(state: &ApiState, actor: Option<&Actor>, next: &str) -> Markup {
    let provider = format!(
        "/login/oidc?next={}",
        utf8_percent_encode(next, NON_ALPHANUMERIC)
    );
    html! {
        @if let Some(actor) = actor {
            p { "You are signed in as " strong { (actor.id()) } ". " a href=(next) { "Go on" } }
        }
        @if state.identity.is_some() {
            p { a .button .primary href=(provider) { "Sign in with your organisation" } }
        }
        form method="post" action="/login" {
            (hidden("next", next))
            label for="token" { "API token" }
            input #token type="password" name="token" autocomplete="current-password" required;
            button .primary[state.identity.is_none()] { "Sign in" }
        }
        p .small .soft {
            "A one-time link does the same: " code { "dowel admin invite <name>" }
            " on the host's machine prints one."
        }
    }
}

/// The page again, with what went wrong.
pub(super) fn refused(state: &ApiState, problem: &Problem, next: &str) -> Response {
    let content = html! { (explained(problem)) (form(state, None, next)) };
    let mut response = page(problem.status(), "Sign in", &content);
    if let Some(wait) = problem.wait() {
        let seconds = wait.as_secs().max(1);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// `POST /login` with the field `token` or `link`.
pub(super) async fn sign_in(
    State(state): State<Arc<ApiState>>,
    connection: Connection,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let next = safe_next(form.get("next"));
    let from = address(&state, &connection, &headers);
    match open(&state, from, &form).await {
        Ok(opened) => enter(&state, &opened, &next),
        Err(problem) => refused(&state, &problem, &next),
    }
}

/// Goes on with the session's cookie set.
pub(super) fn enter(state: &ApiState, opened: &Opened, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    if let Some(cookie) = cookie::set(Some(&opened.secret), state.is_secure()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn open(state: &ApiState, from: Option<IpAddr>, form: &Form) -> Result<Opened, Problem> {
    let by = |actor: &str, identity: String| By {
        actor: actor.to_owned(),
        origin: Some(Origin {
            identity,
            from: from.map(|from| from.to_string()),
        }),
    };
    if let Some(link) = form.get("link") {
        slow_down(state, from, None)?;
        let by = by("", "one-time link".to_owned());
        let opened = state.engine.redeem_link(link, &by).await;
        return opened.map_err(|error| failed(state, from, error));
    }
    let Some(text) = form.get("token") else {
        return Err(
            Problem::new(ACCESS_INVALID, "send a token or a one-time link")
                .with_status(StatusCode::BAD_REQUEST),
        );
    };
    let token = checked_token(state, from, text).await?;
    let actor = token.owner.actor();
    let signed_in = SignedIn {
        user: match &token.owner {
            TokenOwner::User(id) => id.clone(),
            TokenOwner::Service(_) => actor.clone(),
        },
        how: format!("token {}", token.name),
        token: Some(token.id.clone()),
        ..SignedIn::default()
    };
    let by = by(&actor, format!("token {} ({})", token.name, token.id));
    Ok(state.engine.open_session(signed_in, &by).await?)
}

/// `POST /logout`.
pub(super) async fn sign_out(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(secret) = cookie::read(&headers, state.is_secure()) {
        state.engine.end_session(&secret, &actor.by()).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    if let Some(cookie) = cookie::set(None, state.is_secure()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
