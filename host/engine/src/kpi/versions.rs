//! How the versions of a flow did, beside each other, and since when each is active.

use super::{Latency, created};
use crate::engine::{Engine, Shared};
use crate::keys::{self, EndClass};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{FlowName, RunId, Timestamp};
use parking_lot::Mutex;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Versions of one flow that are remembered; those that ended runs last stay.
const MOST_VERSIONS: usize = 6;

/// Changes of one flow that are read; what is older is not shown.
const MOST_MARKS: usize = 50;

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 256;

/// Where it is written down that a version took the place of another: flow, time. The value
/// is the version.
const MARKS: &[u8] = b"zv";

/// How one version did, since the host began to work and of the latest runs before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionKpi {
    /// When its first run ended that is counted.
    pub from: Timestamp,
    /// When its last run ended.
    pub to: Timestamp,
    /// Runs that succeeded in full.
    pub succeeded: u64,
    /// Runs that ended otherwise.
    pub failed: u64,
    /// Attempts of calls that failed and were followed by another one.
    pub retries: u64,
    /// Exceptions that were opened.
    pub exceptions: u64,
    /// Decisions that people made about its runs.
    pub touches: u64,
    /// Times from acceptance to end.
    pub latency: Latency,
}

impl VersionKpi {
    /// Runs that ended.
    pub fn ended(&self) -> u64 {
        self.succeeded + self.failed
    }

    pub(super) fn end(&mut self, class: EndClass, at: Timestamp, took: Duration) {
        self.from = match self.ended() {
            0 => at,
            _ => self.from.min(at),
        };
        self.to = self.to.max(at);
        match class {
            EndClass::Good => self.succeeded += 1,
            EndClass::Bad => self.failed += 1,
        }
        self.latency.add(took);
    }
}

/// A version that took the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub version: Version,
}

/// The versions of all flows.
#[derive(Debug, Default)]
pub(super) struct Versions(Mutex<HashMap<FlowName, BTreeMap<Version, VersionKpi>>>);

impl Versions {
    pub(super) fn add(
        &self,
        flow: &FlowName,
        version: &Version,
        change: impl FnOnce(&mut VersionKpi),
    ) {
        let mut flows = self.0.lock();
        let versions = flows.entry(flow.clone()).or_default();
        change(versions.entry(version.clone()).or_default());
        while versions.len() > MOST_VERSIONS {
            let others = versions.iter().filter(|(known, _)| *known != version);
            let oldest = others.min_by_key(|(_, kpi)| kpi.to);
            let Some(oldest) = oldest.map(|(known, _)| known.clone()) else {
                break;
            };
            versions.remove(&oldest);
        }
    }

    fn of(&self, flow: &FlowName) -> BTreeMap<Version, VersionKpi> {
        self.0.lock().get(flow).cloned().unwrap_or_default()
    }
}

fn marks_of(flow: &FlowName) -> Vec<u8> {
    [MARKS, flow.as_str().as_bytes(), &[0]].concat()
}

/// The changes of a flow's version, the oldest first.
async fn marks(store: &dyn Store, flow: &FlowName) -> Result<Vec<Mark>, StoreError> {
    let prefix = marks_of(flow);
    let rows = store
        .scan(Scan::prefix(prefix.clone(), MOST_MARKS).reversed())
        .await?;
    let read = rows.iter().rev().filter_map(|(key, value)| {
        let at = key.strip_prefix(prefix.as_slice())?.try_into().ok()?;
        Some(Mark {
            at: Timestamp::from_millis(u64::from_be_bytes(at)),
            version: std::str::from_utf8(value).ok()?.parse().ok()?,
        })
    });
    Ok(read.collect())
}

/// What tells plans apart here.
#[derive(serde::Deserialize)]
struct Head {
    flow: FlowName,
    version: Version,
}

/// The versions of each flow whose plans are kept.
async fn known(store: &dyn Store) -> Result<HashMap<FlowName, BTreeSet<Version>>, StoreError> {
    let mut known: HashMap<FlowName, BTreeSet<Version>> = HashMap::new();
    let mut scan = Scan::prefix(keys::PLAN, ROWS_PER_SCAN);
    loop {
        let rows = store.scan(scan.clone()).await?;
        for (_, value) in &rows {
            if let Ok(head) = serde_json::from_slice::<Head>(value) {
                known.entry(head.flow).or_default().insert(head.version);
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(known),
        }
    }
}

/// Writes down which versions have taken the place of others. The first version of a flow
/// takes nobody's place.
async fn note(shared: &Shared) -> Result<(), StoreError> {
    let store = shared.ports.store.as_ref();
    let now = shared.ports.clock.now();
    let versions = known(store).await?;
    let mut batch = Batch::default();
    for active in shared.plans.all() {
        let (flow, version) = (&active.plan.flow, &active.plan.version);
        let others = versions.get(flow).into_iter().flatten();
        if others.filter(|other| *other != version).count() == 0 {
            continue;
        }
        let known = marks(store, flow).await?;
        if known.last().is_some_and(|mark| mark.version == *version) {
            continue;
        }
        let key = [marks_of(flow), now.as_millis().to_be_bytes().to_vec()].concat();
        batch.put(key, version.to_string().into_bytes());
    }
    match batch.writes.is_empty() {
        true => Ok(()),
        false => store.commit(batch).await,
    }
}

/// Writes changes down until draining begins.
pub(crate) async fn keep_marks(shared: Arc<Shared>) {
    let mut changes = shared.plans.changes();
    loop {
        if let Err(error) = note(&shared).await {
            tracing::warn!(%error, "the charts of flows lack the activation of a version");
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = shared.draining.cancelled() => return,
        }
    }
}

/// A run that had ended before the start.
pub(super) async fn ended_before(
    shared: &Shared,
    flow: &FlowName,
    class: EndClass,
    ended: Timestamp,
    run: RunId,
) -> Result<(), StoreError> {
    let summary = crate::summary::get(shared.ports.store.as_ref(), run).await?;
    if let Some(summary) = summary {
        let took = ended.since(created(run));
        let versions = &shared.desk.kpis.versions;
        versions.add(flow, &summary.version, |kpi| kpi.end(class, ended, took));
    }
    Ok(())
}

impl Engine {
    /// How the versions of a flow did, the lowest first.
    pub fn version_kpis(&self, flow: &FlowName) -> BTreeMap<Version, VersionKpi> {
        self.shared().desk.kpis.versions.of(flow)
    }

    /// When versions of a flow took the place of others here, the oldest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn activations(&self, flow: &FlowName) -> Result<Vec<Mark>, StoreError> {
        marks(self.shared().ports.store.as_ref(), flow).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_that_ended_runs_last_stay() {
        let (versions, flow) = (Versions::default(), "orders".parse().unwrap());
        for minor in 0..10 {
            let at = Timestamp::from_millis(minor);
            let took = Duration::from_millis(5);
            versions.add(&flow, &Version::new(1, minor, 0), |kpi| {
                kpi.end(EndClass::Good, at, took);
            });
        }
        let known = versions.of(&flow);
        let names: Vec<u64> = known.keys().map(|version| version.minor).collect();
        assert_eq!(names, [4, 5, 6, 7, 8, 9]);
        assert_eq!(
            known[&Version::new(1, 9, 0)].from,
            Timestamp::from_millis(9)
        );
    }
}
