//! Stands in front of every route of the admin listener.

use super::actor::{Actor, out_of_reach};
use super::address::is_local;
use super::caller::{caller, check_speaks_for};
use super::form::{Form, is_form};
use super::needs::{About, Needs, Who};
use super::page;
use super::peer::Peer;
use super::repeat;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use dowel_core::access::{Permission, Reach};
use dowel_core::code::access::{CROSS_SITE, NO_USER_YET, NOT_PERMITTED, SIGN_IN};
use dowel_core::{FlowName, RunId};
use std::sync::Arc;

/// The header in which scripts of the desk send the token against forged requests.
const CSRF_HEADER: &str = "dowel-csrf";

/// The field in which forms send it.
const CSRF_FIELD: &str = "csrf";

/// What the guard of one route knows.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) state: Arc<ApiState>,
    pub(super) needs: Needs,
}

/// Lets a request pass to its handler, with the caller as [`Actor`], or refuses it.
pub(super) async fn guard(
    State(gate): State<Gate>,
    parameters: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    match admit(&gate, &parameters, request).await {
        Ok(request) => {
            let actor = request.extensions().get::<Actor>().cloned();
            let mut response = repeat::answer(&gate, actor.as_ref(), request, next).await;
            // The frame of a page is made for whoever looks at it.
            if let Some(actor) = actor {
                response.extensions_mut().insert(actor);
            }
            // What a known caller sees is for no cache on the way.
            let headers = response.headers_mut();
            headers
                .entry(header::CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("no-store"));
            response
        }
        Err(problem) => page::refusal(gate.needs, &method, &uri, problem),
    }
}

async fn admit(
    gate: &Gate,
    parameters: &RawPathParams,
    request: Request,
) -> Result<Request, Problem> {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<Peer>>();
    let peer = peer.map(|ConnectInfo(peer)| *peer);
    let found = caller(&gate.state, peer, &parts.headers).await;
    let actor = match (gate.needs.who, found) {
        // Who cannot be known may still sign in.
        (Who::Open, found) => found.ok().flatten(),
        (Who::Metrics, Ok(None)) if is_local(peer, &parts.headers) => None,
        (_, found) => match found? {
            Some(actor) => Some(actor),
            None => return Err(nobody(&gate.state).await),
        },
    };
    if let Some(actor) = &actor {
        check_speaks_for_unless_socket(actor, peer, &parts.headers)?;
        allow(gate, actor, parameters).await?;
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut body = body;
    if changes {
        if is_form(&parts.headers) {
            let limit = gate.state.options.max_body_bytes;
            let bytes = crate::intake::read_bytes(body, &parts.headers, limit).await?;
            parts.extensions.insert(Form::parse(&bytes));
            body = Body::from(bytes);
        }
        let form = parts.extensions.get::<Form>();
        same_site(&parts.headers)?;
        // Where everybody may call, a session changes nothing.
        if gate.needs.who != Who::Open {
            check_csrf(actor.as_ref(), &parts.headers, form)?;
        }
    }
    if let Some(actor) = actor {
        parts.extensions.insert(actor);
    }
    Ok(Request::from_parts(parts, body))
}

/// Over the socket the name was judged when the caller was found out.
fn check_speaks_for_unless_socket(
    actor: &Actor,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let by_socket =
        matches!(peer, Some(Peer::Socket { .. })) && !headers.contains_key(header::AUTHORIZATION);
    match by_socket {
        true => Ok(()),
        false => check_speaks_for(actor, headers),
    }
}

/// Why nobody is let in.
async fn nobody(state: &ApiState) -> Problem {
    // A store that cannot be read is told of by whatever is asked next.
    match state.engine.has_users().await {
        Ok(false) => Problem::new(
            NO_USER_YET,
            "the host has no users yet: `dowel admin invite <name> --role admin` on its machine makes the first",
        ),
        _ => Problem::new(SIGN_IN, "the request carries no token and no session"),
    }
}

async fn allow(gate: &Gate, actor: &Actor, parameters: &RawPathParams) -> Result<(), Problem> {
    let permission = match gate.needs.who {
        Who::Open | Who::SignedIn => return Ok(()),
        Who::May(permission) => permission,
        Who::Metrics => Permission::Metrics,
    };
    let reach = actor.rights().reach(permission);
    let some = match reach {
        Reach::Everything => return Ok(()),
        Reach::Nothing => return Err(not_permitted(actor, permission)),
        Reach::SomeFlows => gate.needs.about,
    };
    let part = |name: &str| {
        let mut all = parameters.iter();
        all.find(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default()
    };
    let engine = &gate.state.engine;
    match some {
        About::Each => Ok(()),
        About::Host => Err(out_of_reach(permission, "the whole host")),
        About::Flow(name) => match FlowName::new(&part(name)) {
            Ok(flow) => actor.require(engine, permission, Some(&flow)),
            // The handler says what is wrong with the name.
            Err(_) => Ok(()),
        },
        About::Run(name) => {
            let Ok(run) = part(name).parse::<RunId>() else {
                return Ok(());
            };
            match engine.flow_of(run).await? {
                Some(flow) => actor.require(engine, permission, Some(&flow)),
                // There is none: the handler says so.
                None => Ok(()),
            }
        }
    }
}

fn not_permitted(actor: &Actor, permission: Permission) -> Problem {
    let roles: Vec<&str> = actor.roles().into_iter().map(|role| role.name()).collect();
    let roles = match roles.is_empty() {
        true => "no role".to_owned(),
        false => roles.join(", "),
    };
    let detail = format!(
        "`{}` has {roles}, and this needs the permission `{}`",
        actor.id(),
        permission.name()
    );
    Problem::new(NOT_PERMITTED, detail)
}

/// Refuses what a browser says comes from another site, whoever is signed in: a form on
/// another site must not sign anybody in either.
fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site");
    let site = site.and_then(|site| site.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(other) => {
            let detail = format!("the browser says that it comes from another site ({other})");
            Err(Problem::new(CROSS_SITE, detail))
        }
    }
}

/// A session's cookie is sent by the browser whatever page asks for it; the token is known
/// to the host's own pages alone.
fn check_csrf(
    actor: Option<&Actor>,
    headers: &HeaderMap,
    form: Option<&Form>,
) -> Result<(), Problem> {
    let Some(expected) = actor.map(Actor::csrf).filter(|token| !token.is_empty()) else {
        return Ok(());
    };
    let header = headers.get(CSRF_HEADER);
    let sent = header
        .and_then(|value| value.to_str().ok())
        .or_else(|| form.and_then(|form| form.get(CSRF_FIELD)));
    // Compared as digests, so that the time says nothing about the token.
    let same = |sent: &str| dowel_core::Digest::of(sent) == dowel_core::Digest::of(expected);
    if sent.is_some_and(same) {
        return Ok(());
    }
    let detail = format!(
        "send the session's token in the field `{CSRF_FIELD}` or the header `{CSRF_HEADER}`"
    );
    Err(Problem::new(CROSS_SITE, detail))
}
