//! Tells of each group once, when it opens: an event in the outbox, which any flow can
//! take and send on.
//!
//! What was told of is on disk in the same batch as the event, and looked at again after
//! a start: no group is forgotten, and none is told of twice.

use super::item::{Group, Item};
use super::{index, keys};
use crate::engine::Shared;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{JsonText, RunId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The type of the event.
const OPENED: &str = "dowel.exception.opened";

/// Groups that are read at a time.
const ROWS_PER_SCAN: usize = 1_024;

/// Tells of groups until draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    let draining = shared.draining.clone();
    let mut told = match load(&shared).await {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(%error, "nobody is told of new exceptions before the next start");
            return;
        }
    };
    while !shared.is_draining() {
        let news = shared.desk.changed.notified();
        if let Err(error) = look(&shared, &mut told).await {
            // The store has failed or is full; the next change brings it up again.
            tracing::warn!(%error, "a new group of exceptions could not be told of");
        }
        tokio::select! {
            biased;
            () = news => {}
            () = draining.cancelled() => {}
        }
    }
}

async fn load(shared: &Shared) -> Result<BTreeSet<Group>, StoreError> {
    let mut told = BTreeSet::new();
    let mut scan = Scan::prefix(keys::TOLD, ROWS_PER_SCAN).keys_only();
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let groups = rows
            .iter()
            .filter_map(|(key, _)| Group::read(key, keys::TOLD.len()));
        told.extend(groups);
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(told),
        }
    }
}

async fn look(shared: &Shared, told: &mut BTreeSet<Group>) -> Result<(), StoreError> {
    let open = shared.desk.counts();
    let gone: Vec<Group> = told
        .iter()
        .filter(|group| !open.contains_key(group))
        .cloned()
        .collect();
    for group in gone {
        let mut batch = Batch::default();
        batch.delete(keys::told(&group));
        shared.ports.store.commit(batch).await?;
        told.remove(&group);
    }
    for (group, count) in open {
        if !told.contains(&group) {
            tell(shared, &group, count).await?;
            told.insert(group);
        }
    }
    Ok(())
}

async fn tell(shared: &Shared, group: &Group, count: u64) -> Result<(), StoreError> {
    let store = shared.ports.store.as_ref();
    let rows = store
        .scan(Scan::prefix(keys::by_group(group), 1).keys_only())
        .await?;
    let id = rows.first().and_then(|(key, _)| keys::read_place(key));
    let first = match id {
        Some((_, id)) => index::get(store, id).await?,
        None => None,
    };
    let mut batch = Batch::default();
    batch.put(keys::told(group), Vec::new());
    if let Some(first) = first {
        let now = shared.ports.clock.now();
        let mut ten = [0; 10];
        ten.copy_from_slice(&shared.ports.randomness.bytes()[..10]);
        let id = RunId::new(now, ten);
        let notify = notify(shared, group);
        let data = data(&first, group, count, &notify);
        let mut event = CloudEvent::emitted(&group.flow, &id.to_string(), OPENED, data);
        event.time = Some(now.to_string());
        let bytes = event.to_json().as_str().as_bytes().to_vec();
        batch.put(crate::keys::outbox(id, 0), bytes);
    }
    store.commit(batch).await?;
    shared.outbox.notify_one();
    Ok(())
}

/// Who is to be told, by the names of the flow's policy.
fn notify(shared: &Shared, group: &Group) -> Vec<String> {
    let plan = shared.plans.active(&group.flow);
    plan.map(|plan| plan.plan.on_failure.notify.clone())
        .unwrap_or_default()
}

/// Names and places, no values of payloads.
fn data(first: &Item, group: &Group, count: u64, notify: &[String]) -> JsonText {
    let json = |value: &str| JsonText::string(value);
    let or_null =
        |value: Option<String>| value.map_or_else(JsonText::null, |value| JsonText::string(&value));
    let step = Some(group.step.clone()).filter(|step| !step.is_empty());
    let null = |_| JsonText::null();
    let fields: Vec<(&str, JsonText)> = vec![
        ("exception", json(&first.id.to_string())),
        ("class", JsonText::of(&first.class).unwrap_or_else(null)),
        ("flow", json(group.flow.as_str())),
        (
            "version",
            or_null(first.version.as_ref().map(ToString::to_string)),
        ),
        ("run", or_null(first.run.map(|run| run.to_string()))),
        ("step", or_null(step)),
        ("code", json(&first.code)),
        ("kind", json(first.kind.name())),
        ("message", json(&first.message)),
        ("count", JsonText::of(&count).unwrap_or_else(null)),
        ("owner", or_null(first.owner.clone())),
        ("runbook", or_null(first.runbook.clone())),
        ("notify", JsonText::of(notify).unwrap_or_else(null)),
        ("opened_at", json(&first.opened_at.to_string())),
        ("due_at", json(&first.due_at.to_string())),
    ];
    JsonText::object(fields.iter().map(|(name, value)| (*name, value)))
}
