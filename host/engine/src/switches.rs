//! The kill switches of flows. A disabled flow takes no events, and its runs stop
//! before their next step and wait until it is enabled. The truth is in the store and
//! in the environment file.

use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::{Engine, Shared};
use crate::keys;
use dowel_core::code::{Code, api, store};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{FlowName, RunId, Timestamp};
use dowel_flow::plan::{Plan, Sla};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// Switches that are read at a time when the engine starts.
const SWITCHES_PER_SCAN: usize = 1_024;

/// The last decision about a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether the flow may run.
    pub enabled: bool,
    /// Who decided.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Where a flow stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStatus {
    /// The flow.
    pub flow: FlowName,
    /// The version that takes events.
    pub version: semver::Version,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The runbook's path, relative to the repository.
    pub runbook: Option<String>,
    /// Labels for people and permissions.
    pub labels: BTreeMap<String, String>,
    /// What it promises.
    pub sla: Option<Sla>,
    /// Whether it takes events and its runs go on.
    pub enabled: bool,
    /// Whether the environment file disables it.
    pub disabled_in_file: bool,
    /// The last decision at run time.
    pub decision: Option<Decision>,
    /// Runs that stopped before their next step because the flow is disabled.
    pub stopped: usize,
}

/// Why a switch was not turned.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// There is no such flow.
    #[error("there is no flow `{0}`")]
    NoSuchFlow(FlowName),
    /// The environment file decides.
    #[error("the environment file disables the flow `{0}`")]
    InFile(FlowName),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SwitchError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchFlow(_) => api::NO_SUCH_FLOW,
            Self::InFile(_) => api::DISABLED_IN_FILE,
            Self::Store(_) => store::UNAVAILABLE,
        }
    }
}

/// The switches of all flows.
pub(crate) struct Switches {
    /// Whether any flow is disabled: the question is asked before each step.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Flows that the environment file disables.
    in_file: BTreeSet<FlowName>,
    decisions: BTreeMap<FlowName, Decision>,
    stopped: BTreeMap<FlowName, BTreeSet<RunId>>,
}

impl Switches {
    /// Reads the decisions that were made at run time.
    pub(crate) async fn load(
        store: &dyn Store,
        in_file: BTreeSet<FlowName>,
    ) -> Result<Self, StoreError> {
        let mut decisions = BTreeMap::new();
        let mut scan = Scan::prefix(keys::SWITCH, SWITCHES_PER_SCAN);
        loop {
            let rows = store.scan(scan.clone()).await?;
            for (key, value) in &rows {
                let flow = keys::flow_of_switch(key);
                let decision = serde_json::from_slice(value).ok();
                decisions.extend(flow.zip(decision));
            }
            match rows.last() {
                Some((key, _)) if rows.len() == SWITCHES_PER_SCAN => {
                    scan = scan.after(key.clone());
                }
                _ => break,
            }
        }
        let any = !in_file.is_empty() || decisions.values().any(|d: &Decision| !d.enabled);
        let state = State {
            in_file,
            decisions,
            ..State::default()
        };
        Ok(Self {
            any: AtomicBool::new(any),
            state: Mutex::new(state),
        })
    }

    /// Whether the flow takes no events and its runs stop.
    pub(crate) fn is_disabled(&self, flow: &FlowName) -> bool {
        self.any.load(Ordering::Acquire) && self.state.lock().is_off(flow)
    }

    /// Lets a run wait until its flow is enabled; `false` if it is.
    pub(crate) fn stop(&self, flow: &FlowName, run: RunId) -> bool {
        let mut state = self.state.lock();
        let is_disabled = state.is_off(flow);
        if is_disabled {
            state.stopped.entry(flow.clone()).or_default().insert(run);
        }
        is_disabled
    }

    /// Makes a decision durable and returns the runs that may go on by it.
    pub(crate) async fn decide(
        &self,
        shared: &Shared,
        flow: &FlowName,
        decision: Decision,
        mut draft: Draft,
    ) -> Result<BTreeSet<RunId>, SwitchError> {
        if decision.enabled && self.state.lock().in_file.contains(flow) {
            return Err(SwitchError::InFile(flow.clone()));
        }
        let value =
            serde_json::to_vec(&decision).map_err(|e| StoreError::Failed(e.to_string().into()))?;
        let mut batch = Batch::default();
        batch.put(keys::switch(flow), value);
        let word = |enabled: bool| if enabled { "enabled" } else { "disabled" };
        let was_enabled = !self.is_disabled(flow);
        draft.before = Some(Standing::of(word(was_enabled)));
        draft.after = Some(Standing::of(word(decision.enabled)));
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        let mut state = self.state.lock();
        let is_enabled = decision.enabled;
        if !is_enabled {
            self.any.store(true, Ordering::Release);
        }
        state.decisions.insert(flow.clone(), decision);
        // The file may have changed while the decision was written.
        let stopped = if is_enabled && !state.in_file.contains(flow) {
            state.stopped.remove(flow)
        } else {
            None
        };
        Ok(stopped.unwrap_or_default())
    }

