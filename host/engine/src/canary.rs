//! Canaries: a new version of a flow gets a share of the runs, and the version before it the
//! rest, until people or the numbers decide.
//!
//! The version is the one that the environment pins, with everything that a pin needs. What
//! is recorded here only holds runs back from it: a share by a stable hash of the run's
//! business key, or all of them after an abort. So a canary never brings into effect what
//! nobody has approved, is nothing that git knows, and is shown as drift.
//!
//! While a canary is there the version before it stays the active one: webhooks, schedules,
//! polls and subscriptions are its own, and fire once. A run is given to the new version when
//! it is made ([`choose`]), and stays on it.

mod compare;
mod decide;
mod judge;
mod metrics;
mod split;
mod watch;

pub use judge::{Limits as CanaryLimits, Sample};

pub(crate) use decide::{Turned, follow};
pub(crate) use metrics::CanaryMetrics;
pub(crate) use split::{Split, choose};
pub(crate) use watch::work;

use crate::engine::Shared;
use crate::keys;
use crate::plans::{ActivationError, ActivePlan};
use dowel_core::code::{Code, api, store, upgrade};
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::units::Share;
use dowel_core::{Digest, FlowName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The version of the record's form.
const VERSION: u32 = 1;

/// More canaries than anybody has at a time.
const MAX_CANARIES: usize = 1_024;

/// Who acts where no person does.
const HOST: &str = "host";

/// How a canary stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryState {
    /// It begins when the environment pins the version.
    Armed,
    /// The version gets its share.
    Running,
    /// Somebody has taken the share back: all runs begin on the version before it.
    Aborted,
    /// The numbers have.
    RolledBack,
}

impl CanaryState {
    /// The name in lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Running => "running",
            Self::Aborted => "aborted",
            Self::RolledBack => "rolled-back",
        }
    }
}

/// What is asked of a canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryTerms {
    /// How many of the runs begin on the new version.
    pub share: Share,
    /// JSON Pointer (RFC 6901) of the value in the payload that runs are told apart by; the
    /// business key where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When the numbers take the share back.
    pub limits: CanaryLimits,
}

/// A canary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Version of this form.
    pub v: u32,
    /// The new version.
    pub version: semver::Version,
    /// The plan of the version before it; nothing while it is armed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// How it stands.
    pub state: CanaryState,
    /// What was asked.
    #[serde(flatten)]
    pub terms: CanaryTerms,
    /// Since when it stands so.
    pub since: Timestamp,
    /// Who decided that.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// A canary as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryStatus {
    /// The flow.
    pub flow: FlowName,
    /// What was decided.
    pub canary: Canary,
    /// The version before it, where it holds runs back.
    pub before: Option<semver::Version>,
    /// What became of the runs of both since then, at most over the window.
    pub samples: Option<Samples>,
}

/// What became of runs on both versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// On the version before.
    pub before: Sample,
    /// On the new one.
    pub new: Sample,
}

/// What becomes of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryEnd {
    /// The new version gets all runs.
    Promote,
    /// The version before it gets all runs.
    Abort,
}

/// Why nothing became of a decision about a canary.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// There is no such flow.
    #[error("there is no flow `{0}`")]
    NoSuchFlow(FlowName),
    /// There is no canary.
    #[error("the flow `{0}` has no canary")]
    NoCanary(FlowName),
    /// The versions cannot share the runs.
    #[error("{0}")]
    Refused(String),
    /// The plan of the version before cannot be used.
    #[error(transparent)]
    Plan(#[from] ActivationError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CanaryError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchFlow(_) => api::NO_SUCH_FLOW,
            Self::NoCanary(_) => upgrade::NO_SUCH_CANARY,
            Self::Refused(_) => upgrade::CANARY_REFUSED,
            Self::Plan(error) => error.code(),
            Self::Store(_) => store::UNAVAILABLE,
        }
    }
}

/// The canaries by their flows, as they are on record.
pub(crate) async fn records(store: &dyn Store) -> Result<BTreeMap<FlowName, Canary>, StoreError> {
    let rows = store.scan(Scan::prefix(keys::CANARY, MAX_CANARIES)).await?;
    let read = |(key, bytes): &(Vec<u8>, Vec<u8>)| {
        let flow = keys::flow_of_canary(key)?;
        match serde_json::from_slice(bytes) {
            Ok(canary) => Some((flow, canary)),
            Err(error) => {
                tracing::warn!(%flow, %error, "the record of a canary cannot be read");
                None
            }
        }
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// The plans that are active where these are pinned, and who shares runs with whom.
pub(crate) struct Effective {
    pub(crate) plans: Vec<Arc<ActivePlan>>,
    pub(crate) splits: HashMap<FlowName, Split>,
}

/// Applies canaries to what is pinned. One that cannot be applied is left out and named in
/// the log: then all runs begin on what is pinned.
pub(crate) async fn effective(
    shared: &Shared,
    pinned: &[Arc<ActivePlan>],
    canaries: &BTreeMap<FlowName, Canary>,
) -> Result<Effective, ActivationError> {
    let mut effective = Effective {
        plans: Vec::with_capacity(pinned.len()),
        splits: HashMap::new(),
    };
    for plan in pinned {
        let flow = &plan.plan.flow;
        let canary = canaries
            .get(flow)
            .filter(|canary| canary.version == plan.plan.version);
        let Some((canary, before)) = canary.and_then(|one| Some((one, one.before?))) else {
            effective.plans.push(plan.clone());
            continue;
        };
        let store = shared.ports.store.as_ref();
        let before = shared.plans.pinned(store, before).await?;
        if let Err(reason) = compare::fits(&before.plan, &plan.plan) {
            tracing::warn!(%flow, reason, "the canary holds no runs back");
            effective.plans.push(plan.clone());
            continue;
        }
        let split = Split::new(canary, plan.clone());
        effective.splits.insert(flow.clone(), split);
        effective.plans.push(before);
    }
    Ok(effective)
}
