//! The plans that are active, and those that unfinished runs still need.

use crate::canary::{self, Canary, Effective, Split};
use crate::engine::{Engine, Shared};
use crate::keys;
use dowel_core::cloud_event::TypePattern;
use dowel_core::code::{self, Code};
use dowel_core::journal::PinnedConnector;
use dowel_core::port::{Batch, Store, StoreError};
use dowel_core::{ConnectionName, Digest, FlowName, JsonText, StepId, StepPath};
use dowel_flow::plan::{Block, Plan, Respond, Step, StepKind, TriggerKind, Verify};
use dowel_flow::validate::Validator;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::watch;

/// A plan with what is compiled from it.
pub(crate) struct ActivePlan {
    pub(crate) plan: Plan,
    pub(crate) digest: Digest,
    /// Whether it names values that are masked on reading.
    pub(crate) has_sensitive: bool,
    /// Checks the run's output.
    output: Option<Validator>,
    triggers: HashMap<String, Validator>,
    results: Schemas,
    values: Schemas,
}

/// Compiled schemas by the step's id and whether it is its compensation.
type Schemas = HashMap<(StepId, bool), Validator>;

/// Why a plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// A schema in the plan is not a JSON Schema.
    #[error("flow {flow}: the schema of {place} cannot be used: {reason}")]
    Schema {
        /// The flow.
        flow: FlowName,
        /// The step or trigger.
        place: String,
        /// Why.
        reason: String,
    },
    /// Two active flows listen at the same path.
    #[error("the flows {first} and {second} both listen at {method} {path}")]
    HookTaken {
        /// One flow.
        first: FlowName,
        /// The other.
        second: FlowName,
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
    /// What the plans are bound to cannot be used.
    #[error("{0}")]
    Refused(String),
    /// The plan cannot be written or read.
    #[error("the plan cannot be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ActivationError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Schema { .. } | Self::Encoding(_) => code::flow::PLAN_UNUSABLE,
            Self::HookTaken { .. } => code::config::HOOK_TAKEN,
            Self::Refused(_) => code::gitops::COMMIT_REFUSED,
            Self::Store(_) => code::store::UNAVAILABLE,
        }
    }
}

/// Plans that could become active together.
pub(crate) struct Prepared {
    /// What the environment pins.
    pinned: Vec<Arc<ActivePlan>>,
    /// What becomes active: the same, but for flows whose canary holds runs back.
    plans: Vec<Arc<ActivePlan>>,
    splits: HashMap<FlowName, Split>,
    hooks: HashMap<Route, Hook>,
}

impl Prepared {
    /// Checks each of the plans that an environment pins.
    pub(crate) fn compile(plans: Vec<Plan>) -> Result<Vec<Arc<ActivePlan>>, ActivationError> {
        let plans = plans.into_iter();
        plans
            .map(|plan| ActivePlan::new(plan).map(Arc::new))
            .collect()
    }

    /// Applies the canaries, and checks the plans with each other. A flow that is disabled in
    /// the environment file leaves its webhooks to one that is not.
    pub(crate) async fn of(
        shared: &Shared,
        pinned: Vec<Arc<ActivePlan>>,
        canaries: &BTreeMap<FlowName, Canary>,
        disabled: &BTreeSet<FlowName>,
    ) -> Result<Self, ActivationError> {
        let Effective { plans, splits } = canary::effective(shared, &pinned, canaries).await?;
        let hooks = hooks(&plans, disabled)?;
        Ok(Self {
            pinned,
            plans,
            splits,
            hooks,
        })
    }

    /// Every plan that runs may begin on.
    pub(crate) fn all(&self) -> Vec<Arc<ActivePlan>> {
        let new = self.splits.values().map(|split| &split.new);
        self.plans.iter().chain(new).cloned().collect()
    }

    /// Writes them down, together with `first` or after it; runs find them by their digests.
    pub(crate) async fn persist(
        &self,
        store: &dyn Store,
        mut first: Batch,
    ) -> Result<(), ActivationError> {
        for plan in &self.pinned {
            persist(store, plan, std::mem::take(&mut first)).await?;
        }
        if !first.writes.is_empty() {
            store.commit(first).await?;
        }
        Ok(())
    }
}

