//! The exception desk: what waits for a person, what people decide, and the record of it.
//!
//! Items are written in the batch that brings them about, and indexed by time, flow and
//! group, so that lists cost what they show. Groups are counted in memory; the truth is
//! the index, from which they are counted anew at start.

mod audit;
mod bulk;
mod check;
mod decide;
mod facets;
mod index;
pub(crate) mod item;
pub(crate) mod keys;
mod list;
mod page;
mod propose;
mod quarantine;
mod rebuild;
mod rerun;
mod show;
mod tell;
mod version;

pub(crate) use audit::AuditLog;
pub use audit::{
    Anchor, AuditPage, AuditQuery, AuditRecord, AuditTarget, ChainBreak, ChainHead, ChainReport,
    ChainedEntry, Draft, Standing, check_entry, verify_audit,
};
pub use bulk::{Bulk, BulkChange, BulkFailure, BulkPreview, BulkState};
pub(crate) use check::{check_given, require_reason};
pub use decide::{Action, Decided, Deciding};
pub(crate) use index::close_run;
pub use item::{Group, Item, ItemClass, Recommended};
pub use list::{GroupStatus, ItemsPage, ItemsQuery};
pub(crate) use page::DeskPage;
pub use propose::{Confirmed, Proposal};
pub(crate) use quarantine::{Offer, Quarantine};
pub use quarantine::{RejectedForm, RejectedPayload};
pub use show::{Detail, Undoing};

/// Tells of groups, and works bulk operations off, until draining begins.
pub(crate) async fn work(engine: Engine, shared: Arc<Shared>) {
    tokio::join!(
        tell::work(shared.clone()),
        kpi::load(shared.clone()),
        kpi::keep_marks(shared.clone()),
        audit::work(shared.clone()),
        quarantine::work(shared),
        bulk::work(engine)
    );
}

use crate::engine::{Engine, Shared};
use crate::kpi::{self, Kpis};
use crate::summary;
use dowel_core::FlowName;
use dowel_core::port::{Scan, StoreError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// Keys that are counted at a time.
const KEYS_PER_SCAN: usize = 4_096;

/// What the desk has in memory.
#[derive(Default)]
pub(crate) struct Desk {
    /// How many items each group has.
    groups: Mutex<BTreeMap<Group, u64>>,
    /// A group has come or gone.
    changed: Notify,
    pub(crate) audit: AuditLog,
    bulk: BulkDesk,
    pub(crate) quarantine: Quarantine,
    /// How flows did.
    pub(crate) kpis: Kpis,
}

/// What bulk operations have in memory.
#[derive(Default)]
struct BulkDesk {
    /// Held by whoever changes the record of an operation.
    lock: tokio::sync::Mutex<()>,
    /// One has begun or goes on.
    news: Notify,
}

impl Desk {
    /// Items came.
    fn opened(&self, items: &[Item]) {
        for item in items {
            if !item.synthetic {
                let version = item.version.as_ref();
                self.kpis.opened(&item.flow, version, item.opened_at);
            }
        }
        let mut groups = self.groups.lock();
        let mut is_new = false;
        for item in items {
            let count = groups.entry(item.group()).or_default();
            is_new |= *count == 0;
            *count += 1;
        }
        if is_new {
            self.changed.notify_one();
        }
    }

    /// Items went.
    fn closed(&self, items: &[Item]) {
        let mut groups = self.groups.lock();
        let mut is_gone = false;
        for item in items {
            let group = item.group();
            if let Some(count) = groups.get_mut(&group) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    groups.remove(&group);
                    is_gone = true;
                }
            }
        }
        if is_gone {
            self.changed.notify_one();
        }
    }

    /// The groups of one flow that are about a step.
    pub(crate) fn waiting(&self, flow: &FlowName) -> Vec<(Group, u64)> {
        let groups = self.groups.lock();
        let own = groups.iter();
        let own = own.filter(|(group, _)| group.flow == *flow && !group.step.is_empty());
        own.map(|(group, count)| (group.clone(), *count)).collect()
    }

    /// The groups and how many items each has.
    pub(crate) fn counts(&self) -> BTreeMap<Group, u64> {
        self.groups.lock().clone()
    }
}

/// Reads what the desk has in memory; makes the indexes where an older host has left
/// none.
pub(crate) async fn load(shared: &Shared) -> Result<(), crate::EngineError> {
    summary::once(shared.ports.store.as_ref()).await?;
    rebuild::once(shared).await?;
    shared.desk.audit.load(shared.ports.store.as_ref()).await?;
    count_groups(shared).await?;
    quarantine::count(shared).await?;
    Ok(())
}

async fn count_groups(shared: &Shared) -> Result<(), StoreError> {
    let mut counts: BTreeMap<Group, u64> = BTreeMap::new();
    let mut scan = Scan::prefix(keys::BY_GROUP, KEYS_PER_SCAN).keys_only();
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        for (key, _) in &rows {
            if let Some(group) = Group::read(key, keys::BY_GROUP.len()) {
                *counts.entry(group).or_default() += 1;
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == KEYS_PER_SCAN => scan = scan.after(key.clone()),
            _ => break,
        }
    }
    *shared.desk.groups.lock() = counts;
    Ok(())
}

/// When the oldest item of a flow was opened.
pub(crate) async fn oldest(
    store: &dyn dowel_core::port::Store,
    flow: &FlowName,
) -> Result<Option<dowel_core::Timestamp>, StoreError> {
    let scan = Scan::prefix(keys::by_flow(flow), 1).keys_only();
    let rows = store.scan(scan).await?;
    let first = rows.first().and_then(|(key, _)| keys::read_place(key));
    Ok(first.map(|(at, _)| at))
}

/// The item of an id: an exception or a payload in quarantine.
pub(crate) async fn item_of(
    store: &dyn dowel_core::port::Store,
    id: dowel_core::RunId,
) -> Result<Option<Item>, StoreError> {
    index::get(store, id).await
}
