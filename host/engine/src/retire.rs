//! Versions that nothing needs any more.
//!
//! A version is needed while the environment pins it, while a canary gives it runs, and while
//! runs are on it that have not ended, parked ones included. When nothing needs it any more
//! the time is written down; after the time that versions are kept it is *retired*: its plan
//! leaves the memory, and so do connectors that no other version needs. Its row stays, because
//! the stories of runs that have ended are read by it. A version that is pinned again is a
//! version like any other.

use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::{Engine, EngineError, Shared};
use crate::keys;
use crate::plans::ActivePlan;
use crate::state::RunStatus;
use crate::{canary, known, summary};
use dowel_core::code::{Code, store as store_code, switch, upgrade};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{Digest, FlowName, Timestamp};
use dowel_flow::plan::Plan;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The version of the record's form.
const VERSION: u32 = 1;

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 1_024;

/// How often versions are looked at.
const EVERY: Duration = Duration::from_secs(3_600);

/// Who acts where no person does.
const HOST: &str = "host";

/// What is written down of a version that nothing needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    v: u32,
    /// Since when nothing needs it.
    since: Timestamp,
    /// When it was retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<Timestamp>,
}

/// Where a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// The environment pins it.
    Pinned,
    /// A canary gives it runs.
    Canary,
    /// Runs are on it that have not ended.
    Draining,
    /// Nothing needs it; it is kept for a while.
    Unused(Timestamp),
    /// Its plan and its connectors are not in memory.
    Retired(Timestamp),
}

impl VersionState {
    /// The name in lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Canary => "canary",
            Self::Draining => "draining",
            Self::Unused(_) => "unused",
            Self::Retired(_) => "retired",
        }
    }
}

/// A version of a flow that the host keeps.
#[derive(Clone, Debug)]
pub struct KnownVersion {
    /// Its plan.
    pub plan: Plan,
    /// The plan's digest.
    pub digest: Digest,
    /// Where it stands.
    pub state: VersionState,
    /// Runs on this version of the flow that have not ended, parked ones included.
    pub live_runs: u64,
}

/// Why a version was not retired.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// There is none.
    #[error("the host keeps no version {1} of `{0}`")]
    NoSuchVersion(FlowName, Version),
    /// Something needs it.
    #[error("version {version} of `{flow}` is needed: {why}")]
    Needed {
        /// The flow.
        flow: FlowName,
        /// The version.
        version: Version,
        /// By what.
        why: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A plan cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl RetireError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchVersion(..) => switch::NO_SUCH_VERSION,
            Self::Needed { .. } => upgrade::VERSION_NEEDED,
            Self::Store(_) => store_code::UNAVAILABLE,
            Self::Engine(error) => error.code(),
        }
    }
}

/// Runs that have not ended, by flow and version.
type Live = BTreeMap<(FlowName, Version), u64>;