impl ActivePlan {
    pub(crate) fn new(plan: Plan) -> Result<Self, ActivationError> {
        let digest = plan.digest()?;
        let mut validators = Validators {
            flow: plan.flow.clone(),
            results: HashMap::new(),
            values: HashMap::new(),
        };
        validators.block(&plan.steps)?;
        let mut triggers = HashMap::new();
        for trigger in &plan.triggers {
            if let Some(schema) = &trigger.schema {
                let place = format!("trigger `{}`", trigger.name);
                triggers.insert(trigger.name.clone(), validators.compile(schema, &place)?);
            }
        }
        let output = plan.output_schema.as_ref();
        let output = output.map(|schema| validators.compile(schema, "the output"));
        let output = output.transpose()?;
        let Validators {
            results, values, ..
        } = validators;
        Ok(Self {
            has_sensitive: plan.has_sensitive(),
            output,
            plan,
            digest,
            triggers,
            results,
            values,
        })
    }

    /// Checks the payload of a trigger.
    pub(crate) fn trigger_schema(&self, trigger: &str) -> Option<&Validator> {
        self.triggers.get(trigger)
    }

    /// Checks the run's output.
    pub(crate) fn output_schema(&self) -> Option<&Validator> {
        self.output.as_ref()
    }

    /// Checks what an operation returned.
    pub(crate) fn result_schema(&self, step: &Step, path: &StepPath) -> Option<&Validator> {
        self.results.get(&(step.id.clone(), path.is_compensation()))
    }

    /// Checks a step's value.
    pub(crate) fn value_schema(&self, step: &Step, path: &StepPath) -> Option<&Validator> {
        if path.is_page() {
            return None;
        }
        self.values.get(&(step.id.clone(), path.is_compensation()))
    }
}

struct Validators {
    flow: FlowName,
    results: Schemas,
    values: Schemas,
}

impl Validators {
    fn block(&mut self, steps: &Block) -> Result<(), ActivationError> {
        for step in steps {
            self.step(step, false)?;
            if let Some(undo) = &step.compensate {
                self.step(undo, true)?;
            }
            if let Some(fetch) = step.fetch() {
                self.step(fetch, false)?;
            }
            for inner in step.blocks() {
                self.block(inner)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, is_compensation: bool) -> Result<(), ActivationError> {
        let key = (step.id.clone(), is_compensation);
        if let Some(schema) = &step.schema {
            let validator = self.compile(schema, &format!("step `{}`", step.id))?;
            self.values.insert(key.clone(), validator);
        }
        if let StepKind::Call(call) = &step.kind {
            let place = format!("operation `{}`", call.operation);
            let validator = self.compile(&call.result_schema, &place)?;
            self.results.insert(key, validator);
        }
        Ok(())
    }

    fn compile(&self, schema: &JsonText, place: &str) -> Result<Validator, ActivationError> {
        Validator::new(schema).map_err(|error| ActivationError::Schema {
            flow: self.flow.clone(),
            place: place.to_owned(),
            reason: error.to_string(),
        })
    }
}

/// A webhook that is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The flow.
    pub flow: FlowName,
    /// The trigger's name.
    pub trigger: String,
    /// Who reads its requests.
    pub reader: HookReader,
}

/// Who reads the requests of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookReader {
    /// The host.
    Host {
        /// How the sender proves itself.
        verify: Verify,
        /// Lower-case names of the headers that are kept.
        headers: Vec<String>,
        /// What the sender is told.
        respond: Respond,
    },
    /// A receiver of a connector.
    Connector,
}

impl HookReader {
    /// Nothing for triggers of other kinds.
    fn of(kind: &TriggerKind) -> Option<Self> {
        match kind {
            TriggerKind::Webhook {
                verify,
                headers,
                respond,
                ..
            } => Some(Self::Host {
                verify: *verify,
                headers: headers.clone(),
                respond: respond.clone(),
            }),
            TriggerKind::Receiver(_) => Some(Self::Connector),
            _ => None,
        }
    }
}

/// A connector as active flows call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorUse {
    /// The connection.
    pub connection: ConnectionName,
    /// Its connector, at the version and digest that the flows are fixed to.
    pub connector: PinnedConnector,
    /// The flows.
    pub flows: Vec<FlowName>,
}

