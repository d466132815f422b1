//! Kept events go when nobody can ask for them any more.

use super::keys;
use dowel_core::Timestamp;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use std::time::Duration;

/// When an event is looked at again that came to the end of its time while somebody
/// waits in its slot: whoever waits has had it, or is about to take it.
const AGAIN: Duration = Duration::from_secs(3_600);

/// Whether a key is that of an event that is kept.
pub(crate) fn is_kept_event(key: &[u8]) -> bool {
    keys::read_event(key).is_some()
}

/// Adds to a batch what happens to an event whose time has come.
pub(crate) async fn expire(
    store: &dyn Store,
    key: &[u8],
    now: Timestamp,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let Some((slot, identity)) = keys::read_event(key) else {
        return Ok(());
    };
    let waiting = Scan::prefix(keys::waiting_in(&slot), 1).keys_only();
    if store.scan(waiting).await?.is_empty() {
        batch.delete(keys::identity(&slot, &identity));
        batch.delete(key.to_vec());
    } else {
        let note = crate::keys::expiring(now.plus(AGAIN), key);
        batch.put(note, Vec::new());
    }
    Ok(())
}
