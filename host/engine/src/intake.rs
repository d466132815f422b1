//! Intake: an event comes in, is checked, and becomes exactly one run, in one store
//! transaction. Only then may it be acknowledged.

use crate::engine::Shared;
use crate::keys;
use crate::plans::ActivePlan;
use crate::state::RunState;
use crate::summary::RunSummary;
use dowel_core::code::{Code, api};
use dowel_core::expression::{Bindings, Evaluated};
use dowel_core::journal::{Entry, Event, RunCreated, VERSION};
use dowel_core::port::{Batch, EvaluationRequest, StoreError};
use dowel_core::{FlowName, JsonText, RunId, Timestamp};
use dowel_flow::plan::Dedupe;
use dowel_flow::validate::Violation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a sender should wait before it tries again when the backlog is full.
const BACKLOG_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often a lost race for a dedupe key is looked at again. Each loss means that
/// another event won, so the second look nearly always finds its run.
const DEDUPE_ROUNDS: usize = 4;

/// The longest dedupe key, in bytes: it is kept on the run and shown in lists.
const MAX_DEDUPE_KEY: usize = 512;

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
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It began this run.
    New(RunId),
    /// It is a duplicate of the event that began this run.
    Duplicate(RunId),
}

impl Accepted {
    /// The run, be it new or the first one.
    pub const fn run(&self) -> RunId {
        match self {
            Self::New(run) | Self::Duplicate(run) => *run,
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
    /// The payload is not acceptable JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(String),
    /// The payload breaks the trigger's schema.
    #[error("the payload breaks the schema of the trigger in {} place(s)", .0.len())]
    Schema(Violations),
    /// The dedupe key cannot be computed.
    #[error("the dedupe key cannot be computed: {0}")]
    DedupeKey(String),
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
            Self::NotJson(_) => api::NOT_JSON,
            Self::Schema(_) => api::PAYLOAD_SCHEMA,
            Self::DedupeKey(_) => api::DEDUPE_KEY,
            Self::Store(_) => api::STORE_FAILED,
        }
    }

    /// How long to wait before trying again, where that helps.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::ShuttingDown | Self::Backlog(_) | Self::Store(_) => Some(BACKLOG_RETRY_AFTER),
            _ => None,
        }
    }
}

/// Who owns a dedupe key, and until when.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DedupeOwner {
    pub(crate) run: RunId,
    pub(crate) until: Timestamp,
}

/// Takes an event in. On `Ok` it is on disk.
pub(crate) async fn accept(
    shared: &Shared,
    request: IntakeRequest,
) -> Result<Accepted, IntakeError> {
    if shared.is_draining() {
        return Err(IntakeError::ShuttingDown);
    }
    let backlog = u64::try_from(shared.metrics.backlog.get()).unwrap_or_default();
    if backlog >= shared.options.max_backlog {
        return Err(IntakeError::Backlog(backlog));
    }
    let no_such = || IntakeError::NoSuchTrigger {
        flow: request.flow.clone(),
        trigger: request.trigger.clone(),
    };
    let plan = shared.plans.active(&request.flow).ok_or_else(no_such)?;
    plan.plan.trigger(&request.trigger).ok_or_else(no_such)?;
    let payload = check_payload(&plan, &request)?;
    let dedupe_key = match &plan.plan.dedupe {
        Some(dedupe) => Some(dedupe_key(shared, &plan, dedupe, &payload).await?),
        None => None,
    };
    let created = created(shared, &plan, request, payload, dedupe_key);
    begin(shared, &plan, created).await
}

fn check_payload(plan: &ActivePlan, request: &IntakeRequest) -> Result<JsonText, IntakeError> {
    let payload = JsonText::parse_strict(&request.payload)
        .map_err(|e| IntakeError::NotJson(e.to_string()))?;
    let violations = plan
        .trigger_schema(&request.trigger)
        .map(|schema| schema.check(&payload));
    match violations {
        Some(violations) if !violations.is_empty() => Err(IntakeError::Schema(violations)),
        _ => Ok(payload),
    }
}

async fn dedupe_key(
    shared: &Shared,
    plan: &ActivePlan,
    dedupe: &Dedupe,
    payload: &JsonText,
) -> Result<String, IntakeError> {
    let request = EvaluationRequest {
        guest: plan.plan.mapping,
        program: dedupe.key.clone(),
        bindings: Bindings {
            variables: BTreeMap::from([
                ("trigger", payload.clone()),
                ("env", shared.options.env.clone()),
            ]),
            ..Bindings::input(payload.clone())
        },
        deadline: shared.options.evaluation_deadline,
    };
    let evaluated = shared.ports.mapper.evaluate(request).await;
    let value = match evaluated.map_err(|e| IntakeError::DedupeKey(e.to_string()))? {
        Evaluated::Values(values) => values.into_iter().next().unwrap_or_else(JsonText::null),
        Evaluated::Skipped => JsonText::null(),
    };
    let key = match value.type_name() {
        "string" => value.as_string().unwrap_or_default(),
        "number" => value.as_str().to_owned(),
        other => {
            return Err(IntakeError::DedupeKey(format!(
                "it yielded {other}, a text or a number is needed"
            )));
        }
    };
    if key.is_empty() || key.len() > MAX_DEDUPE_KEY {
        return Err(IntakeError::DedupeKey(format!(
            "it has {} bytes, 1 to {MAX_DEDUPE_KEY} are allowed",
            key.len()
        )));
    }
    Ok(key)
}

