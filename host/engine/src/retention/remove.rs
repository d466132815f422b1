//! Removes one finished run with everything that belongs to it alone.

use super::dedupe;
use crate::desk;
use crate::engine::Shared;
use crate::keys;
use crate::summary::{self, RunSummary};
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{RunId, Timestamp};

/// Keys that one batch removes: a batch is a turn of the store's committer, and others
/// wait for theirs.
const KEYS_PER_BATCH: usize = 256;

/// What became of an entry of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removed {
    /// The run is gone.
    Run,
    /// The run goes on, or somebody else is at it: it is left alone.
    Not,
}

/// Removes the run of an index entry. The summary goes first and the entry last: what an
/// interruption leaves is in no list, and the next sweep takes it.
pub(super) async fn run(
    shared: &Shared,
    entry: &[u8],
    run: RunId,
    now: Timestamp,
) -> Result<Removed, StoreError> {
    let store = shared.ports.store.as_ref();
    let mut batch = Batch::default();
    batch
        .require_equal(entry.to_vec(), Vec::new())
        .require_absent(keys::active(run));
    let summary_key = keys::summary(run);
    if let Some(bytes) = store.get(&summary_key).await? {
        let summary: Option<RunSummary> = serde_json::from_slice(&bytes).ok();
        batch.require_equal(summary_key.clone(), bytes);
        batch.delete(summary_key);
        if let Some(summary) = &summary {
            summary::remove(summary, &mut batch);
        }
        if let Some((summary, key)) = summary.and_then(|s| s.dedupe_key.clone().map(|k| (s, k))) {
            batch.delete(keys::by_business_key(&key, run));
            dedupe::release(store, &mut batch, &summary.flow, &key, run, now).await?;
        }
    }
    for family in keys::families_of_run(run) {
        let scan = Scan::prefix(family, KEYS_PER_BATCH).keys_only();
        loop {
            let found = store.scan(scan.clone()).await?;
            let is_last = found.len() < KEYS_PER_BATCH;
            for (key, _) in found {
                batch.delete(key);
            }
            if is_last {
                break;
            }
            match store.commit(std::mem::take(&mut batch)).await {
                Ok(()) => batch.require_equal(entry.to_vec(), Vec::new()),
                Err(StoreError::Conflict(_)) => return Ok(Removed::Not),
                Err(error) => return Err(error),
            };
        }
    }
    let closing = desk::close_run(store, run, &mut batch).await?;
    batch.delete(entry.to_vec());
    match store.commit(batch).await {
        Ok(()) => {
            closing.done(&shared.desk);
            Ok(Removed::Run)
        }
        Err(StoreError::Conflict(_)) => Ok(Removed::Not),
        Err(error) => Err(error),
    }
}
