//! Intake: an event comes in, is checked, and becomes exactly one run, in one store
//! transaction. Only then may it be acknowledged.

mod begin;
mod claim;
mod flow_keys;
mod place;

pub(crate) use begin::{Occasion, Origin, Prepared, With, begin, prepare};
pub(crate) use claim::{Claim, DedupeOwner, owner_of};
pub(crate) use flow_keys::{FlowKeys, flow_keys};

use crate::engine::Shared;
use crate::keys;
use crate::plans::ActivePlan;
use dowel_core::code::{Code, api, switch};
use dowel_core::port::StoreError;
use dowel_core::{Digest, FlowName, JsonText, RunId, Timestamp};
use dowel_flow::plan::TriggerKind;
use dowel_flow::validate::Violation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a sender should wait before it tries again when the backlog is full.
const BACKLOG_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How long a sender should wait while the flow is disabled: a person decides when that
/// ends.
const DISABLED_RETRY_AFTER: Duration = Duration::from_secs(60);

/// For how long an `Idempotency-Key` is remembered: longer than any sender keeps
/// trying.
const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// An event that may begin a run.
#[derive(Clone, Debug)]
pub struct IntakeRequest {
    /// The flow.
    pub flow: FlowName,
    /// The trigger's name.
    pub trigger: String,
    /// The payload as it arrived.
    pub payload: String,
    /// The headers that the trigger keeps, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The query's parameters.
    pub query: BTreeMap<String, String>,
    /// The path of the request.
    pub path: String,
    /// W3C `traceparent` of the request.
    pub traceparent: Option<String>,
    /// The request is the same one as every other with this key.
    pub idempotency_key: Option<String>,
    /// What tells a signed message from others. Counts where the flow has no `dedupe`.
    pub message: Option<MessageKey>,
}

/// What tells a message from others of its trigger, by what its sender has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageKey {
    identity: String,
    window: Duration,
}

impl MessageKey {
    /// A message that is remembered for `window`.
    pub const fn new(identity: String, window: Duration) -> Self {
        Self { identity, window }
    }
}

impl IntakeRequest {
    /// A payload for a trigger, without anything of HTTP.
    pub fn new(flow: FlowName, trigger: impl Into<String>, payload: impl Into<String>) -> Self {
        Self {
            flow,
            trigger: trigger.into(),
            payload: payload.into(),
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            path: String::new(),
            traceparent: None,
            idempotency_key: None,
            message: None,
        }
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It began this run.
    New(RunId),
    /// It is a duplicate of the event that began this run.
    Duplicate(RunId),
    /// It began no run because this one of the same concurrency key has not ended, and
    /// the flow says `when_full: drop`.
    Dropped(RunId),
}

impl Accepted {
    /// The run, be it new or the one that is there already.
    pub const fn run(&self) -> RunId {
        match self {
            Self::New(run) | Self::Duplicate(run) | Self::Dropped(run) => *run,
        }
    }
}

/// What a payload breaks of its schema.
pub type Violations = Vec<Violation>;

/// Why an event was not taken. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The host is about to stop.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// Too many runs are unfinished.
    #[error("{0} runs are waiting to be worked on")]
    Backlog(u64),
    /// No active flow has this trigger.
    #[error("no active flow `{flow}` has a trigger `{trigger}`")]
    NoSuchTrigger {
        /// The flow.
        flow: FlowName,
        /// The trigger.
        trigger: String,
    },
    /// The flow is disabled.
    #[error("the flow `{0}` is disabled")]
    FlowDisabled(FlowName),
    /// The trigger is disabled.
    #[error("the trigger `{trigger}` of the flow `{flow}` is disabled")]
    TriggerDisabled {
        /// The flow.
        flow: FlowName,
        /// The trigger.
        trigger: String,
    },
    /// The payload is not acceptable JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(String),
    /// The payload breaks the trigger's schema.
    #[error("the payload breaks the schema of the trigger in {} place(s)", .0.len())]
    Schema(Violations),
    /// The dedupe key cannot be computed.
    #[error("the dedupe key cannot be computed: {0}")]
    DedupeKey(String),
    /// The concurrency key cannot be computed.
    #[error("the concurrency key cannot be computed: {0}")]
    ConcurrencyKey(String),
    /// The idempotency key belongs to a request with another payload.
    #[error("the idempotency key was used for another payload")]
    IdempotencyMismatch,
    /// The event could not be written.
    #[error("the event could not be written: {0}")]
    Store(#[from] StoreError),
}

impl IntakeError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::ShuttingDown => api::SHUTTING_DOWN,
            Self::Backlog(_) => api::BACKLOG,
            Self::NoSuchTrigger { .. } => api::NO_SUCH_FLOW,
            Self::FlowDisabled(_) => api::FLOW_DISABLED,
            Self::TriggerDisabled { .. } => switch::TRIGGER_DISABLED,
            Self::NotJson(_) => api::NOT_JSON,
            Self::Schema(_) => api::PAYLOAD_SCHEMA,
            Self::DedupeKey(_) => api::DEDUPE_KEY,
            Self::ConcurrencyKey(_) => api::CONCURRENCY_KEY,
            Self::IdempotencyMismatch => api::IDEMPOTENCY_MISMATCH,
            Self::Store(_) => api::STORE_FAILED,
        }
    }

    /// How long to wait before trying again, where that helps.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ShuttingDown | Self::Backlog(_) | Self::Store(_) => Some(BACKLOG_RETRY_AFTER),
            Self::FlowDisabled(_) | Self::TriggerDisabled { .. } => Some(DISABLED_RETRY_AFTER),
            _ => None,
        }
    }
}