fn created(
    shared: &Shared,
    plan: &ActivePlan,
    request: IntakeRequest,
    payload: JsonText,
    dedupe_key: Option<String>,
) -> (RunCreated, Timestamp) {
    let at = shared.ports.clock.now();
    let random = shared.ports.randomness.bytes();
    let mut ten = [0; 10];
    ten.copy_from_slice(&random[..10]);
    let run = RunId::new(at, ten);
    let plan_ref = &plan.plan;
    let event = serde_json::json!({
        "id": run.to_string(),
        "trigger": request.trigger,
        "type": "webhook",
        "time": at.to_string(),
        "headers": request.headers,
        "query": request.query,
        "path": request.path,
    });
    let created = RunCreated {
        run,
        flow: plan_ref.flow.clone(),
        version: plan_ref.version.clone(),
        plan: plan.digest,
        commit: plan_ref.commit.clone(),
        connectors: plan_ref.connectors.clone(),
        mapping: plan_ref.mapping,
        trigger: request.trigger,
        payload,
        event: JsonText::of(&event).unwrap_or_else(|_| JsonText::null()),
        env: shared.options.env.clone(),
        dedupe_key,
        generation: 1,
        traceparent: Some(
            request
                .traceparent
                .filter(|t| crate::trace_context::is_valid(t))
                .unwrap_or_else(|| crate::trace_context::begin(run)),
        ),
    };
    (created, at)
}

async fn begin(
    shared: &Shared,
    plan: &ActivePlan,
    (created, at): (RunCreated, Timestamp),
) -> Result<Accepted, IntakeError> {
    let run = created.run;
    let flow = created.flow.clone();
    let entry = Entry {
        v: VERSION,
        seq: 0,
        at,
        event: Event::Created(created),
    };
    let broken = |e: String| IntakeError::Store(StoreError::Failed(e.into()));
    let state = RunState::begin(&entry).map_err(|e| broken(e.to_string()))?;
    let batch = first_batch(&state, &entry).map_err(|e| broken(e.to_string()))?;
    for _ in 0..DEDUPE_ROUNDS {
        let mut batch = batch.clone();
        if let (Some(dedupe), Some(key)) = (&plan.plan.dedupe, &state.created.dedupe_key) {
            let owner = DedupeOwner {
                run,
                until: at.plus(dedupe.window),
            };
            if let Some(first) = claim(shared, &mut batch, &flow, key, &owner, at).await? {
                shared.metrics.duplicate(&flow);
                return Ok(Accepted::Duplicate(first));
            }
        }
        match shared.ports.store.commit(batch).await {
            Ok(()) => {
                shared.metrics.accepted(&flow);
                shared.queue.begin(state);
                return Ok(Accepted::New(run));
            }
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(broken("the dedupe key changes hands too fast".to_owned()))
}

/// Adds the claim of a dedupe key to the batch, or finds the run that owns it.
async fn claim(
    shared: &Shared,
    batch: &mut Batch,
    flow: &FlowName,
    key: &str,
    owner: &DedupeOwner,
    now: Timestamp,
) -> Result<Option<RunId>, StoreError> {
    let dedupe = keys::dedupe(flow, key);
    match shared.ports.store.get(&dedupe).await? {
        None => batch.require_absent(dedupe.clone()),
        Some(bytes) => match serde_json::from_slice::<DedupeOwner>(&bytes) {
            Ok(first) if first.until > now => return Ok(Some(first.run)),
            _ => batch.require_equal(dedupe.clone(), bytes),
        },
    };
    let value = serde_json::to_vec(owner).map_err(|e| StoreError::Failed(e.to_string().into()))?;
    batch.put(dedupe, value);
    batch.put(keys::by_business_key(key, owner.run), Vec::new());
    Ok(None)
}

fn first_batch(state: &RunState, entry: &Entry) -> Result<Batch, serde_json::Error> {
    let run = state.created.run;
    let mut batch = Batch::default();
    let page = keys::journal_page(run, 0);
    batch.require_absent(page.clone());
    batch.put(page, crate::journal::encode(std::slice::from_ref(entry))?);
    batch.put(keys::active(run), crate::queue::due_now());
    batch.put(
        keys::summary(run),
        serde_json::to_vec(&RunSummary::of(state, None))?,
    );
    Ok(batch)
}
