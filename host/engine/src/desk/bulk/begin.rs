//! What a bulk operation is about: found once, and written down in the order of arrival.

use super::{Bulk, BulkState, encode, put};
use crate::command::CommandError;
use crate::desk::audit::{AuditTarget, Draft, Standing};
use crate::desk::decide::{Action, Deciding};
use crate::desk::item::{Group, Item, ItemClass};
use crate::desk::list::{ItemsQuery, find};
use crate::desk::propose::propose_bulk;
use crate::desk::{index, keys};
use crate::engine::Engine;
use dowel_core::connection::Rate;
use dowel_core::port::Batch;
use dowel_core::{Digest, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Items of one operation at most: their list is written in one batch.
const MAX_ITEMS: usize = 200_000;

/// Items that are looked for at a time.
const ITEMS_PER_FIND: usize = 10_000;

/// Items that a preview shows.
const SAMPLE: usize = 5;

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
    /// When it was opened, where a second person confirms what the first one has seen.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(super) opened: Option<Timestamp>,
}

/// What an operation would be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkPreview {
    /// Items in all.
    pub total: u64,
    /// Items that the query finds and that the action is not for.
    pub left_out: u64,
    /// How many of each group.
    pub groups: BTreeMap<Group, u64>,
    /// The first of them.
    pub sample: Vec<Item>,
}

/// What the query found, in order of arrival.
#[derive(Default)]
struct Found {
    places: Vec<Place>,
    groups: BTreeMap<Group, u64>,
    left_out: u64,
}

/// As much of an item as an operation needs: there may be many.
struct Slim {
    id: RunId,
    /// The concurrency key and the number there.
    key: Option<(Digest, u64)>,
    group: Group,
    opened: Timestamp,
}

impl Slim {
    fn of(item: &Item) -> Self {
        let of_key = item.key_place.as_ref().map(|place| {
            let name = format!("{}\0{}", item.flow, place.key);
            (Digest::of(name), place.number)
        });
        // What concurrency key a payload has is known when it is taken in: all payloads of
        // a flow go one after the other.
        let of_payload = || {
            let name = Digest::of(item.flow.as_str());
            (name, item.opened_at.as_millis())
        };
        let is_payload = item.class == ItemClass::Quarantined;
        let key = of_key.or_else(|| is_payload.then(of_payload));
        Self {
            id: item.id,
            key,
            group: item.group(),
            opened: item.opened_at,
        }
    }
}

