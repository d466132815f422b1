//! Finds out who calls: by a token of the host or of the identity provider, by a session's cookie, or by the local socket.

use super::actor::{Actor, Known};
use super::address::client_address;
use super::cookie;
use super::peer::Peer;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::http::{HeaderMap, StatusCode, header};
use dowel_core::access::{Grant, Rights};
use dowel_core::code::access::{
    OTHER_PERSON, PEER_REFUSED, PROVIDER_FAILED, SESSION_ENDED, TOKEN_REFUSED, TOO_MANY_ATTEMPTS,
};
use dowel_core::journal::Origin;
use dowel_core::port::IdentityError;
use dowel_engine::{Engine, Token, TokenOwner};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Whom the caller of the local socket speaks for, while the host has no users.
const SPEAKS_FOR: &str = "dowel-as";

/// The superuser, who may do everything on a machine anyway.
const ROOT: u32 = 0;

/// The longest name that a caller of the local socket may speak for, in bytes.
const MAX_NAME: usize = 200;

/// How the names of programs begin.
const SERVICE: &str = "service:";

/// How the names of programs begin that the identity provider knows: a name that it gives is
/// not the one that this host has given to a token.
const CLIENT: &str = "client:";

/// Digits of a session's digest that the audit record names it by.
const SESSION_DIGITS: usize = 8;

