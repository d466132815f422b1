//! How many finished runs each flow has, where a number limits them.

use crate::keys;
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::{FlowName, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Entries of the index that are counted at a time.
const ENTRIES_PER_SCAN: usize = 4096;

/// Numbers in memory; the truth is the index, which is counted once after the start.
#[derive(Debug)]
pub(crate) struct FinishedRuns {
    /// Runs that ended from here on are counted as they end, earlier ones in the index.
    since: Timestamp,
    flows: Mutex<HashMap<FlowName, Count>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Ended since the start, less what was removed.
    recent: i64,
    /// Ended before; nothing until it was counted.
    earlier: Option<i64>,
}

impl FinishedRuns {
    /// Counts from `now` on.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            flows: Mutex::default(),
        }
    }

    /// Runs that ended from here on are counted as they end.
    pub(crate) const fn since(&self) -> Timestamp {
        self.since
    }

    /// A run ended.
    pub(crate) fn ended(&self, flow: &FlowName) {
        self.add(flow, 1);
    }

    /// A finished run was removed, or goes on.
    pub(crate) fn left(&self, flow: &FlowName) {
        self.add(flow, -1);
    }

    fn add(&self, flow: &FlowName, by: i64) {
        let mut flows = self.flows.lock();
        match flows.get_mut(flow) {
            Some(count) => count.recent += by,
            None => {
                let count = Count {
                    recent: by,
                    earlier: None,
                };
                flows.insert(flow.clone(), count);
            }
        }
    }

    /// How many finished runs a flow has.
    pub(crate) async fn of(&self, store: &dyn Store, flow: &FlowName) -> Result<u64, StoreError> {
        let known = self.flows.lock().get(flow).and_then(|count| count.earlier);
        if known.is_none() {
            let earlier = self.count_index(store, flow).await?;
            let mut flows = self.flows.lock();
            let count = flows.entry(flow.clone()).or_default();
            // What was removed until now had not been counted.
            count.recent = count.recent.max(0);
            count.earlier = Some(earlier);
        }
        let flows = self.flows.lock();
        let count = flows.get(flow).copied().unwrap_or_default();
        Ok(u64::try_from(count.recent + count.earlier.unwrap_or(0)).unwrap_or(0))
    }

    async fn count_index(&self, store: &dyn Store, flow: &FlowName) -> Result<i64, StoreError> {
        let mut total = 0;
        let mut scan = Scan::prefix(keys::finished_flow(flow), ENTRIES_PER_SCAN).keys_only();
        loop {
            let entries = store.scan(scan.clone()).await?;
            let ends = entries
                .iter()
                .filter_map(|(key, _)| keys::end_of_finished(key));
            total += i64::try_from(ends.filter(|end| *end < self.since).count()).unwrap_or(0);
            match entries.last() {
                Some((key, _)) if entries.len() == ENTRIES_PER_SCAN => {
                    scan = scan.after(key.clone());
                }
                _ => return Ok(total),
            }
            tokio::task::yield_now().await;
        }
    }
}
