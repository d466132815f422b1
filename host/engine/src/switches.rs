//! The kill switches of flows, triggers and connections. A disabled flow takes no events,
//! and its runs stop before their next step and wait until it is enabled. A disabled
//! trigger begins no runs; those that are there go on. Over a disabled connection no calls
//! are made; who wants to make one waits. The truth is in the store and in the environment
//! file.

mod turn;

pub use turn::SwitchStatus;

use crate::keys;
use dowel_core::code::{Code, api, store, switch as code};
use dowel_core::id::ConnectionName;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{FlowName, RunId, Timestamp};
use dowel_flow::plan::{Plan, Sla};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Switches that are read at a time when the engine starts.
const SWITCHES_PER_SCAN: usize = 1_024;

/// What can be switched off and on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwitchTarget {
    /// A flow.
    Flow(FlowName),
    /// One trigger of a flow, by its name.
    Trigger(FlowName, String),
    /// A connection.
    Connection(ConnectionName),
}

impl SwitchTarget {
    /// What kind of thing it is, in a word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Flow(_) => "flow",
            Self::Trigger(..) => "trigger",
            Self::Connection(_) => "connection",
        }
    }

    /// Its name; that of a trigger is `<flow>/<trigger>`.
    pub fn name(&self) -> String {
        match self {
            Self::Flow(flow) => flow.to_string(),
            Self::Trigger(flow, trigger) => format!("{flow}/{trigger}"),
            Self::Connection(connection) => connection.to_string(),
        }
    }

    /// The flow that it belongs to.
    pub const fn flow(&self) -> Option<&FlowName> {
        match self {
            Self::Flow(flow) | Self::Trigger(flow, _) => Some(flow),
            Self::Connection(_) => None,
        }
    }
}

impl fmt::Display for SwitchTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

/// The last decision about a switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it is on.
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
    /// The flow has no such trigger.
    #[error("the flow `{0}` has no trigger `{1}`")]
    NoSuchTrigger(FlowName, String),
    /// There is no such connection.
    #[error("there is no connection `{0}`")]
    NoSuchConnection(ConnectionName),
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
            Self::NoSuchTrigger(..) => code::NO_SUCH_TRIGGER,
            Self::NoSuchConnection(_) => code::NO_SUCH_CONNECTION,
            Self::InFile(_) => api::DISABLED_IN_FILE,
            Self::Store(_) => store::UNAVAILABLE,
        }
    }
}

/// All switches.
pub(crate) struct Switches {
    /// Whether anything is switched off: the question is asked before each step.
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Flows that the environment file disables.
    in_file: BTreeSet<FlowName>,
    decisions: BTreeMap<SwitchTarget, Decision>,
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
                let target = keys::read_switch(key);
                let decision = serde_json::from_slice(value).ok();
                decisions.extend(target.zip(decision));
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

    /// Whether a trigger, or all of its flow, begins no runs.
    pub(crate) fn is_trigger_off(&self, flow: &FlowName, trigger: &str) -> bool {
        if !self.any.load(Ordering::Acquire) {
            return false;
        }
        let target = SwitchTarget::Trigger(flow.clone(), trigger.to_owned());
        let state = self.state.lock();
        state.is_off(flow) || state.is_target_off(&target)
    }

    /// The connections that are switched off.
    pub(crate) fn connections_off(&self) -> Vec<ConnectionName> {
        let state = self.state.lock();
        let off = state
            .decisions
            .iter()
            .filter(|(_, decision)| !decision.enabled);
        off.filter_map(|(target, _)| match target {
            SwitchTarget::Connection(connection) => Some(connection.clone()),
            _ => None,
        })
        .collect()
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

    /// The write that makes a decision durable.
    pub(crate) fn batch(target: &SwitchTarget, decision: &Decision) -> Result<Batch, StoreError> {
        let value =
            serde_json::to_vec(decision).map_err(|e| StoreError::Failed(e.to_string().into()))?;
        let mut batch = Batch::default();
        batch.put(keys::switch(target), value);
        Ok(batch)
    }

    /// Follows a decision that is durable, and returns the runs that may go on by it.
    pub(crate) fn follow(&self, target: &SwitchTarget, decision: Decision) -> BTreeSet<RunId> {
        let mut state = self.state.lock();
        let is_enabled = decision.enabled;
        if !is_enabled {
            self.any.store(true, Ordering::Release);
        }
        state.decisions.insert(target.clone(), decision);
        let stopped = match target {
            // The file may have changed while the decision was written.
            SwitchTarget::Flow(flow) if is_enabled && !state.in_file.contains(flow) => {
                state.stopped.remove(flow)
            }
            _ => None,
        };
        stopped.unwrap_or_default()
    }

    /// Whether the environment file switches it off.
    pub(crate) fn is_off_in_file(&self, target: &SwitchTarget) -> bool {
        matches!(target, SwitchTarget::Flow(flow) if self.state.lock().in_file.contains(flow))
    }

    /// The last decisions, by what they are about.
    pub(crate) fn decisions(&self) -> BTreeMap<SwitchTarget, Decision> {
        self.state.lock().decisions.clone()
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
            decision: state.decision(flow).cloned(),
            stopped: state.stopped.get(flow).map_or(0, BTreeSet::len),
        }
    }
}

impl State {
    fn decision(&self, flow: &FlowName) -> Option<&Decision> {
        self.decisions.get(&SwitchTarget::Flow(flow.clone()))
    }

    /// By the file or by a decision.
    fn is_off(&self, flow: &FlowName) -> bool {
        self.in_file.contains(flow) || self.is_disabled(flow)
    }

    fn is_disabled(&self, flow: &FlowName) -> bool {
        self.decision(flow)
            .is_some_and(|decision| !decision.enabled)
    }

    fn is_target_off(&self, target: &SwitchTarget) -> bool {
        let decision = self.decisions.get(target);
        decision.is_some_and(|decision| !decision.enabled)
    }
}
