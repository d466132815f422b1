//! What the host knows of versions: the plans that are active, those that it has kept, and
//! which of them unfinished runs are on.

use crate::engine::{Engine, EngineError};
use crate::{keys, summary};
use dowel_core::FlowName;
use dowel_core::port::{Scan, Store, StoreError};
use dowel_flow::plan::Plan;
use semver::Version;
use std::collections::BTreeMap;

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 1_024;

/// Unfinished runs that one request looks at.
const MAX_EXAMINED: usize = 20_000;

/// Unfinished runs by flow and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveRuns {
    /// How many there are.
    pub counts: BTreeMap<FlowName, BTreeMap<Version, u64>>,
    /// Whether there are more that were not looked at.
    pub is_cut: bool,
}

impl Engine {
    /// The active plans, by name.
    pub fn active_plans(&self) -> Vec<Plan> {
        let plans = self.shared().plans.all();
        plans.iter().map(|active| active.plan.clone()).collect()
    }

    /// Every plan of a flow that is kept, the newest version first. There may be several
    /// of one version whose connectors or files differ.
    ///
    /// # Errors
    /// The store failed.
    pub async fn known_plans(&self, flow: &FlowName) -> Result<Vec<Plan>, EngineError> {
        Ok(plans_of(self.shared().ports.store.as_ref(), flow).await?)
    }

    /// Which versions the unfinished runs are on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn live_runs(&self) -> Result<LiveRuns, EngineError> {
        let store = self.shared().ports.store.as_ref();
        let mut live = LiveRuns::default();
        let mut examined = 0;
        let mut scan = Scan::prefix(keys::ACTIVE, ROWS_PER_SCAN).keys_only();
        loop {
            let rows = store.scan(scan.clone()).await?;
            for (key, _) in &rows {
                let Some(run) = keys::run_at_end(key) else {
                    continue;
                };
                if let Some(summary) = summary::get(store, run).await? {
                    let versions = live.counts.entry(summary.flow).or_default();
                    *versions.entry(summary.version).or_default() += 1;
                }
            }
            examined += rows.len();
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN => {
                    if examined >= MAX_EXAMINED {
                        live.is_cut = true;
                        return Ok(live);
                    }
                    scan = scan.after(key.clone());
                }
                _ => return Ok(live),
            }
        }
    }
}

/// Every plan of a flow that a store keeps, the newest version first.
pub(crate) async fn plans_of(store: &dyn Store, flow: &FlowName) -> Result<Vec<Plan>, StoreError> {
    let mut plans = all_plans(store).await?;
    plans.retain(|plan| plan.flow == *flow);
    plans.sort_by(|a, b| b.version.cmp(&a.version));
    Ok(plans)
}

/// Every plan that a store keeps and this program reads.
pub(crate) async fn all_plans(store: &dyn Store) -> Result<Vec<Plan>, StoreError> {
    let mut plans: Vec<Plan> = Vec::new();
    let mut scan = Scan::prefix(keys::PLAN, ROWS_PER_SCAN);
    loop {
        let rows = store.scan(scan.clone()).await?;
        plans.extend(
            rows.iter()
                .filter_map(|(_, value)| serde_json::from_slice::<Plan>(value).ok()),
        );
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(plans),
        }
    }
}