impl Engine {
    /// What a bulk operation with this query would be about; nothing is changed. A limit
    /// of zero is none.
    ///
    /// # Errors
    /// The action is none that fits many items.
    pub async fn preview_bulk(
        &self,
        query: &ItemsQuery,
        action: &Action,
    ) -> Result<BulkPreview, CommandError> {
        check(action)?;
        let store = self.shared().ports.store.as_ref();
        let found = self.collect(query, action).await?;
        let mut sample = Vec::new();
        for place in found.places.iter().take(SAMPLE) {
            sample.extend(index::get(store, place.id).await?);
        }
        Ok(BulkPreview {
            total: found.places.len() as u64,
            left_out: found.left_out,
            groups: found.groups,
            sample,
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
        rate: Option<Rate>,
    ) -> Result<Bulk, CommandError> {
        check(&action)?;
        check_reason(&action, &deciding)?;
        let shared = self.shared();
        let found = self.collect(query, &action).await?;
        let now = self.now();
        let mut ten = [0; 10];
        ten.copy_from_slice(&shared.ports.randomness.bytes()[..10]);
        let total = found.places.len() as u64;
        let needs_two = self.needs_two(&action);
        let deciding = Deciding {
            confirmed_by: None,
            ..deciding
        };
        let bulk = Bulk {
            id: RunId::new(now, ten),
            action,
            query: query.clone(),
            rate,
            state: match total {
                0 => BulkState::Done,
                _ if needs_two => BulkState::Proposed,
                _ => BulkState::Running,
            },
            total,
            left_out: found.left_out,
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
        put(&mut batch, &bulk)?;
        let mut name = format!("bulk-{}", bulk.action.name());
        if bulk.state == BulkState::Proposed {
            propose_bulk(&mut batch, &bulk)?;
            name = format!("propose-{name}");
        }
        let draft = Draft {
            origin: bulk.deciding.origin.clone(),
            reason: bulk.deciding.reason.clone(),
            flow: bulk.query.flow.clone(),
            after: Some(Standing::of(bulk.state.name())),
            ..Draft::new(&bulk.deciding.actor, &name, AuditTarget::Bulk(bulk.id))
        };
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        shared.desk.bulk.news.notify_one();
        Ok(bulk)
    }

    async fn collect(&self, query: &ItemsQuery, action: &Action) -> Result<Found, CommandError> {
        let store = self.shared().ports.store.as_ref();
        let mut pages = query.clone();
        let (mut items, mut left_out) = (Vec::new(), 0);
        loop {
            let wanted = (MAX_ITEMS - items.len()).min(ITEMS_PER_FIND);
            let bounds = (wanted, usize::MAX);
            let (found, next) = find(store, &pages, self.now(), bounds).await?;
            for id in found {
                match index::get(store, id).await? {
                    Some(item) if action.is_for(item.class) => items.push(Slim::of(&item)),
                    Some(_) => left_out += 1,
                    // It was decided about meanwhile.
                    None => {}
                }
            }
            pages.before = next;
            if next.is_none() || items.len() >= MAX_ITEMS {
                break;
            }
        }
        let needs_two = self.needs_two(action);
        let mut items = in_order(items);
        // The oldest ones: no item is decided about before the ones of its key before it.
        items.truncate(match query.limit {
            0 => MAX_ITEMS,
            limit => limit,
        });
        let mut found = Found {
            left_out,
            ..Found::default()
        };
        for item in items {
            *found.groups.entry(item.group).or_default() += 1;
            found.places.push(Place {
                id: item.id,
                key: item.key.map(|(key, _)| key),
                opened: needs_two.then_some(item.opened),
            });
        }
        Ok(found)
    }
}

/// Many items take what is the same for all of them.
fn check(action: &Action) -> Result<(), CommandError> {
    let name = action.name();
    match action {
        Action::EditInput { .. } | Action::Cancel { .. } => Err(CommandError::BulkRefused(
            format!("`{name}` is for one item at a time"),
        )),
        Action::Retry { path: Some(_), .. }
        | Action::Skip { path: Some(_) }
        | Action::Complete { path: Some(_), .. } => {
            let message = "the step is each item's own: narrow the query by `step` instead";
            Err(CommandError::BulkRefused(message.to_owned()))
        }
        _ => Ok(()),
    }
}

fn check_reason(action: &Action, deciding: &Deciding) -> Result<(), CommandError> {
    let reason = deciding.reason.as_deref().unwrap_or_default();
    if action.needs_reason() && reason.trim().is_empty() {
        return Err(CommandError::ReasonRequired(action.name()));
    }
    Ok(())
}

/// By the ids, which sort by arrival, and within a concurrency key by the numbers there.
fn in_order(mut items: Vec<Slim>) -> Vec<Slim> {
    items.sort_by_key(|item| item.id);
    // The places that the items of a key have among all are theirs, in the key's order.
    let mut of_key: HashMap<Digest, Vec<(u64, usize)>> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        if let Some((key, number)) = item.key {
            of_key.entry(key).or_default().push((number, at));
        }
    }
    let mut from: Vec<usize> = (0..items.len()).collect();
    for numbered in of_key.values_mut() {
        let at: Vec<usize> = numbered.iter().map(|(_, at)| *at).collect();
        numbered.sort_unstable();
        for (at, (_, item)) in at.into_iter().zip(numbered) {
            from[at] = *item;
        }
    }
    let mut items: Vec<Option<Slim>> = items.into_iter().map(Some).collect();
    from.into_iter().filter_map(|at| items[at].take()).collect()
}
