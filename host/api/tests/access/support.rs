//! A host in memory, and callers of every kind.

use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, header};
use dowel_api::{ApiOptions, ApiState, Peer, Router};
use dowel_core::access::{Grant, Role};
use dowel_core::code::run::EVALUATION_FAILED;
use dowel_core::expression::{Evaluated, EvaluationError};
use dowel_core::port::{
    BoxFuture, EvaluationRequest, Identity, IdentityError, IdentityProvider, LoginRequest, Mapper,
    Secret, SecretError, Secrets,
};
use dowel_core::{Digest, Timestamp};
use dowel_engine::{By, Engine, EngineOptions, Invitation, NewToken, Opened, Ports, TokenOwner};
use dowel_flow::plan::{OnFailure, Plan, RunLimits, Trigger, TriggerKind};
use dowel_testkit::{FakeConnectors, ManualClock, MemoryStore, SeededRandomness};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

/// Evaluates nothing: the flows of these tests have no expressions.
struct NoMapper;

impl Mapper for NoMapper {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        Box::pin(std::future::ready(Err(EvaluationError {
            code: EVALUATION_FAILED,
            place: request.program.id.to_string(),
            message: "nothing is evaluated here".to_owned(),
        })))
    }
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(std::future::ready(Err(SecretError::Missing(
            name.to_owned(),
        ))))
    }
}

/// An identity provider to which the code says who somebody is: `ana@example.com+group`.
struct Provider;

impl IdentityProvider for Provider {
    fn login_url<'a>(
        &'a self,
        request: LoginRequest<'a>,
    ) -> BoxFuture<'a, Result<String, IdentityError>> {
        let LoginRequest {
            redirect, state, ..
        } = request;
        let url = format!("https://id.example.com/auth?redirect={redirect}&state={state}");
        Box::pin(std::future::ready(Ok(url)))
    }

    fn redeem<'a>(
        &'a self,
        _: LoginRequest<'a>,
        code: &'a str,
    ) -> BoxFuture<'a, Result<Identity, IdentityError>> {
        let (name, group) = code.split_once('+').unwrap_or((code, ""));
        let identity = Identity {
            name: name.to_owned(),
            groups: BTreeSet::from([group.to_owned()]),
            issuer: "https://id.example.com".to_owned(),
        };
        Box::pin(std::future::ready(match name {
            "forged" => Err(IdentityError::Refused(
                "the nonce is another one".to_owned(),
            )),
            _ => Ok(identity),
        }))
    }
}