/// Counts all of them: none may be missed, however many there are.
async fn live(store: &dyn Store) -> Result<Live, StoreError> {
    let mut live = Live::new();
    let families = [
        keys::ACTIVE.to_vec(),
        keys::runs_of_status(RunStatus::Parked),
    ];
    for family in families {
        let mut scan = Scan::prefix(family, ROWS_PER_SCAN).keys_only();
        loop {
            let rows = store.scan(scan.clone()).await?;
            for (key, _) in &rows {
                let Some(run) = keys::run_at_end(key) else {
                    continue;
                };
                if let Some(summary) = summary::get(store, run).await? {
                    *live.entry((summary.flow, summary.version)).or_default() += 1;
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
                _ => break,
            }
        }
    }
    Ok(live)
}

async fn record(store: &dyn Store, digest: &Digest) -> Result<Option<Record>, StoreError> {
    let bytes = store.get(&keys::unused(digest)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn put(batch: &mut Batch, digest: &Digest, record: &Record) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(record);
    let bytes = bytes.map_err(|error| StoreError::Failed(error.to_string().into()))?;
    batch.put(keys::unused(digest), bytes);
    Ok(())
}

/// Digests of the plans that are retired.
async fn retired(store: &dyn Store) -> Result<BTreeSet<Digest>, StoreError> {
    let mut found = BTreeSet::new();
    let mut scan = Scan::prefix(keys::UNUSED, ROWS_PER_SCAN);
    loop {
        let rows = store.scan(scan.clone()).await?;
        for (key, bytes) in &rows {
            let record = serde_json::from_slice::<Record>(bytes).ok();
            let is_retired = record.is_some_and(|record| record.retired.is_some());
            found.extend(keys::plan_of_unused(key).filter(|_| is_retired));
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(found),
        }
    }
}

/// The connectors of a plan, by digest.
fn connectors(plan: &Plan) -> impl Iterator<Item = Digest> {
    plan.connectors.values().map(|pinned| pinned.digest)
}

/// The connectors that only retired versions would need: a host that starts does not load
/// them.
///
/// # Errors
/// The store failed.
pub async fn retired_connectors(store: &dyn Store) -> Result<BTreeSet<Digest>, StoreError> {
    let retired = retired(store).await?;
    if retired.is_empty() {
        return Ok(BTreeSet::new());
    }
    let (mut gone, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for plan in known::all_plans(store).await? {
        let digest = plan.digest().ok();
        match digest.is_some_and(|digest| retired.contains(&digest)) {
            true => gone.extend(connectors(&plan)),
            false => needed.extend(connectors(&plan)),
        }
    }
    Ok(gone.difference(&needed).copied().collect())
}

/// What needs a plan, but for its runs.
struct Needs {
    pinned: BTreeSet<Digest>,
    canaries: BTreeSet<Digest>,
    live: Live,
}

impl Needs {
    async fn look(shared: &Shared) -> Result<Self, StoreError> {
        let store = shared.ports.store.as_ref();
        let of = |plans: Vec<Arc<ActivePlan>>| plans.iter().map(|plan| plan.digest).collect();
        let canaries = canary::records(store).await?.into_values();
        let mut held: BTreeSet<Digest> = canaries.filter_map(|canary| canary.before).collect();
        held.extend::<BTreeSet<Digest>>(of(shared.plans.all()));
        Ok(Self {
            pinned: of(shared.plans.pinned_all()),
            canaries: held,
            live: live(store).await?,
        })
    }

    fn live_runs(&self, plan: &Plan) -> u64 {
        let key = (plan.flow.clone(), plan.version.clone());
        self.live.get(&key).copied().unwrap_or_default()
    }

    /// What needs it, if anything does.
    fn state(&self, digest: &Digest, plan: &Plan) -> Option<VersionState> {
        if self.pinned.contains(digest) {
            return Some(VersionState::Pinned);
        }
        if self.canaries.contains(digest) {
            return Some(VersionState::Canary);
        }
        (self.live_runs(plan) > 0).then_some(VersionState::Draining)
    }
}

/// Looks at every version until draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    let keep = shared.options.keep_versions;
    loop {
        let next = shared
            .ports
            .clock
            .now()
            .plus(EVERY.min(keep).max(Duration::from_secs(1)));
        tokio::select! {
            biased;
            () = shared.draining.cancelled() => return,
            () = shared.ports.clock.sleep_until(next) => {}
        }
        if let Err(error) = look(&shared).await {
            tracing::warn!(%error, "versions cannot be retired now");
        }
    }
}

/// Writes down what is not needed any more, and retires what has not been for long enough.
pub(crate) async fn look(shared: &Shared) -> Result<(), EngineError> {
    // What is pinned does not change meanwhile.
    let _turn = shared.rollout.turn().await;
    let store = shared.ports.store.as_ref();
    let now = shared.ports.clock.now();
    let needs = Needs::look(shared).await?;
    let mut batch = Batch::default();
    let (mut drafts, mut retired) = (Vec::new(), Vec::new());
    for plan in known::all_plans(store).await? {
        let Ok(digest) = plan.digest() else { continue };
        let known = record(store, &digest).await?;
        match (needs.state(&digest, &plan), known) {
            (Some(_), None) => {}
            (Some(_), Some(_)) => {
                batch.delete(keys::unused(&digest));
            }
            (None, None) => {
                let record = Record {
                    v: VERSION,
                    since: now,
                    retired: None,
                };
                put(&mut batch, &digest, &record)?;
            }
            (None, Some(record)) if record.retired.is_some() => {}
            (None, Some(record)) if now < record.since.plus(shared.options.keep_versions) => {}
            (None, Some(record)) => {
                let gone = Record {
                    retired: Some(now),
                    ..record
                };
                put(&mut batch, &digest, &gone)?;
                drafts.push(draft(HOST, &plan, "nothing has needed it for long enough"));
                retired.push(digest);
            }
        }
    }
    if !batch.writes.is_empty() {
        shared.desk.audit.commit(shared, batch, drafts).await?;
    }
    if !retired.is_empty() {
        free(shared, &retired).await?;
    }
    Ok(())
}

fn draft(actor: &str, plan: &Plan, reason: &str) -> Draft {
    Draft {
        reason: Some(reason.to_owned()),
        flow: Some(plan.flow.clone()),
        commit: plan.commit.clone(),
        plan: plan.digest().ok(),
        after: Some(Standing::of(&format!("version {} retired", plan.version))),
        ..Draft::new(
            actor,
            "retire-version",
            AuditTarget::Flow(plan.flow.clone()),
        )
    }
}

/// Lets go of plans, and of connectors that no other one needs.
async fn free(shared: &Shared, plans: &[Digest]) -> Result<(), StoreError> {
    shared.plans.forget(plans);
    let gone = retired_connectors(shared.ports.store.as_ref()).await?;
    shared.ports.invoker.release(&gone);
    tracing::info!(versions = plans.len(), "versions of flows were retired");
    Ok(())
}

impl Engine {
    /// Every version of a flow that the host keeps, the newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn known_versions(&self, flow: &FlowName) -> Result<Vec<KnownVersion>, EngineError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let needs = Needs::look(shared).await?;
        let now = shared.ports.clock.now();
        let mut versions = Vec::new();
        for plan in known::plans_of(store, flow).await? {
            let Ok(digest) = plan.digest() else { continue };
            let state = match needs.state(&digest, &plan) {
                Some(state) => state,
                None => match record(store, &digest).await? {
                    Some(record) => match record.retired {
                        Some(at) => VersionState::Retired(at),
                        None => VersionState::Unused(record.since),
                    },
                    None => VersionState::Unused(now),
                },
            };
            versions.push(KnownVersion {
                live_runs: needs.live_runs(&plan),
                plan,
                digest,
                state,
            });
        }
        Ok(versions)
    }

    /// Retires a version now.
    ///
    /// # Errors
    /// [`RetireError`]; nothing has changed.
    pub async fn retire_version(
        &self,
        flow: &FlowName,
        version: &Version,
        deciding: Deciding,
    ) -> Result<(), RetireError> {
        let shared = self.shared();
        let _turn = shared.rollout.turn().await;
        let known = self.known_versions(flow).await?.into_iter();
        let meant: Vec<KnownVersion> = known.filter(|one| one.plan.version == *version).collect();
        if meant.is_empty() {
            return Err(RetireError::NoSuchVersion(flow.clone(), version.clone()));
        }
        let why = meant.iter().find_map(|one| match one.state {
            VersionState::Pinned => Some("the environment pins it".to_owned()),
            VersionState::Canary => Some("a canary gives it runs".to_owned()),
            VersionState::Draining => Some(format!("{} runs on it have not ended", one.live_runs)),
            VersionState::Unused(_) | VersionState::Retired(_) => None,
        });
        if let Some(why) = why {
            return Err(RetireError::Needed {
                flow: flow.clone(),
                version: version.clone(),
                why,
            });
        }
        let now = shared.ports.clock.now();
        let mut batch = Batch::default();
        let mut drafts = Vec::new();
        let reason = deciding.reason.unwrap_or_default();
        for one in &meant {
            let since = match one.state {
                VersionState::Unused(since) | VersionState::Retired(since) => since,
                _ => now,
            };
            let gone = Record {
                v: VERSION,
                since,
                retired: Some(now),
            };
            put(&mut batch, &one.digest, &gone)?;
            drafts.push(Draft {
                origin: deciding.origin.clone(),
                ..draft(&deciding.actor, &one.plan, &reason)
            });
        }
        shared.desk.audit.commit(shared, batch, drafts).await?;
        let plans: Vec<Digest> = meant.iter().map(|one| one.digest).collect();
        Ok(free(shared, &plans).await?)
    }

    /// Looks at every version at once, as the host does by itself now and then.
    ///
    /// # Errors
    /// The store failed.
    pub async fn look_at_versions(&self) -> Result<(), EngineError> {
        look(self.shared()).await
    }
}

/// Whether a plan is retired: no run goes on with it.
pub(crate) async fn is_retired(store: &dyn Store, digest: &Digest) -> Result<bool, StoreError> {
    let record = record(store, digest).await?;
    Ok(record.is_some_and(|record| record.retired.is_some()))
}