/// Who calls; nobody if the request carries no proof.
///
/// # Errors
/// The request carries a proof that does not count.
pub(super) async fn caller(
    state: &ApiState,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Result<Option<Actor>, Problem> {
    let from = client_address(peer, headers, &state.options.trusted_proxies);
    if let Some(token) = bearer(headers) {
        return match is_jwt(token) {
            true => by_provider(state, from, token).await.map(Some),
            false => by_token(state, from, token).await.map(Some),
        };
    }
    if let Some(Peer::Socket { user }) = peer {
        return by_socket(state, user, headers).await.map(Some);
    }
    match cookie::read(headers, state.is_secure()) {
        Some(secret) => by_session(state, from, &secret).await.map(Some),
        None => Ok(None),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses who has failed too often.
pub(super) fn slow_down(
    state: &ApiState,
    from: Option<IpAddr>,
    account: Option<&str>,
) -> Result<(), Problem> {
    match state.limits.wait(from, account, state.engine.time()) {
        None => Ok(()),
        Some(wait) => {
            let detail = format!("wait {} s", wait.as_secs().max(1));
            Err(Problem::new(TOO_MANY_ATTEMPTS, detail).retry_after(wait))
        }
    }
}

/// The token of a text, if it counts; failures are counted.
pub(super) async fn checked_token(
    state: &ApiState,
    from: Option<IpAddr>,
    text: &str,
) -> Result<Token, Problem> {
    let id = Engine::token_id(text);
    slow_down(state, from, id)?;
    match state.engine.token(text).await? {
        Some(token) => Ok(token),
        None => {
            state.limits.failed(from, id, state.engine.time());
            let named = id.map_or_else(String::new, |id| format!(" `{id}`"));
            let detail = format!("the token{named} is unknown, has expired or was revoked");
            Err(Problem::new(TOKEN_REFUSED, detail))
        }
    }
}

/// Whether it is three parts of base64 (RFC 7515, section 3.1), as no token of a host is.
fn is_jwt(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// A program with a token of the identity provider. What it may do is said by the policy,
/// for its name and for its groups at the provider.
async fn by_provider(
    state: &ApiState,
    from: Option<IpAddr>,
    token: &str,
) -> Result<Actor, Problem> {
    slow_down(state, from, None)?;
    let provider = state.identity.as_deref();
    let no_provider = || Problem::new(TOKEN_REFUSED, "this host has no identity provider");
    let shown = provider.ok_or_else(no_provider)?.bearer(token).await;
    let machine = match shown {
        Ok(machine) => machine,
        Err(IdentityError::Failed(reason)) => return Err(Problem::new(PROVIDER_FAILED, reason)),
        Err(IdentityError::Refused(reason)) => {
            state.limits.failed(from, None, state.engine.time());
            return Err(Problem::new(TOKEN_REFUSED, reason));
        }
    };
    let id = format!("{CLIENT}{}", machine.name);
    let grants = state.engine.policy_grants(&id, &machine.groups);
    Ok(Actor::new(Known {
        rights: Rights::of(grants, state.engine.environment()),
        origin: Origin {
            identity: format!("token of {}", machine.issuer),
            from: from.map(|from| from.to_string()),
        },
        id,
        csrf: None,
        user: None,
        token: None,
        groups: machine.groups,
    }))
}

async fn by_token(state: &ApiState, from: Option<IpAddr>, text: &str) -> Result<Actor, Problem> {
    let token = checked_token(state, from, text).await?;
    let rights = rights_of_token(state, &token, &BTreeSet::new()).await?;
    let user = match &token.owner {
        TokenOwner::User(id) => Some(id.clone()),
        TokenOwner::Service(_) => None,
    };
    Ok(Actor::new(Known {
        id: token.owner.actor(),
        rights,
        origin: Origin {
            identity: format!("token {} ({})", token.name, token.id),
            from: from.map(|from| from.to_string()),
        },
        csrf: None,
        user,
        token: Some(token.id),
        groups: BTreeSet::new(),
    }))
}

/// What a token may do: never more than its owner.
pub(super) async fn rights_of_token(
    state: &ApiState,
    token: &Token,
    groups: &BTreeSet<String>,
) -> Result<Rights, Problem> {
    let engine = &state.engine;
    let environment = engine.environment();
    let grants = token.grants.iter().cloned();
    let rights = match &token.owner {
        TokenOwner::Service(_) => Rights::of(grants, environment),
        TokenOwner::User(id) => {
            let own = grants_of_user(state, id, groups).await?;
            let own = own.ok_or_else(|| {
                let detail = format!("`{id}`, whom the token belongs to, may not sign in");
                Problem::new(TOKEN_REFUSED, detail)
            })?;
            let own = Rights::of(own, environment);
            match token.as_owner {
                true => own,
                false => own.limited_to(grants, environment),
            }
        }
    };
    Ok(if token.metrics {
        rights.with_metrics()
    } else {
        rights
    })
}

/// The grants of a user who may sign in.
async fn grants_of_user(
    state: &ApiState,
    id: &str,
    groups: &BTreeSet<String>,
) -> Result<Option<Vec<Grant>>, Problem> {
    let user = state.engine.active_user(id).await?;
    Ok(user.map(|user| state.engine.grants_of(&user, groups)))
}

async fn by_session(
    state: &ApiState,
    from: Option<IpAddr>,
    secret: &str,
) -> Result<Actor, Problem> {
    slow_down(state, from, None)?;
    let ended = || Problem::new(SESSION_ENDED, "the session of the cookie has ended");
    let Some(session) = state.engine.session(secret).await? else {
        state.limits.failed(from, None, state.engine.time());
        return Err(ended());
    };
    let environment = state.engine.environment();
    let rights = match &session.token {
        Some(id) => {
            let token = state.engine.token_by_id(id).await?;
            let token = token.ok_or_else(ended)?;
            rights_of_token(state, &token, &session.groups).await?
        }
        None => {
            let grants = grants_of_user(state, &session.user, &session.groups).await?;
            Rights::of(grants.ok_or_else(ended)?, environment)
        }
    };
    let digest = dowel_core::Digest::of(secret).hex();
    let is_person = !session.user.starts_with(SERVICE);
    Ok(Actor::new(Known {
        id: session.user.clone(),
        rights,
        origin: Origin {
            identity: format!("session {}, {}", &digest[..SESSION_DIGITS], session.how),
            from: from.map(|from| from.to_string()),
        },
        csrf: Some(session.csrf),
        user: is_person.then_some(session.user),
        token: session.token,
        groups: session.groups,
    }))
}

async fn by_socket(
    state: &ApiState,
    user: Option<u32>,
    headers: &HeaderMap,
) -> Result<Actor, Problem> {
    let own = rustix::process::geteuid().as_raw();
    let user = match user {
        Some(user) if user == own || user == ROOT => user,
        _ => {
            let detail = format!("the host runs as user {own}");
            return Err(Problem::new(PEER_REFUSED, detail));
        }
    };
    let id = match headers.get(SPEAKS_FOR) {
        None => format!("local:{}", name_of(user)),
        Some(name) => spoken_for(state, name.to_str().ok()).await?,
    };
    Ok(Actor::new(Known {
        id,
        rights: Rights::everything(),
        origin: Origin {
            identity: format!("local socket, user {} ({user})", name_of(user)),
            from: None,
        },
        csrf: None,
        user: None,
        token: None,
        groups: BTreeSet::new(),
    }))
}

/// A name that the local socket may use, because nobody can sign in by it yet.
async fn spoken_for(state: &ApiState, name: Option<&str>) -> Result<String, Problem> {
    let name = name.map(str::trim).unwrap_or_default();
    if name.is_empty() || name.len() > MAX_NAME {
        let detail = format!("`{SPEAKS_FOR}` has 1 to {MAX_NAME} bytes");
        return Err(Problem::new(OTHER_PERSON, detail).with_status(StatusCode::BAD_REQUEST));
    }
    if state.engine.has_users().await? {
        let detail = format!("the host has users: `{name}` decides by signing in");
        return Err(Problem::new(OTHER_PERSON, detail));
    }
    Ok(name.to_owned())
}

/// The name of a user of the machine, or the number where the machine's list has none.
fn name_of(user: u32) -> String {
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut lines = list.lines().map(|line| line.split(':'));
    let found = lines.find_map(|mut fields| {
        let name = fields.next()?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == user).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| user.to_string())
}

/// Refuses a request over the network that names another person than the caller.
pub(super) fn check_speaks_for(actor: &Actor, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(name) = headers.get(SPEAKS_FOR) else {
        return Ok(());
    };
    let name = name.to_str().unwrap_or_default().trim();
    if dowel_flow::policy::same_person(name, actor.id()) {
        return Ok(());
    }
    let detail = format!(
        "`{}` is signed in, and the request names `{name}`",
        actor.id()
    );
    Err(Problem::new(OTHER_PERSON, detail))
}