impl Engine {
    /// The connectors that active flows call, by connection.
    pub fn connectors(&self) -> Vec<ConnectorUse> {
        let mut uses: Vec<ConnectorUse> = Vec::new();
        for plan in self.shared().plans.all() {
            for (connection, connector) in &plan.plan.connectors {
                let flow = plan.plan.flow.clone();
                let same = |one: &&mut ConnectorUse| {
                    one.connection == *connection && one.connector == *connector
                };
                match uses.iter_mut().find(same) {
                    Some(known) => known.flows.push(flow),
                    None => uses.push(ConnectorUse {
                        connection: connection.clone(),
                        connector: connector.clone(),
                        flows: vec![flow],
                    }),
                }
            }
        }
        uses.sort_by(|a, b| a.connection.cmp(&b.connection));
        uses
    }
}

/// Where a webhook is listened to: method and path.
type Route = (String, String);

/// The plans in memory.
#[derive(Default)]
pub(crate) struct Plans {
    active: RwLock<Active>,
    by_digest: RwLock<HashMap<Digest, Arc<ActivePlan>>>,
    /// Counts activations.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Active {
    /// What the environment pins.
    pinned: Vec<Arc<ActivePlan>>,
    /// Who shares the runs of a flow.
    splits: HashMap<FlowName, Split>,
    flows: HashMap<FlowName, Arc<ActivePlan>>,
    hooks: HashMap<Route, Hook>,
    /// The plans with an event trigger, in order of their flows.
    listeners: Vec<Arc<ActivePlan>>,
}

impl Plans {
    /// Makes prepared plans, and no others, the active ones.
    pub(crate) fn take_up(&self, prepared: Prepared) {
        let all = prepared.all();
        self.by_digest
            .write()
            .extend(all.into_iter().map(|plan| (plan.digest, plan)));
        let Prepared {
            pinned,
            plans,
            splits,
            hooks,
        } = prepared;
        let listeners = listeners(&plans);
        let flows = plans
            .into_iter()
            .map(|plan| (plan.plan.flow.clone(), plan))
            .collect();
        *self.active.write() = Active {
            pinned,
            splits,
            flows,
            hooks,
            listeners,
        };
        self.changes.send_modify(|count| *count += 1);
    }

    /// Plans that are active already, but for the commit, stay what they are: a commit that
    /// does not touch a flow gives it no other identity.
    pub(crate) fn keep_known(&self, plans: Vec<Plan>) -> Vec<Plan> {
        let known = |plan: Plan| {
            let Some(active) = self.pinned_of(&plan.flow) else {
                return plan;
            };
            let same = Plan {
                commit: active.plan.commit.clone(),
                ..plan.clone()
            };
            match same.digest() {
                Ok(digest) if digest == active.digest => same,
                _ => plan,
            }
        };
        plans.into_iter().map(known).collect()
    }

    /// Tells when other plans become active.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The active plan of a flow.
    pub(crate) fn active(&self, flow: &FlowName) -> Option<Arc<ActivePlan>> {
        self.active.read().flows.get(flow).cloned()
    }

    /// The plan of a flow that the environment pins; another one is active while its canary
    /// is there.
    pub(crate) fn pinned_of(&self, flow: &FlowName) -> Option<Arc<ActivePlan>> {
        let active = self.active.read();
        let mut pinned = active.pinned.iter();
        pinned.find(|plan| plan.plan.flow == *flow).cloned()
    }

    /// Every plan that the environment pins.
    pub(crate) fn pinned_all(&self) -> Vec<Arc<ActivePlan>> {
        self.active.read().pinned.clone()
    }

    /// Who shares the runs of a flow with its active plan, if this is that.
    pub(crate) fn split(&self, flow: &FlowName, active: Digest) -> Option<Split> {
        let known = self.active.read();
        let split = known.splits.get(flow)?;
        let is_active = known
            .flows
            .get(flow)
            .is_some_and(|plan| plan.digest == active);
        is_active.then(|| split.clone())
    }

    /// How many payloads the new version of a flow refused that the other one took.
    pub(crate) fn refused_by_canary(&self, flow: &FlowName) -> u64 {
        let known = self.active.read();
        known.splits.get(flow).map_or(0, Split::refused)
    }

    /// The active plans, by name.
    pub(crate) fn all(&self) -> Vec<Arc<ActivePlan>> {
        let mut plans: Vec<_> = self.active.read().flows.values().cloned().collect();
        plans.sort_by(|a, b| a.plan.flow.cmp(&b.plan.flow));
        plans
    }

