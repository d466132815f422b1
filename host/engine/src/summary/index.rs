//! The indexes of summaries: by flow, by status where that is not the usual one, and by
//! trace. A run that succeeds costs the one entry by flow, written with its first batch.

use super::RunSummary;
use crate::keys;
use crate::state::{RunState, RunStatus};
use dowel_core::RunId;
use dowel_core::port::{Batch, Scan, Store, StoreError};

/// Summaries that are read at a time.
const ROWS_PER_SCAN: usize = 1_024;

/// Whether runs in this status have an index of their own: they are at rest, and few
/// among those that have succeeded.
pub(super) const fn is_indexed(status: RunStatus) -> bool {
    status.is_at_rest() && !matches!(status, RunStatus::Succeeded)
}

/// Adds the entries of a run that begins.
pub(crate) fn add_first(state: &RunState, batch: &mut Batch) {
    let run = state.created.run;
    batch.put(keys::run_of_flow(&state.created.flow, run), Vec::new());
    if let Some(trace) = super::trace(state) {
        batch.put(keys::run_of_trace(&trace, run), Vec::new());
    }
}

/// The run has another status.
pub(crate) fn move_status(run: RunId, before: RunStatus, now: RunStatus, batch: &mut Batch) {
    if is_indexed(before) {
        batch.delete(keys::run_of_status(before, run));
    }
    if is_indexed(now) {
        batch.put(keys::run_of_status(now, run), Vec::new());
    }
}

/// Takes every entry of a run out.
pub(crate) fn remove(summary: &RunSummary, batch: &mut Batch) {
    let run = summary.id;
    batch.delete(keys::run_of_flow(&summary.flow, run));
    if is_indexed(summary.status) {
        batch.delete(keys::run_of_status(summary.status, run));
    }
    if let Some(trace) = &summary.trace {
        batch.delete(keys::run_of_trace(trace, run));
    }
}

/// Makes the indexes where an older host has left none. They are made from the oldest run
/// to the newest, before any run begins: where the newest one has its entry, all have.
/// Entries that an older host has left behind are seen to be wrong by the summaries.
pub(crate) async fn once(store: &dyn Store) -> Result<(), StoreError> {
    let newest = store
        .scan(Scan::prefix(keys::SUMMARY, 1).reversed())
        .await?;
    let newest = newest.first().map(|(_, value)| value);
    let Some(newest) = newest.and_then(|value| read(value)) else {
        return Ok(());
    };
    let entry = keys::run_of_flow(&newest.flow, newest.id);
    if store.get(&entry).await?.is_some() {
        return Ok(());
    }
    let mut scan = Scan::prefix(keys::SUMMARY, ROWS_PER_SCAN);
    loop {
        let rows = store.scan(scan.clone()).await?;
        let mut batch = Batch::default();
        for summary in rows.iter().filter_map(|(_, value)| read(value)) {
            batch.put(keys::run_of_flow(&summary.flow, summary.id), Vec::new());
            move_status(summary.id, RunStatus::Pending, summary.status, &mut batch);
        }
        if !batch.writes.is_empty() {
            store.commit(batch).await?;
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(()),
        }
    }
}

fn read(value: &[u8]) -> Option<RunSummary> {
    serde_json::from_slice(value).ok()
}
