//! Bulk operations: one decision about everything that a query finds.
//!
//! What is found when the operation begins is written down with it, in the order of
//! arrival; what comes later is not touched. The operation is a durable record with its
//! progress. Each item is marked in the batch of its decision, so that an operation that
//! goes on after a restart decides about nothing twice.

mod begin;
mod work;

pub use begin::BulkPreview;
pub(super) use work::work;

use super::audit::{AuditTarget, Draft, Standing};
use super::decide::{Action, Deciding};
use super::keys;
use super::list::ItemsQuery;
use crate::command::CommandError;
use crate::engine::{Engine, EngineError, Shared};
use dowel_core::connection::Rate;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest page of a list.
const MAX_PAGE: usize = 200;

/// For how long one that has ended is kept. What it has decided is in the audit record
/// for good.
const KEPT: Duration = Duration::from_secs(90 * 86_400);

/// Failures that are shown with an operation.
const MAX_FAILURES: usize = 100;

/// A bulk operation. Stored, and versioned like the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bulk {
    /// Identifies it.
    pub id: RunId,
    /// What is decided about each item.
    pub action: Action,
    /// Who decided, and why.
    pub deciding: Deciding,
    /// What it looked for.
    #[serde(default)]
    pub query: ItemsQuery,
    /// Items in so much time at most; as fast as it goes without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Where it stands.
    pub state: BulkState,
    /// Items in all.
    pub total: u64,
    /// Items that the query found and that the action is not for.
    #[serde(default)]
    pub left_out: u64,
    /// Items that were dealt with.
    pub position: u64,
    /// Items of these about which the decision was carried out.
    pub done: u64,
    /// Items of these that did not allow it.
    pub failed: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
}

/// Where a bulk operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BulkState {
    /// Waits for a second person.
    Proposed,
    /// At work.
    Running,
    /// Waits for a person to resume it.
    Paused,
    /// Every item was dealt with.
    Done,
    /// A person ended it; the items that are left stay as they are.
    Cancelled,
}

/// What a person may do with a bulk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkChange {
    /// Stop after the items in hand.
    Pause,
    /// Go on.
    Resume,
    /// End it.
    Cancel,
}

impl Bulk {
    /// Whether nothing more is done by it.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, BulkState::Done | BulkState::Cancelled)
    }
}

impl BulkState {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl BulkChange {
    const fn name(self) -> &'static str {
        match self {
            Self::Pause => "bulk-pause",
            Self::Resume => "bulk-resume",
            Self::Cancel => "bulk-cancel",
        }
    }

    fn of(self, state: BulkState) -> Result<BulkState, CommandError> {
        match (self, state) {
            (Self::Pause, BulkState::Running) => Ok(BulkState::Paused),
            (Self::Resume, BulkState::Paused) => Ok(BulkState::Running),
            (Self::Cancel, BulkState::Proposed | BulkState::Running | BulkState::Paused) => {
                Ok(BulkState::Cancelled)
            }
            (_, state) => Err(CommandError::BulkRefused(format!(
                "the bulk operation is {}",
                state.name()
            ))),
        }
    }
}

/// An item that a bulk operation could not deal with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkFailure {
    /// The item.
    pub id: RunId,
    /// The stable code.
    pub code: String,
    /// Why.
    pub reason: String,
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|e| StoreError::Failed(e.to_string().into()))
}

/// Writes an operation down as it stands. One that has ended goes after a while.
fn put(batch: &mut Batch, bulk: &Bulk) -> Result<(), StoreError> {
    let key = keys::bulk(bulk.id);
    if bulk.has_ended() {
        let at = bulk.updated_at.plus(KEPT);
        batch.put(crate::keys::expiring(at, &key), Vec::new());
    }
    batch.put(key, encode(bulk)?);
    Ok(())
}

/// Takes the list of items out of the store, which nobody needs any more.
fn forget_items(batch: &mut Batch, bulk: &Bulk) {
    let rows = u32::try_from(bulk.total / begin::CHUNK as u64).unwrap_or(u32::MAX);
    for number in 0..=rows {
        batch.delete(keys::bulk_chunk(bulk.id, number));
    }
}

