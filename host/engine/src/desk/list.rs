//! Lists of items, and of their groups.

use super::facets::Facets;
use super::item::{Group, Item, ItemClass};
use super::{index, keys};
use crate::engine::{Engine, EngineError};
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::{ErrorKind, FlowName, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest page of a list.
const MAX_PAGE: usize = 500;

/// Places of an index that one request looks at: a rare filter gets a short page and a
/// cursor to go on with.
const MAX_EXAMINED: usize = 20_000;

/// Which items are meant. Stored with bulk operations, and versioned like the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemsQuery {
    /// Only of this flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowName>,
    /// Only of this step, with the indexes of items or without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Only with this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Only with this kind of error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ErrorKind>,
    /// Only of this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ItemClass>,
    /// Only opened at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only opened before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only those about which nobody has decided in time.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// Only these, by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<RunId>,
    /// Only opened before this item, the last one of the page before.
    #[serde(skip)]
    pub before: Option<(Timestamp, RunId)>,
    /// At most this many.
    pub limit: usize,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ItemsPage {
    /// The items, the newest first.
    pub items: Vec<Item>,
    /// Pass this as `before` for the next page.
    pub next: Option<(Timestamp, RunId)>,
}

/// Items with the same cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// What they have in common.
    pub group: Group,
    /// How many there are.
    pub count: u64,
    /// The one that has waited for the longest time.
    pub oldest: Item,
}

impl ItemsQuery {
    /// Whether it finds everything: nothing but the number is narrowed.
    pub fn is_unbounded(&self) -> bool {
        let everything = Self {
            limit: self.limit,
            before: self.before,
            ..Self::default()
        };
        *self == everything
    }

    /// The narrowest index for it.
    fn index(&self) -> Vec<u8> {
        match (&self.flow, &self.step, &self.code) {
            (Some(flow), Some(step), Some(code))
                if !step.contains(|c: char| c.is_ascii_digit()) =>
            {
                keys::by_group(&Group {
                    flow: flow.clone(),
                    step: step.clone(),
                    code: code.clone(),
                })
            }
            (Some(flow), _, _) => keys::by_flow(flow),
            _ => keys::BY_TIME.to_vec(),
        }
    }

    fn matches(&self, facets: &Facets, now: Timestamp) -> bool {
        self.class.is_none_or(|class| facets.class == class)
            && self.kind.is_none_or(|kind| facets.kind == kind)
            && self.code.as_ref().is_none_or(|code| facets.code == *code)
            && self.step.as_ref().is_none_or(|step| facets.is_step(step))
            && (!self.overdue || facets.due <= now)
    }

    fn is_group(&self, group: &Group) -> bool {
        self.flow.as_ref().is_none_or(|flow| group.flow == *flow)
            && self.step.as_ref().is_none_or(|step| group.step == *step)
            && self.code.as_ref().is_none_or(|code| group.code == *code)
    }
}

/// Looks for items, the newest first. The flag says whether there may be more.
pub(super) async fn find(
    store: &dyn Store,
    query: &ItemsQuery,
    now: Timestamp,
    (limit, examine): (usize, usize),
) -> Result<(Vec<RunId>, Option<(Timestamp, RunId)>), StoreError> {
    if !query.ids.is_empty() {
        return picked(store, query, now).await;
    }
    let index = query.index();
    let mut scan = Scan::prefix(index.clone(), MAX_PAGE).reversed();
    let end = query.until.map(|until| keys::from(&index, until));
    let cursor = query.before.map(|(at, id)| {
        let mut key = keys::from(&index, at);
        key.extend_from_slice(&id.as_u128().to_be_bytes());
        key
    });
    // Whichever comes first on the way back.
    if let Some(after) = end.into_iter().chain(cursor).min() {
        scan = scan.after(after);
    }
    let (mut found, mut examined) = (Vec::new(), 0);
    loop {
        let rows = store.scan(scan.clone()).await?;
        let more = rows.len() == MAX_PAGE;
        for (key, value) in rows {
            scan = scan.after(key.clone());
            let Some((at, id)) = keys::read_place(&key) else {
                continue;
            };
            if query.since.is_some_and(|since| at < since) {
                return Ok((found, None));
            }
            examined += 1;
            let facets = serde_json::from_slice::<Facets>(&value).ok();
            if facets.is_some_and(|facets| query.matches(&facets, now)) {
                found.push(id);
            }
            if found.len() == limit || examined == examine {
                return Ok((found, Some((at, id))));
            }
        }
        if !more {
            return Ok((found, None));
        }
    }
}

/// Those that are named one by one and are still there.
async fn picked(
    store: &dyn Store,
    query: &ItemsQuery,
    now: Timestamp,
) -> Result<(Vec<RunId>, Option<(Timestamp, RunId)>), StoreError> {
    let mut found = Vec::new();
    for id in &query.ids {
        let item = index::get(store, *id).await?;
        let is_meant = item.is_some_and(|item| {
            let is_of_flow = query.flow.as_ref().is_none_or(|flow| item.flow == *flow);
            is_of_flow && query.matches(&Facets::of(&item), now)
        });
        if is_meant && !found.contains(id) {
            found.push(*id);
        }
    }
    Ok((found, None))
}

impl Engine {
    /// What waits for a person, the newest first.
    pub async fn items(&self, query: &ItemsQuery) -> Result<ItemsPage, EngineError> {
        let store = self.shared().ports.store.as_ref();
        let limit = query.limit.clamp(1, MAX_PAGE);
        let bounds = (limit, MAX_EXAMINED);
        let (found, next) = find(store, query, self.now(), bounds).await?;
        let mut items = Vec::with_capacity(found.len());
        for id in found {
            // One that was decided about meanwhile is not there any more.
            items.extend(index::get(store, id).await?);
        }
        Ok(ItemsPage { items, next })
    }

    /// What waits for a person by flow, step and code, the largest group first. Of the
    /// query only these three count.
    pub async fn item_groups(&self, query: &ItemsQuery) -> Result<Vec<GroupStatus>, EngineError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let mut groups = Vec::new();
        for (group, count) in shared.desk.counts() {
            if !query.is_group(&group) {
                continue;
            }
            let scan = Scan::prefix(keys::by_group(&group), 1).keys_only();
            let rows = store.scan(scan).await?;
            let first = rows.first().and_then(|(key, _)| keys::read_place(key));
            let Some((_, id)) = first else { continue };
            if let Some(oldest) = index::get(store, id).await? {
                groups.push(GroupStatus {
                    group,
                    count,
                    oldest,
                });
            }
        }
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.group.cmp(&b.group)));
        Ok(groups)
    }

    /// Whether something waits for a person under this id.
    pub async fn has_item(&self, id: RunId) -> Result<bool, EngineError> {
        let store = self.shared().ports.store.as_ref();
        Ok(store.get(&keys::item(id)).await?.is_some())
    }

    /// How many items wait for a person.
    pub fn item_count(&self) -> u64 {
        self.shared().desk.counts().values().sum()
    }
}