/// A flow of a team that does nothing.
fn flow(name: &str, team: &str) -> Plan {
    Plan {
        format: 1,
        flow: name.parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        owner: None,
        description: None,
        runbook: None,
        sla: None,
        deprecated: None,
        synthetic: false,
        labels: BTreeMap::from([("team".to_owned(), team.to_owned())]),
        commit: None,
        source: Digest::of("source"),
        mapping: Digest::of("mapping"),
        connectors: BTreeMap::new(),
        triggers: vec![Trigger {
            name: "manual".to_owned(),
            schema: None,
            kind: TriggerKind::Manual,
            sensitive: Vec::new(),
        }],
        dedupe: None,
        on_failure: OnFailure::default(),
        concurrency: None,
        steps: Vec::new(),
        output: None,
        output_schema: None,
        state: None,
        calendars: BTreeMap::new(),
        limits: RunLimits::default(),
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Nobody who is known, from elsewhere.
    Nobody,
    /// Nobody who is known, from the same machine.
    Loopback,
    /// The user of the host, by the local socket.
    Socket,
    /// The same, for somebody else.
    SocketAs(&'static str),
    /// Another user of the machine.
    OtherUser,
    /// A token.
    Token(String),
    /// A browser with a session, and what it sends against forged requests.
    Browser(String, String),
}

impl Caller {
    pub(crate) fn of(opened: &Opened) -> Self {
        Self::Browser(opened.secret.clone(), opened.session.csrf.clone())
    }

    pub(crate) fn peer(&self) -> Peer {
        let own = rustix::process::geteuid().as_raw();
        match self {
            Self::Socket | Self::SocketAs(_) => Peer::Socket { user: Some(own) },
            Self::OtherUser => Peer::Socket {
                user: Some(own + 1_000),
            },
            Self::Loopback => Peer::Network("127.0.0.1:4711".parse().unwrap()),
            _ => Peer::Network("192.0.2.7:4711".parse().unwrap()),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The status and the code of a problem, such as `403 DWL-5062`.
    pub(crate) fn short(&self) -> String {
        match self.json()["code"].as_str() {
            Some(code) => format!("{} {code}", self.status),
            None => self.status.to_string(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The secret in the cookie that is set.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie");
        let (_, rest) = cookie.split_once('=').unwrap_or_default();
        rest.split(';').next().unwrap_or_default().to_owned()
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) engine: Engine,
    pub(crate) store: MemoryStore,
    pub(crate) state: Arc<ApiState>,
    router: Router,
}

/// The flow of the finance team.
pub(crate) const ORDERS: &str = "orders";

/// The flow of the sales team.
pub(crate) const LEADS: &str = "leads";

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ApiOptions::default()).await
    }

    pub(crate) async fn with(options: ApiOptions) -> Self {
        Self::of(options, EngineOptions::default()).await
    }

    pub(crate) async fn of(options: ApiOptions, engine: EngineOptions) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(1_772_355_600_000));
        Self::on(MemoryStore::default(), clock, options, engine).await
    }

    /// The same after a restart of the host.
    pub(crate) async fn again(self) -> Self {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        drop(self);
        Self::on(
            store,
            clock,
            ApiOptions::default(),
            EngineOptions::default(),
        )
        .await
    }

    async fn on(
        store: MemoryStore,
        clock: ManualClock,
        options: ApiOptions,
        engine: EngineOptions,
    ) -> Self {
        let ports = Ports {
            store: Arc::new(store.clone()),
            invoker: Arc::new(FakeConnectors::default()),
            mapper: Arc::new(NoMapper),
            clock: Arc::new(clock.clone()),
            // Another life of the host draws other numbers.
            randomness: Arc::new(SeededRandomness::new(7 + store.commits())),
        };
        let engine_options = EngineOptions {
            environment: "prod".to_owned(),
            ..engine
        };
        let plans = vec![flow(ORDERS, "finance"), flow(LEADS, "sales")];
        let engine = Engine::start(ports, engine_options, plans).await.unwrap();
        let randomness = Arc::new(SeededRandomness::new(9));
        let state = ApiState::new(engine.clone(), options, Arc::new(NoSecrets), randomness);
        let state = state.with_identity(Some(Arc::new(Provider)));
        let state = Arc::new(state);
        Self {
            clock,
            store,
            engine,
            router: dowel_api::admin(state.clone()),
            state,
        }
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance_to(self.engine.time().plus(time));
    }

    pub(crate) async fn get(&self, caller: &Caller, path: &str) -> Answer {
        self.send(caller, Request::get(path), Body::empty()).await
    }

    /// Sends JSON, as programs do.
    pub(crate) async fn post(&self, caller: &Caller, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        self.send(caller, request, Body::from(body.to_owned()))
            .await
    }

    /// Sends a form, as browsers do.
    pub(crate) async fn form(&self, caller: &Caller, path: &str, body: &str) -> Answer {
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = match caller {
            Caller::Browser(_, csrf) if body.is_empty() => (request, format!("csrf={csrf}")),
            Caller::Browser(_, csrf) => (request, format!("{body}&csrf={csrf}")),
            _ => (request, body.to_owned()),
        };
        self.send(caller, request.0, Body::from(request.1)).await
    }

    pub(crate) async fn send(
        &self,
        caller: &Caller,
        request: axum::http::request::Builder,
        body: Body,
    ) -> Answer {
        let request = match caller {
            Caller::Token(token) => {
                request.header(header::AUTHORIZATION, format!("Bearer {token}"))
            }
            Caller::SocketAs(name) => request.header("dowel-as", *name),
            Caller::Browser(secret, csrf) => request
                .header(header::COOKIE, format!("dowel-session={secret}"))
                .header("dowel-csrf", csrf),
            _ => request,
        };
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(caller.peer()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE);
        // A stream of events has no end that could be waited for.
        let body = match kind.is_some_and(|kind| kind == "text/event-stream") {
            true => Body::empty(),
            false => body,
        };
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A program with this role.
    pub(crate) async fn service(&self, grant: Grant) -> Caller {
        let wanted = NewToken {
            name: grant.role.name().to_owned(),
            owner: TokenOwner::Service(grant.role.name().to_owned()),
            grants: vec![grant],
            as_owner: false,
            metrics: false,
            expires_in: Duration::from_secs(3_600),
        };
        Caller::Token(self.engine.create_token(wanted, &by()).await.unwrap().1)
    }

    /// A person with these roles, signed in by a one-time link.
    pub(crate) async fn person(&self, name: &str, grants: &[Grant]) -> Caller {
        let wanted = Invitation {
            user: name.to_owned(),
            grants: grants.to_vec(),
            expires_in: Duration::from_secs(3_600),
        };
        let invited = self.engine.invite(wanted, &by()).await.unwrap();
        let opened = self
            .engine
            .redeem_link(&invited.secret, &by())
            .await
            .unwrap();
        Caller::of(&opened)
    }
}

/// Whoever sets the stage.
pub(crate) fn by() -> By {
    By {
        actor: "local:test".to_owned(),
        origin: None,
    }
}

pub(crate) fn everywhere(role: Role) -> Grant {
    Grant::everywhere(role)
}

/// A role for the flows of a team.
pub(crate) fn for_team(role: Role, team: &str) -> Grant {
    Grant {
        flows: BTreeMap::from([("team".to_owned(), team.to_owned())]),
        ..Grant::everywhere(role)
    }
}

/// A role on hosts of an environment.
pub(crate) fn in_environment(role: Role, environment: &str) -> Grant {
    Grant {
        environments: BTreeSet::from([environment.to_owned()]),
        ..Grant::everywhere(role)
    }
}

/// A request without a body.
pub(crate) fn request(method: &Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path)
}