async fn get(shared: &Shared, id: RunId) -> Result<Option<Bulk>, StoreError> {
    let bytes = shared.ports.store.get(&keys::bulk(id)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The items from `chunk` times the length of a chunk on.
async fn chunk(shared: &Shared, id: RunId, number: u32) -> Result<Vec<begin::Place>, StoreError> {
    let bytes = shared
        .ports
        .store
        .get(&keys::bulk_chunk(id, number))
        .await?;
    Ok(bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default())
}

/// Lets an operation go that a second person has confirmed.
pub(super) async fn confirm(
    engine: &Engine,
    id: RunId,
    confirming: &Deciding,
    mut batch: Batch,
) -> Result<Bulk, CommandError> {
    let shared = engine.shared();
    let _only_one = shared.desk.bulk.lock.lock().await;
    let bulk = get(shared, id).await?;
    let mut bulk = bulk.ok_or(CommandError::NoSuchBulk(id))?;
    if bulk.state != BulkState::Proposed {
        return Err(CommandError::NoSuchProposal(id));
    }
    bulk.state = BulkState::Running;
    bulk.deciding.confirmed_by = Some(confirming.actor.clone());
    bulk.updated_at = engine.now();
    put(&mut batch, &bulk)?;
    let name = format!("bulk-{}", bulk.action.name());
    let draft = Draft {
        confirmed_by: bulk.deciding.confirmed_by.clone(),
        origin: bulk.deciding.origin.clone(),
        reason: bulk.deciding.reason.clone(),
        flow: bulk.query.flow.clone(),
        before: Some(Standing::of(BulkState::Proposed.name())),
        after: Some(Standing::of(bulk.state.name())),
        ..Draft::new(&bulk.deciding.actor, &name, AuditTarget::Bulk(id))
    };
    shared.desk.audit.commit(shared, batch, vec![draft]).await?;
    shared.desk.bulk.news.notify_one();
    Ok(bulk)
}

impl Engine {
    /// A bulk operation, with the first of its failures.
    ///
    /// # Errors
    /// There is none of this id, or the store failed.
    pub async fn bulk(&self, id: RunId) -> Result<(Bulk, Vec<BulkFailure>), CommandError> {
        let shared = self.shared();
        let bulk = get(shared, id).await?;
        let bulk = bulk.ok_or(CommandError::NoSuchBulk(id))?;
        let scan = Scan::prefix(keys::bulk_failures(id), MAX_FAILURES);
        let rows = shared.ports.store.scan(scan).await?;
        let failures = rows.iter();
        let failures = failures.filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok());
        Ok((bulk, failures.collect()))
    }

    /// The bulk operations that began before one, or all, the newest first; and the last of
    /// them where there may be more.
    pub async fn bulks(
        &self,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<(Vec<Bulk>, Option<RunId>), EngineError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut scan = Scan::prefix(keys::BULK, limit).reversed();
        if let Some(before) = before {
            scan = scan.after(keys::bulk(before));
        }
        let rows = self.shared().ports.store.scan(scan).await?;
        let bulks = rows.iter();
        let bulks = bulks.filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok());
        let bulks: Vec<Bulk> = bulks.collect();
        let last = bulks.last().filter(|_| rows.len() == limit);
        let next = last.map(|bulk| bulk.id);
        Ok((bulks, next))
    }

    /// Pauses, resumes or ends a bulk operation.
    ///
    /// # Errors
    /// It does not allow it where it stands; nothing was changed.
    pub async fn change_bulk(
        &self,
        id: RunId,
        change: BulkChange,
        deciding: &Deciding,
    ) -> Result<Bulk, CommandError> {
        let shared = self.shared();
        let _only_one = shared.desk.bulk.lock.lock().await;
        let bulk = get(shared, id).await?;
        let mut bulk = bulk.ok_or(CommandError::NoSuchBulk(id))?;
        let before = bulk.state;
        bulk.state = change.of(before)?;
        bulk.updated_at = self.now();
        let mut batch = Batch::default();
        put(&mut batch, &bulk)?;
        if bulk.state == BulkState::Cancelled {
            forget_items(&mut batch, &bulk);
            batch.delete(keys::proposal(id));
        }
        let draft = Draft {
            origin: deciding.origin.clone(),
            reason: deciding.reason.clone(),
            flow: bulk.query.flow.clone(),
            before: Some(Standing::of(before.name())),
            after: Some(Standing::of(bulk.state.name())),
            ..Draft::new(&deciding.actor, change.name(), AuditTarget::Bulk(id))
        };
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        shared.desk.bulk.news.notify_one();
        Ok(bulk)
    }
}
