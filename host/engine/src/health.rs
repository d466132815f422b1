//! What is looked up when somebody asks how the host is: the metrics that depend on the
//! time or on the store, and the runs that are stuck.

mod still;
mod stuck;

pub(crate) use still::is_still;
pub use stuck::{StuckRun, StuckRuns};

use crate::desk;
use crate::engine::{Engine, EngineError};
use crate::poll;
use dowel_core::{FlowName, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// How old the answer to the question which runs are stuck may be for the metrics. They
/// are asked for every few seconds, and by several.
const STUCK_IS_FRESH: Duration = Duration::from_secs(30);

/// What was looked up, and when.
#[derive(Debug, Default)]
pub(crate) struct Health {
    stuck: Mutex<Option<Timestamp>>,
    /// Flows whose exceptions are shown: the last of them may have been decided about.
    shown: Mutex<BTreeMap<FlowName, u64>>,
}

impl Engine {
    /// Brings the metrics that depend on the time or on the store up to date.
    ///
    /// # Errors
    /// The store failed.
    pub async fn refresh_metrics(&self) -> Result<(), EngineError> {
        let (shared, metrics) = (self.shared(), self.metrics());
        self.refresh_approvals();
        let limit = i64::try_from(shared.options.max_backlog).unwrap_or(i64::MAX);
        metrics.backlog_limit.set(limit);
        for active in shared.plans.all() {
            metrics.begin_series(&active.plan.flow);
            if active.plan.synthetic {
                metrics.flows.begin_synthetic(&active.plan.flow);
            }
            metrics.flows.promise(&active.plan.flow, active.plan.sla);
        }
        poll::refresh_metrics(shared);
        self.refresh_exceptions().await?;
        self.refresh_stuck().await
    }

    /// How many runs could go on and do not, as of at most half a minute ago.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stuck_count(&self) -> Result<u64, EngineError> {
        self.refresh_stuck().await?;
        Ok(self.metrics().flows.stuck_count())
    }

    async fn refresh_exceptions(&self) -> Result<(), EngineError> {
        let shared = self.shared();
        let mut counts: BTreeMap<FlowName, u64> = BTreeMap::new();
        {
            let mut shown = shared.health.shown.lock();
            counts.extend(shown.keys().map(|flow| (flow.clone(), 0)));
            counts.extend(shared.plans.flows().into_iter().map(|flow| (flow, 0)));
            for (group, count) in shared.desk.counts() {
                *counts.entry(group.flow).or_default() += count;
            }
            shown.clone_from(&counts);
        }
        let now = self.now();
        for (flow, count) in counts {
            let oldest = match count {
                0 => None,
                _ => desk::oldest(shared.ports.store.as_ref(), &flow).await?,
            };
            let age = oldest.map_or(0.0, |opened| now.since(opened).as_secs_f64());
            shared.metrics.flows.exceptions(&flow, count, age);
        }
        Ok(())
    }

    async fn refresh_stuck(&self) -> Result<(), EngineError> {
        let (shared, now) = (self.shared(), self.now());
        {
            let mut looked = shared.health.stuck.lock();
            if looked.is_some_and(|at| at.plus(STUCK_IS_FRESH) > now) {
                return Ok(());
            }
            *looked = Some(now);
        }
        let found = self.stuck_runs().await?;
        shared.metrics.flows.stuck(found.runs.len());
        Ok(())
    }
}
