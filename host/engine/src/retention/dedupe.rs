//! Dedupe keys outlive their runs and go at the end of their window.
//!
//! A key whose window ends before its run is removed goes with the run; it has no effect
//! from the end of the window on. One that outlives its run is noted in order of time.

use crate::intake::DedupeOwner;
use crate::keys;
use crate::mailbox;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{FlowName, RunId, Timestamp};

/// Keys that one batch looks at.
const KEYS_PER_BATCH: usize = 128;

/// Adds to `batch` what happens to the dedupe key of a run that is removed.
pub(super) async fn release(
    store: &dyn Store,
    batch: &mut Batch,
    flow: &FlowName,
    key: &str,
    run: RunId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = keys::dedupe(flow, key);
    let Some(bytes) = store.get(&key).await? else {
        return Ok(());
    };
    match serde_json::from_slice::<DedupeOwner>(&bytes) {
        // A later run has it.
        Ok(owner) if owner.run != run => {}
        Ok(owner) if owner.until > now => {
            batch.put(keys::expiring(owner.until, &key), Vec::new());
        }
        _ => {
            batch.require_equal(key.clone(), bytes).delete(key);
        }
    }
    Ok(())
}

/// Removes keys whose window has ended, one batch of them. Returns how many went, and
/// whether there may be more.
pub(super) async fn expire(store: &dyn Store, now: Timestamp) -> Result<(u64, bool), StoreError> {
    let noted = store
        .scan(Scan::prefix(keys::EXPIRING, KEYS_PER_BATCH).keys_only())
        .await?;
    let is_full = noted.len() == KEYS_PER_BATCH;
    let mut batch = Batch::default();
    let mut gone = 0;
    let mut is_due = true;
    for (note, _) in noted {
        let Some((at, key)) = keys::read_expiring(&note) else {
            batch.delete(note);
            continue;
        };
        if at > now {
            is_due = false;
            break;
        }
        if mailbox::is_kept_event(key) {
            mailbox::expire(store, key, now, &mut batch).await?;
        } else if let Some(bytes) = store.get(key).await? {
            let owner: Option<DedupeOwner> = serde_json::from_slice(&bytes).ok();
            // A new owner's window is noted when its run is removed.
            if owner.is_none_or(|owner| owner.until <= now) {
                batch.require_equal(key.to_vec(), bytes);
                batch.delete(key.to_vec());
                gone += 1;
            }
        }
        batch.delete(note);
    }
    if batch.writes.is_empty() {
        return Ok((0, false));
    }
    match store.commit(batch).await {
        Ok(()) => Ok((gone, is_full && is_due)),
        // Somebody took one of the keys for a new run just now: look again.
        Err(StoreError::Conflict(_)) => Ok((0, true)),
        Err(error) => Err(error),
    }
}
