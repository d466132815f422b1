//! `/login/oidc` and `/login/callback`: people sign in at an identity provider, by OpenID
//! Connect's authorization code flow with PKCE (RFC 7636).

use super::caller::slow_down;
use super::login::{Connection, address, enter, refused};
use super::page::safe_next;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use dowel_core::Timestamp;
use dowel_core::code::access::{IDENTITY_REFUSED, NO_USER_YET, PROVIDER_FAILED};
use dowel_core::code::api::NO_SUCH_ROUTE;
use dowel_core::journal::Origin;
use dowel_core::port::{IdentityError, IdentityProvider, LoginRequest};
use dowel_engine::{By, Opened, SignedIn};
use serde::Deserialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// For how long a login may take.
const WAITS: Duration = Duration::from_secs(600);

/// Logins that wait at the same time: whoever begins one is not known.
const MOST: usize = 1_000;

/// The cookie that binds a login to the browser that began it.
const COOKIE: &str = "dowel-login";

/// A login that has begun.
#[derive(Clone, Debug)]
struct Pending {
    nonce: String,
    verifier: String,
    redirect: String,
    next: String,
    until: Timestamp,
}

/// Logins that have begun, by their state, in memory: a restart forgets them.
#[derive(Debug, Default)]
pub(crate) struct Logins(Mutex<HashMap<String, Pending>>);

impl Logins {
    fn add(&self, state: String, pending: Pending, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, pending| now < pending.until);
        }
        let has_room = all.len() < MOST;
        if has_room {
            all.insert(state, pending);
        }
        has_room
    }

    /// Takes a login out: it is answered once.
    fn take(&self, state: &str, now: Timestamp) -> Option<Pending> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(state).filter(|pending| now < pending.until)
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Failed(reason) => Self::new(PROVIDER_FAILED, reason),
            IdentityError::Refused(reason) => Self::new(IDENTITY_REFUSED, reason),
        }
    }
}

fn provider(state: &ApiState) -> Result<&dyn IdentityProvider, Problem> {
    let provider = state.identity.as_deref();
    provider.ok_or_else(|| Problem::new(NO_SUCH_ROUTE, "this host has no identity provider"))
}

/// The parameters of the begin.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    next: Option<String>,
}

/// `GET /login/oidc`: sends the browser to the provider.
pub(super) async fn begin(
    State(state): State<Arc<ApiState>>,
    connection: Connection,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    let parameters = parameters.map(|Query(all)| all).unwrap_or_default();
    let next = safe_next(parameters.next.as_deref());
    let from = address(&state, &connection, &headers);
    match send_off(&state, from, &next).await {
        Ok(response) => response,
        Err(problem) => refused(&state, &problem, &next),
    }
}

async fn send_off(state: &ApiState, from: Option<IpAddr>, next: &str) -> Result<Response, Problem> {
    slow_down(state, from, None)?;
    let provider = provider(state)?;
    if !state.engine.has_users().await? {
        let detail = "the first user comes in by a link: `dowel admin invite <name> --role admin`";
        return Err(Problem::new(NO_USER_YET, detail));
    }
    let desk = state.desk_url().unwrap_or_default();
    let pending = Pending {
        nonce: state.secret(),
        verifier: state.secret(),
        redirect: format!("{desk}/login/callback"),
        next: next.to_owned(),
        until: state.engine.time().plus(WAITS),
    };
    let name = state.secret();
    let url = provider.login_url(pending.request(&name)).await?;
    if !state.logins.add(name.clone(), pending, state.engine.time()) {
        return Err(Problem::new(PROVIDER_FAILED, "too many logins have begun"));
    }
    let mut response = Redirect::to(&url).into_response();
    let secure = if state.is_secure() { "; Secure" } else { "" };
    let age = WAITS.as_secs();
    let cookie =
        format!("{COOKIE}={name}; Path=/login; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

impl Pending {
    fn request<'a>(&'a self, state: &'a str) -> LoginRequest<'a> {
        LoginRequest {
            redirect: &self.redirect,
            state,
            nonce: &self.nonce,
            verifier: &self.verifier,
        }
    }
}

/// What the provider sends back with the browser.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `GET /login/callback`.
pub(super) async fn callback(
    State(state): State<Arc<ApiState>>,
    connection: Connection,
    headers: HeaderMap,
    back: Result<Query<Back>, QueryRejection>,
) -> Response {
    let back = back.map(|Query(all)| all).unwrap_or_default();
    let from = address(&state, &connection, &headers);
    match come_back(&state, from, &headers, back).await {
        Ok((opened, next)) => enter(&state, &opened, &next),
        Err(problem) => refused(&state, &problem, "/"),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

async fn come_back(
    state: &ApiState,
    from: Option<IpAddr>,
    headers: &HeaderMap,
    back: Back,
) -> Result<(Opened, String), Problem> {
    slow_down(state, from, None)?;
    let provider = provider(state)?;
    let refuse = |detail: &str| {
        state.limits.failed(from, None, state.engine.time());
        Problem::new(IDENTITY_REFUSED, detail)
    };
    let name = back.state.unwrap_or_default();
    let own = cookie(headers).filter(|own| *own == name);
    let pending = own.and_then(|own| state.logins.take(own, state.engine.time()));
    let pending = pending.ok_or_else(|| {
        refuse("this browser has begun no such login, or too long ago: begin again")
    })?;
    if let Some(error) = back.error {
        let word: String = error
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(64)
            .collect();
        return Err(refuse(&format!("the identity provider said `{word}`")));
    }
    let code = back
        .code
        .ok_or_else(|| refuse("the identity provider sent no code"))?;
    let identity = provider.redeem(pending.request(&name), &code).await?;
    let by = By {
        actor: identity.name.clone(),
        origin: Some(Origin {
            identity: format!("identity provider {}", identity.issuer),
            from: from.map(|from| from.to_string()),
        }),
    };
    let engine = &state.engine;
    let user = engine
        .user_of_identity(&identity.name, &identity.groups, &by)
        .await?;
    let by = By {
        actor: user.id.clone(),
        ..by
    };
    let signed_in = SignedIn {
        user: user.id,
        how: format!("identity provider {}", identity.issuer),
        groups: identity.groups,
        token: None,
    };
    Ok((engine.open_session(signed_in, &by).await?, pending.next))
}
