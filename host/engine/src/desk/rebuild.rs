//! Makes the indexes of the desk from the journals, where an older host has left none.

use super::item::Item;
use super::{index, keys};
use crate::engine::{EngineError, Shared};
use crate::journal;
use crate::state::RunState;
use crate::summary::RunSummary;
use dowel_core::port::{Batch, Scan};

/// The form of the indexes that this host writes.
pub(super) const FORM: &[u8] = b"1";

/// Summaries that are read at a time.
const ROWS_PER_SCAN: usize = 1_024;

/// Once for each store. One without runs has nothing to make: its first item says what
/// form it has.
pub(super) async fn once(shared: &Shared) -> Result<(), EngineError> {
    let store = shared.ports.store.as_ref();
    if store.get(keys::FORM).await?.is_some() {
        return Ok(());
    }
    let mut scan = Scan::prefix(crate::keys::SUMMARY, ROWS_PER_SCAN);
    loop {
        let rows = store.scan(scan.clone()).await?;
        if rows.is_empty() && scan.after.is_none() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for (_, value) in &rows {
            let summary = serde_json::from_slice::<RunSummary>(value).ok();
            let waits = summary.filter(|summary| summary.status.is_open_to_decision());
            if let Some(summary) = waits
                && let Some(item) = item(shared, &summary).await
            {
                index::open(&item, &mut batch)?;
            }
        }
        if !batch.writes.is_empty() {
            store.commit(batch).await?;
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => break,
        }
    }
    let mut batch = Batch::default();
    batch.put(keys::FORM.to_vec(), FORM.to_vec());
    store.commit(batch).await?;
    Ok(())
}

async fn item(shared: &Shared, summary: &RunSummary) -> Option<Item> {
    let store = shared.ports.store.as_ref();
    let read = async {
        let entries = journal::load(store, summary.id).await?;
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        let plan = shared.plans.pinned(store, state.plan()).await?;
        Ok::<_, EngineError>(Item::of(&plan, &state))
    };
    read.await.unwrap_or_else(|error| {
        tracing::error!(run = %summary.id, %error, "the run is not shown at the desk");
        None
    })
}