/// Whether anything may be taken in now.
pub(crate) fn check_open(shared: &Shared) -> Result<(), IntakeError> {
    if shared.is_draining() {
        return Err(IntakeError::ShuttingDown);
    }
    let backlog = u64::try_from(shared.metrics.backlog.get()).unwrap_or_default();
    if backlog >= shared.options.max_backlog {
        return Err(IntakeError::Backlog(backlog));
    }
    Ok(())
}

/// Takes an event in. On `Ok` it is on disk.
pub(crate) async fn accept(
    shared: &Shared,
    request: &IntakeRequest,
) -> Result<Accepted, IntakeError> {
    let prepared = prepare_request(shared, request, Origin::default()).await?;
    let with = With::default();
    let accepted = begin(shared, std::slice::from_ref(&prepared), &with).await?;
    only(accepted)
}

/// The answer about the only run that was prepared.
pub(crate) fn only(accepted: Vec<Accepted>) -> Result<Accepted, IntakeError> {
    let broken = || IntakeError::Store(StoreError::Failed("intake gave no answer".into()));
    accepted.into_iter().next().ok_or_else(broken)
}

/// Whether a flow and its trigger take events.
pub(crate) fn check_switches(
    shared: &Shared,
    flow: &FlowName,
    trigger: &str,
) -> Result<(), IntakeError> {
    if shared.switches.is_disabled(flow) {
        return Err(IntakeError::FlowDisabled(flow.clone()));
    }
    if shared.switches.is_trigger_off(flow, trigger) {
        return Err(IntakeError::TriggerDisabled {
            flow: flow.clone(),
            trigger: trigger.to_owned(),
        });
    }
    Ok(())
}

/// Makes a run of a request; nothing is written.
pub(crate) async fn prepare_request(
    shared: &Shared,
    request: &IntakeRequest,
    origin: Origin,
) -> Result<Prepared, IntakeError> {
    check_open(shared)?;
    let no_such = || IntakeError::NoSuchTrigger {
        flow: request.flow.clone(),
        trigger: request.trigger.clone(),
    };
    let plan = shared.plans.active(&request.flow).ok_or_else(no_such)?;
    let trigger = plan.plan.trigger(&request.trigger).ok_or_else(no_such)?;
    check_switches(shared, &request.flow, &request.trigger)?;
    let payload = JsonText::parse_strict(&request.payload)
        .map_err(|e| IntakeError::NotJson(e.to_string()))?;
    check_payload(&plan, &request.trigger, &payload)?;
    let now = shared.ports.clock.now();
    let mut claims = Vec::new();
    claims.extend(idempotency_claim(request, now));
    if plan.plan.dedupe.is_none() {
        claims.extend(message_claim(request, now));
    }
    let flow_keys = flow_keys(shared, &plan, &payload).await?;
    if let (Some(dedupe), Some(key)) = (&plan.plan.dedupe, &flow_keys.dedupe) {
        let key = keys::dedupe(&request.flow, key);
        claims.push(Claim::new(key, now.plus(dedupe.window)));
    }
    if let Some(key) = &flow_keys.concurrency {
        // Runs in line are no backlog of the host, but no line grows without an end.
        let length = shared.key_lines.length(&request.flow, key);
        if length >= shared.options.max_backlog {
            return Err(IntakeError::Backlog(length));
        }
    }
    let occasion = Occasion {
        fields: fields(request, &trigger.kind, now),
        trigger: request.trigger.clone(),
        payload,
        traceparent: request.traceparent.clone(),
        keys: flow_keys,
        claims,
        now,
        origin,
    };
    prepare(shared, &plan, occasion)
}

/// Checks a payload against the trigger's schema.
pub(crate) fn check_payload(
    plan: &ActivePlan,
    trigger: &str,
    payload: &JsonText,
) -> Result<(), IntakeError> {
    let violations = plan
        .trigger_schema(trigger)
        .map(|schema| schema.check(payload));
    match violations {
        Some(violations) if !violations.is_empty() => Err(IntakeError::Schema(violations)),
        _ => Ok(()),
    }
}

fn idempotency_claim(request: &IntakeRequest, now: Timestamp) -> Option<Claim> {
    let key = request.idempotency_key.as_ref()?;
    let claim = Claim::new(
        keys::idempotency(&request.flow, key),
        now.plus(IDEMPOTENCY_WINDOW),
    );
    let content = format!("{}\n{}", request.trigger, request.payload);
    Some(claim.noted().of_content(Digest::of(content)))
}

fn message_claim(request: &IntakeRequest, now: Timestamp) -> Option<Claim> {
    let message = request.message.as_ref()?;
    let key = keys::signed_message(&request.flow, &request.trigger, &message.identity);
    Some(Claim::new(key, now.plus(message.window)).noted())
}

/// `$event` of a request, apart from its id and its trigger.
fn fields(
    request: &IntakeRequest,
    kind: &TriggerKind,
    now: Timestamp,
) -> Vec<(&'static str, JsonText)> {
    let json =
        |map: &BTreeMap<String, String>| JsonText::of(map).unwrap_or_else(|_| JsonText::object([]));
    vec![
        ("type", JsonText::string(kind.name())),
        ("time", JsonText::string(&now.to_string())),
        ("headers", json(&request.headers)),
        ("query", json(&request.query)),
        ("path", JsonText::string(&request.path)),
    ]
}
