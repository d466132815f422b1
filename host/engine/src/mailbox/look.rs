//! A run's look into its slot.

use super::{KeptEvent, keys};
use crate::state::Slot;
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::{Digest, Timestamp};

/// Keys that are read at a time.
const ROWS_PER_SCAN: usize = 64;

/// The stamp of the events of a slot, to be read before a look.
pub(crate) async fn stamp(store: &dyn Store, slot: &Slot) -> Result<Option<Vec<u8>>, StoreError> {
    store.get(&keys::event_stamp(slot)).await
}

/// The oldest event in a slot that counts: it arrived at `from` or later, and is not
/// among those that the run has had.
pub(crate) async fn oldest(
    store: &dyn Store,
    slot: &Slot,
    from: Timestamp,
    has_had: impl Fn(&Digest) -> bool + Send + Sync,
) -> Result<Option<KeptEvent>, StoreError> {
    let mut scan = Scan::prefix(keys::events(slot), ROWS_PER_SCAN)
        .keys_only()
        .after(keys::events_from(slot, from));
    loop {
        let rows = store.scan(scan.clone()).await?;
        for (key, _) in &rows {
            let is_new = keys::read_event(key).is_some_and(|(_, identity)| !has_had(&identity));
            if !is_new {
                continue;
            }
            // Nothing is here if its time has just ended.
            let Some(bytes) = store.get(key).await? else {
                continue;
            };
            match serde_json::from_slice(&bytes) {
                Ok(kept) => return Ok(Some(kept)),
                Err(error) => {
                    tracing::error!(key = %key.escape_ascii(), %error, "a kept event cannot be read");
                }
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(None),
        }
    }
}