    /// Takes up what another environment file disables, and returns the runs that may go
    /// on by it.
    pub(crate) fn change_file(&self, in_file: BTreeSet<FlowName>) -> BTreeSet<RunId> {
        let mut state = self.state.lock();
        state.in_file = in_file;
        let any = !state.in_file.is_empty() || state.decisions.values().any(|d| !d.enabled);
        // Under the lock: whoever sees `true` finds what is disabled.
        self.any.store(any, Ordering::Release);
        let waiting: Vec<FlowName> = state.stopped.keys().cloned().collect();
        let on = waiting.into_iter().filter(|flow| !state.is_off(flow));
        let on: Vec<FlowName> = on.collect();
        let runs = on.iter().filter_map(|flow| state.stopped.remove(flow));
        runs.flatten().collect()
    }

    /// Where a flow stands.
    pub(crate) fn status(&self, plan: &Plan) -> FlowStatus {
        let flow = &plan.flow;
        let state = self.state.lock();
        let disabled_in_file = state.in_file.contains(flow);
        FlowStatus {
            flow: flow.clone(),
            version: plan.version.clone(),
            owner: plan.owner.clone(),
            description: plan.description.clone(),
            runbook: plan.runbook.clone(),
            labels: plan.labels.clone(),
            sla: plan.sla,
            enabled: !disabled_in_file && !state.is_disabled(flow),
            disabled_in_file,
            decision: state.decisions.get(flow).cloned(),
            stopped: state.stopped.get(flow).map_or(0, BTreeSet::len),
        }
    }
}

impl State {
    /// By the file or by a decision.
    fn is_off(&self, flow: &FlowName) -> bool {
        self.in_file.contains(flow) || self.is_disabled(flow)
    }

    fn is_disabled(&self, flow: &FlowName) -> bool {
        let decision = self.decisions.get(flow);
        decision.is_some_and(|decision| !decision.enabled)
    }
}

impl Engine {
    /// Where the flows stand, by name.
    pub fn flow_status(&self) -> Vec<FlowStatus> {
        let plans = self.shared().plans.all();
        let status = plans
            .iter()
            .map(|plan| self.shared().switches.status(&plan.plan));
        status.collect()
    }

    /// The runs that wait behind a run in its concurrency key, the next one first, at
    /// most `limit`.
    pub fn runs_behind(&self, run: RunId, limit: usize) -> Vec<RunId> {
        self.shared().key_lines.behind(run, limit)
    }

    /// Enables or disables a flow at once and durably. Disabled, it takes no events and
    /// its runs stop before their next step; enabled, they go on.
    ///
    /// # Errors
    /// There is no such flow, the environment file disables it, or the store failed.
    pub async fn switch_flow(
        &self,
        flow: &FlowName,
        enabled: bool,
        deciding: Deciding,
    ) -> Result<FlowStatus, SwitchError> {
        let shared = self.shared();
        let no_such = || SwitchError::NoSuchFlow(flow.clone());
        let plan = shared.plans.active(flow).ok_or_else(no_such)?;
        let (actor, reason) = (deciding.actor, deciding.reason.unwrap_or_default());
        let action = if enabled { "enable" } else { "disable" };
        let draft = Draft {
            origin: deciding.origin,
            reason: Some(reason.clone()),
            flow: Some(flow.clone()),
            ..Draft::new(&actor, action, AuditTarget::Flow(flow.clone()))
        };
        let decision = Decision {
            enabled,
            actor: actor.clone(),
            reason: reason.clone(),
            at: shared.ports.clock.now(),
        };
        for run in shared
            .switches
            .decide(shared, flow, decision, draft)
            .await?
        {
            shared.queue.resume(run);
        }
        let status = shared.switches.status(&plan.plan);
        tracing::warn!(%flow, actor, reason, "flow {action}d");
        Ok(status)
    }
}