    /// The active plans with a trigger for events of this type, in order of their flows.
    pub(crate) fn for_event(&self, event_type: &str) -> Vec<Arc<ActivePlan>> {
        let active = self.active.read();
        let is_for = |plan: &&Arc<ActivePlan>| {
            plan.plan
                .triggers
                .iter()
                .any(|trigger| match &trigger.kind {
                    TriggerKind::Event {
                        event_type: pattern,
                        ..
                    } => TypePattern::parse(pattern).is_some_and(|p| p.matches(event_type)),
                    _ => false,
                })
        };
        let plans = active.listeners.iter().filter(is_for);
        plans.cloned().collect()
    }

    /// Names of the active flows.
    pub(crate) fn flows(&self) -> Vec<FlowName> {
        self.active.read().flows.keys().cloned().collect()
    }

    /// The webhook at a path.
    pub(crate) fn hook(&self, method: &str, path: &str) -> Option<Hook> {
        self.active
            .read()
            .hooks
            .get(&(method.to_owned(), path.to_owned()))
            .cloned()
    }

    /// Lets go of plans; one that is asked for once more comes from the store.
    pub(crate) fn forget(&self, plans: &[Digest]) {
        let mut known = self.by_digest.write();
        for plan in plans {
            known.remove(plan);
        }
    }

    /// The plan that a run began with, from memory or from the store.
    pub(crate) async fn pinned(
        &self,
        store: &dyn Store,
        digest: Digest,
    ) -> Result<Arc<ActivePlan>, ActivationError> {
        if let Some(plan) = self.by_digest.read().get(&digest) {
            return Ok(plan.clone());
        }
        let missing = || StoreError::Failed(format!("plan {digest} is not in the store").into());
        let bytes = store.get(&keys::plan(&digest)).await?.ok_or_else(missing)?;
        let plan = Arc::new(ActivePlan::new(serde_json::from_slice(&bytes)?)?);
        self.by_digest.write().insert(digest, plan.clone());
        Ok(plan)
    }
}

fn listeners(plans: &[Arc<ActivePlan>]) -> Vec<Arc<ActivePlan>> {
    let listens = |plan: &&Arc<ActivePlan>| {
        let mut kinds = plan.plan.triggers.iter().map(|trigger| &trigger.kind);
        kinds.any(|kind| matches!(kind, TriggerKind::Event { .. }))
    };
    let mut listeners: Vec<_> = plans.iter().filter(listens).cloned().collect();
    listeners.sort_by(|a, b| a.plan.flow.cmp(&b.plan.flow));
    listeners
}

fn hooks(
    plans: &[Arc<ActivePlan>],
    disabled: &BTreeSet<FlowName>,
) -> Result<HashMap<Route, Hook>, ActivationError> {
    let mut hooks: HashMap<Route, Hook> = HashMap::new();
    let is_disabled = |plan: &&Arc<ActivePlan>| disabled.contains(&plan.plan.flow);
    let (last, first): (Vec<_>, Vec<_>) = plans.iter().partition(is_disabled);
    for plan in first.into_iter().chain(last) {
        for trigger in &plan.plan.triggers {
            let Some(reader) = HookReader::of(&trigger.kind) else {
                continue;
            };
            let hook = Hook {
                flow: plan.plan.flow.clone(),
                trigger: trigger.name.clone(),
                reader,
            };
            for (method, path) in trigger.kind.routes() {
                let route = (method.to_owned(), path.to_owned());
                if disabled.contains(&plan.plan.flow) {
                    hooks.entry(route).or_insert_with(|| hook.clone());
                    continue;
                }
                if let Some(other) = hooks.insert(route, hook.clone()) {
                    return Err(ActivationError::HookTaken {
                        first: other.flow,
                        second: plan.plan.flow.clone(),
                        method: method.to_owned(),
                        path: path.to_owned(),
                    });
                }
            }
        }
    }
    Ok(hooks)
}

async fn persist(store: &dyn Store, plan: &ActivePlan, with: Batch) -> Result<(), ActivationError> {
    let key = keys::plan(&plan.digest);
    let mut batch = with.clone();
    batch
        .require_absent(key.clone())
        .put(key, serde_json::to_vec(&plan.plan)?);
    match store.commit(batch).await {
        Ok(()) => Ok(()),
        // It is there, but what was to come with it may not be.
        Err(StoreError::Conflict(_)) if !with.writes.is_empty() => Ok(store.commit(with).await?),
        Err(StoreError::Conflict(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
