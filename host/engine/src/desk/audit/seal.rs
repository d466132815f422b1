//! Puts entries that are on disk into the chain, in the order of their numbers.
//!
//! This follows the entries instead of riding with them: a batch that the store refuses
//! takes its number with it, so that only what is on disk can be linked. The head says up
//! to where everything is linked; the rest is linked within moments, and at the next start.

use super::chain::ChainHead;
use crate::desk::keys;
use crate::engine::Shared;
use dowel_core::Timestamp;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Entries that are linked in one batch.
const ROWS_PER_SCAN: usize = 256;

/// How often the head is told of outside, at most, while entries come.
const ANCHOR_EVERY: Duration = Duration::from_secs(600);

/// The head as it is kept, and its bytes.
pub(super) async fn head(store: &dyn Store) -> Result<(ChainHead, Option<Vec<u8>>), StoreError> {
    let bytes = store.get(keys::CHAIN_HEAD).await?;
    let head = match &bytes {
        None => ChainHead::default(),
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|e| StoreError::Damaged(format!("the head of the audit chain: {e}").into()))?,
    };
    Ok((head, bytes))
}

/// Links what is on disk and is not linked yet.
pub(super) async fn seal(shared: &Shared) -> Result<ChainHead, StoreError> {
    let _only_one = shared.desk.audit.sealing.lock().await;
    let store = shared.ports.store.as_ref();
    loop {
        let (before, bytes) = head(store).await?;
        let scan = Scan::prefix(keys::AUDIT, ROWS_PER_SCAN).after(keys::audit(before.seq));
        let rows = store.scan(scan).await?;
        if rows.is_empty() {
            return Ok(before);
        }
        let mut batch = Batch::default();
        match bytes {
            Some(bytes) => batch.require_equal(keys::CHAIN_HEAD.to_vec(), bytes),
            None => batch.require_absent(keys::CHAIN_HEAD.to_vec()),
        };
        let mut after = before;
        for (key, record) in &rows {
            let Some(seq) = keys::read_audit(key) else {
                continue;
            };
            after = after.with(seq, record);
            batch.put(keys::chain(seq), after.digest.bytes().to_vec());
        }
        let value =
            serde_json::to_vec(&after).map_err(|e| StoreError::Failed(e.to_string().into()))?;
        batch.put(keys::CHAIN_HEAD.to_vec(), value);
        match store.commit(batch).await {
            // Another host has linked them.
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) if rows.len() < ROWS_PER_SCAN => return Ok(after),
            Ok(()) => {}
        }
    }
}

/// Links entries as they come, until draining ends, and tells of the head in the log.
pub(in crate::desk) async fn work(shared: Arc<Shared>) {
    let draining = shared.draining.clone();
    let mut told: Option<(ChainHead, Timestamp)> = None;
    loop {
        let news = shared.desk.audit.news.notified();
        let is_last = shared.is_draining();
        match seal(&shared).await {
            Ok(head) => tell(&mut told, head, shared.ports.clock.now(), is_last),
            // The store has failed or is full; the next entry brings it up again.
            Err(error) => tracing::warn!(%error, "the audit record could not be linked"),
        }
        if is_last {
            return;
        }
        tokio::select! {
            biased;
            () = news => {}
            () = draining.cancelled() => {}
        }
    }
}

/// Tells of the head where nobody who changes the store can take it back. At the begin, at
/// the end, and in between not too often.
fn tell(told: &mut Option<(ChainHead, Timestamp)>, head: ChainHead, now: Timestamp, is_last: bool) {
    let is_due = match *told {
        None => true,
        Some((known, _)) if known == head => false,
        Some((_, at)) => is_last || now.since(at) >= ANCHOR_EVERY,
    };
    if is_due && head.count > 0 {
        tracing::info!(seq = head.seq, digest = %head.digest, entries = head.count, "audit chain head");
        *told = Some((head, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_told_of_at_the_begin_at_the_end_and_now_and_then() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1_000);
        let one = ChainHead::default().with(1, b"a");
        let two = one.with(2, b"b");
        let mut told = None;
        tell(&mut told, ChainHead::default(), at(0), false);
        assert_eq!(told, None, "there is nothing yet");
        tell(&mut told, one, at(1), false);
        assert_eq!(told, Some((one, at(1))));
        tell(&mut told, two, at(2), false);
        assert_eq!(told, Some((one, at(1))), "too early");
        tell(&mut told, two, at(601), false);
        assert_eq!(told, Some((two, at(601))));
        let three = two.with(3, b"c");
        tell(&mut told, three, at(602), true);
        assert_eq!(told, Some((three, at(602))));
    }
}
