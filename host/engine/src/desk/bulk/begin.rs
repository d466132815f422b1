//! What a bulk operation is about: found once, and written down in the order of arrival.

use super::{Bulk, BulkState, encode};
use crate::command::CommandError;
use crate::desk::audit::{AuditTarget, Draft, Standing};
use crate::desk::decide::{Action, Deciding};
use crate::desk::item::{Group, Item};
use crate::desk::list::{ItemsQuery, find};
use crate::desk::{index, keys};
use crate::engine::Engine;
use dowel_core::port::Batch;
use dowel_core::{Digest, RunId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Items of one operation at most: their list is written in one batch.
const MAX_ITEMS: usize = 200_000;

/// Items that are looked for at a time.
const ITEMS_PER_FIND: usize = 10_000;

/// Items in one row of the list.
pub(super) const CHUNK: usize = 1_000;

/// An item of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    #[serde(rename = "i")]
    pub(super) id: RunId,
    /// Digest of the flow and the concurrency key: items of the same one are decided about
    /// one after the other.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<Digest>,
}

/// What an operation would be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkPreview {
    /// Items in all.
    pub total: u64,
    /// How many of each group.
    pub groups: BTreeMap<Group, u64>,
}

/// What the query found, in order of arrival.
struct Found {
    places: Vec<Place>,
    groups: BTreeMap<Group, u64>,
}

impl Engine {
    /// What a bulk operation with this query would be about; nothing is changed. A limit
    /// of zero is none.
    pub async fn preview_bulk(&self, query: &ItemsQuery) -> Result<BulkPreview, CommandError> {
        let found = self.collect(query).await?;
        Ok(BulkPreview {
            total: found.places.len() as u64,
            groups: found.groups,
        })
    }

    /// Begins a bulk operation. When this returns it is on disk, and goes on by itself.
    ///
    /// # Errors
    /// The action is none that fits many items, or needs a reason; nothing was changed.
    pub async fn begin_bulk(
        &self,
        query: &ItemsQuery,
        action: Action,
        deciding: Deciding,
        rate: Option<u32>,
    ) -> Result<Bulk, CommandError> {
        check(&action, &deciding)?;
        let shared = self.shared();
        let found = self.collect(query).await?;
        let now = self.now();
        let mut ten = [0; 10];
        ten.copy_from_slice(&shared.ports.randomness.bytes()[..10]);
        let total = found.places.len() as u64;
        let bulk = Bulk {
            id: RunId::new(now, ten),
            action,
            flow: query.flow.clone(),
            rate: rate.map(|rate| rate.max(1)),
            state: match total {
                0 => BulkState::Done,
                _ => BulkState::Running,
            },
            total,
            position: 0,
            done: 0,
            failed: 0,
            created_at: now,
            updated_at: now,
            deciding,
        };
        let mut batch = Batch::default();
        for (number, chunk) in (0_u32..).zip(found.places.chunks(CHUNK)) {
            batch.put(keys::bulk_chunk(bulk.id, number), encode(&chunk)?);
        }
        batch.put(keys::bulk(bulk.id), encode(&bulk)?);
        let name = format!("bulk-{}", bulk.action.name());
        let draft = Draft {
            reason: bulk.deciding.reason.clone(),
            flow: bulk.flow.clone(),
            after: Some(Standing::of(bulk.state.name())),
            ..Draft::new(&bulk.deciding.actor, &name, AuditTarget::Bulk(bulk.id))
        };
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        shared.desk.bulk.news.notify_one();
        Ok(bulk)
    }

    async fn collect(&self, query: &ItemsQuery) -> Result<Found, CommandError> {
        let store = self.shared().ports.store.as_ref();
        let limit = match query.limit {
            0 => MAX_ITEMS,
            limit => limit.min(MAX_ITEMS),
        };
        let mut query = query.clone();
        let mut items: Vec<Item> = Vec::new();
        loop {
            let wanted = (limit - items.len()).min(ITEMS_PER_FIND);
            let bounds = (wanted, usize::MAX);
            let (found, next) = find(store, &query, self.now(), bounds).await?;
            for id in found {
                items.extend(index::get(store, id).await?);
            }
            query.before = next;
            if next.is_none() || items.len() >= limit {
                break;
            }
        }
        let mut groups = BTreeMap::new();
        for item in &items {
            *groups.entry(item.group()).or_default() += 1;
        }
        Ok(Found {
            places: in_order(items),
            groups,
        })
    }
}

/// Many items take what is the same for all of them.
fn check(action: &Action, deciding: &Deciding) -> Result<(), CommandError> {
    let name = action.name();
    match action {
        Action::EditInput { .. } | Action::Cancel { .. } => {
            return Err(CommandError::BulkRefused(format!(
                "`{name}` is for one item at a time"
            )));
        }
        Action::Retry { path: Some(_), .. }
        | Action::Skip { path: Some(_) }
        | Action::Complete { path: Some(_), .. } => {
            let message = "the step is each item's own: narrow the query by `step` instead";
            return Err(CommandError::BulkRefused(message.to_owned()));
        }
        _ => {}
    }
    let reason = deciding.reason.as_deref().unwrap_or_default();
    if action.needs_reason() && reason.trim().is_empty() {
        return Err(CommandError::ReasonRequired(name));
    }
    Ok(())
}

/// By the ids, which sort by arrival, and within a concurrency key by the numbers there.
fn in_order(mut items: Vec<Item>) -> Vec<Place> {
    items.sort_by_key(|item| item.id);
    let key_of = |item: &Item| {
        let place = item.key_place.as_ref()?;
        Some(Digest::of(format!("{}\0{}", item.flow, place.key)))
    };
    let mut of_key: HashMap<Digest, Vec<(u64, RunId)>> = HashMap::new();
    for item in &items {
        if let (Some(key), Some(place)) = (key_of(item), &item.key_place) {
            of_key.entry(key).or_default().push((place.number, item.id));
        }
    }
    for numbers in of_key.values_mut() {
        numbers.sort_unstable_by(|a, b| b.cmp(a));
    }
    let mut places = Vec::with_capacity(items.len());
    for item in &items {
        let key = key_of(item);
        let numbers = key.as_ref().and_then(|key| of_key.get_mut(key));
        let first = numbers.and_then(Vec::pop).map(|(_, id)| id);
        places.push(Place {
            id: first.unwrap_or(item.id),
            key,
        });
    }
    places
}
