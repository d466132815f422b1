//! Events that a flow did not take although its trigger is for them, kept for a person.

use super::taker::Refusal;
use crate::engine::Shared;
use crate::keys;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{JsonText, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// For how long a refusal is kept. A person has looked at it by then, or never will; the
/// event itself was somebody's who can tell of it again.
const KEPT: Duration = Duration::from_secs(90 * 86_400);

/// The longest page of a list.
const MAX_PAGE: usize = 200;

/// An event that a flow did not take.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Undelivered {
    /// Identifies the entry; sorted by time.
    pub id: RunId,
    /// When the flow refused it.
    pub at: Timestamp,
    /// Which flow, and why.
    pub refusal: Refusal,
    /// The event in the JSON event format.
    pub event: JsonText,
}

/// A page of a list, the newest first.
#[derive(Clone, Debug)]
pub struct UndeliveredPage {
    /// The entries.
    pub entries: Vec<Undelivered>,
    /// Pass this as `before` for the next page.
    pub next: Option<RunId>,
}

pub(crate) fn put(
    shared: &Shared,
    event: &CloudEvent,
    refusal: &Refusal,
    batch: &mut Batch,
) -> Result<(), serde_json::Error> {
    let at = shared.ports.clock.now();
    let mut ten = [0; 10];
    ten.copy_from_slice(&shared.ports.randomness.bytes()[..10]);
    let id = RunId::new(at, ten);
    let entry = Undelivered {
        id,
        at,
        refusal: refusal.clone(),
        event: event.to_json(),
    };
    let key = keys::undelivered(id);
    batch.put(keys::expiring(at.plus(KEPT), &key), Vec::new());
    batch.put(key, serde_json::to_vec(&entry)?);
    Ok(())
}

/// The entries, the newest first.
pub(crate) async fn list(
    store: &dyn Store,
    before: Option<RunId>,
    limit: usize,
) -> Result<UndeliveredPage, StoreError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut scan = Scan::prefix(keys::UNDELIVERED, limit).reversed();
    if let Some(before) = before {
        scan = scan.after(keys::undelivered(before));
    }
    let rows = store.scan(scan).await?;
    let next = match rows.last() {
        Some((key, _)) if rows.len() == limit => keys::run_at_end(key),
        _ => None,
    };
    let entries = rows.iter();
    let entries = entries.filter_map(|(_, value)| serde_json::from_slice(value).ok());
    Ok(UndeliveredPage {
        entries: entries.collect(),
        next,
    })
}
