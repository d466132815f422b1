//! Whether anything goes on by itself.
//!
//! What a run hands to another one, an event or the end of a child, is in the store until
//! it is taken up, and who hands it over is at work until then. So it is enough to look at
//! what is on its way, then at the runs, and then once more at what has come meanwhile.

use crate::engine::Shared;
use crate::{keys, queue};
use dowel_core::port::{Scan, StoreError};

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 4_096;

/// Whether no run is at work or waits for a timer, and nothing is on its way to one.
pub(crate) async fn is_still(shared: &Shared) -> Result<bool, StoreError> {
    Ok(is_idle(shared)
        && is_nothing_on_its_way(shared).await?
        && all_wait_for_messages(shared).await?
        && is_nothing_on_its_way(shared).await?
        && is_idle(shared))
}

fn is_idle(shared: &Shared) -> bool {
    shared.metrics.backlog.get() == 0
}

async fn is_nothing_on_its_way(shared: &Shared) -> Result<bool, StoreError> {
    for family in [keys::OUTBOX, keys::INBOX] {
        let scan = Scan::prefix(family, 1).keys_only();
        if !shared.ports.store.scan(scan).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn all_wait_for_messages(shared: &Shared) -> Result<bool, StoreError> {
    let mut scan = Scan::prefix(keys::ACTIVE, ROWS_PER_SCAN);
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let waits = |mark: &[u8]| queue::read_due(mark) == queue::NEVER;
        if !rows.iter().all(|(_, mark)| waits(mark)) {
            return Ok(false);
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(true),
        }
    }
}
