//! Writes rejected payloads down, behind the answers to their senders.

use super::{MAX_OF_FLOW, Offer, close, closed};
use crate::desk::item::{Item, ItemClass, Recommended, due};
use crate::desk::{index, keys};
use crate::engine::Shared;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{ErrorKind, RunId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Payloads that are written down before the next pause.
const AT_ONCE: usize = 16;

/// The pause between them: with it, at most 64 payloads and 4 MiB are written in a second,
/// whatever comes in.
const PAUSE: Duration = Duration::from_millis(250);

/// How often a payload is looked at again that a person decided about at the same moment.
const ROUNDS: usize = 3;

/// Places that are counted at a time.
const KEYS_PER_SCAN: usize = 4_096;

/// Counts what is there at start.
pub(in crate::desk) async fn count(shared: &Shared) -> Result<(), StoreError> {
    let mut scan = Scan::prefix(keys::REJECTED, KEYS_PER_SCAN).keys_only();
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let flows = rows.iter();
        for flow in flows.filter_map(|(key, _)| keys::flow_of_rejected(key)) {
            shared.desk.quarantine.came(&flow);
        }
        match rows.last() {
            Some((key, _)) if rows.len() == KEYS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(()),
        }
    }
}

/// Writes until draining begins, and then what waits.
pub(in crate::desk) async fn work(shared: Arc<Shared>) {
    let receiver = shared.desk.quarantine.receiver.lock().take();
    let Some(mut receiver) = receiver else {
        return;
    };
    let draining = shared.draining.clone();
    loop {
        let mut offers = Vec::new();
        let is_draining = tokio::select! {
            biased;
            _ = receiver.recv_many(&mut offers, AT_ONCE) => false,
            () = draining.cancelled() => true,
        };
        for offer in offers {
            keep(&shared, offer).await;
        }
        if is_draining {
            // What came in meanwhile.
            return rest(&shared, &mut receiver).await;
        }
        let pause = shared.ports.clock.now().plus(PAUSE);
        let is_draining = tokio::select! {
            biased;
            () = draining.cancelled() => true,
            () = shared.ports.clock.sleep_until(pause) => false,
        };
        if is_draining {
            return rest(&shared, &mut receiver).await;
        }
    }
}

async fn rest(shared: &Shared, receiver: &mut mpsc::Receiver<Offer>) {
    while let Ok(offer) = receiver.try_recv() {
        keep(shared, offer).await;
    }
}

async fn keep(shared: &Shared, offer: Offer) {
    for _ in 0..ROUNDS {
        match put(shared, &offer).await {
            Ok(outcome) => return shared.metrics.quarantined(&offer.flow, outcome),
            // A person has decided about this payload, or about the oldest one, just now.
            Err(StoreError::Conflict(_)) => {}
            Err(error) => {
                tracing::warn!(flow = %offer.flow, %error, "a rejected payload was not kept");
                break;
            }
        }
    }
    shared.metrics.quarantined(&offer.flow, "lost");
}

async fn put(shared: &Shared, offer: &Offer) -> Result<&'static str, StoreError> {
    let store = shared.ports.store.as_ref();
    let content = keys::rejected_content(&offer.flow, &offer.stored.content);
    let mut batch = Batch::default();
    match store.get(&content).await? {
        Some(id) => {
            batch.require_equal(content.clone(), id.clone());
            let id = std::str::from_utf8(&id).ok().and_then(|id| id.parse().ok());
            let bytes = match id {
                Some(id) => store.get(&keys::item(id)).await?,
                None => None,
            };
            let before = bytes.and_then(|bytes| {
                let item = serde_json::from_slice::<Item>(&bytes).ok()?;
                batch.require_equal(keys::item(item.id), bytes);
                Some(item)
            });
            let Some(before) = before else {
                return Err(StoreError::Conflict(content));
            };
            again(shared, offer, before, batch).await?;
            Ok("repeated")
        }
        None => {
            batch.require_absent(content);
            new(shared, offer, batch).await?;
            Ok("kept")
        }
    }
}

/// The same payload came again: senders repeat what was not taken.
async fn again(
    shared: &Shared,
    offer: &Offer,
    before: Item,
    mut batch: Batch,
) -> Result<(), StoreError> {
    let item = Item {
        attempts: before.attempts.saturating_add(1),
        opened_at: before.opened_at,
        due_at: before.due_at,
        synthetic: false,
        ..item(shared, offer, before.id)
    };
    index::close(&before, &mut batch);
    index::open(&item, &mut batch)?;
    put_content(offer, item.id, &mut batch)?;
    shared.ports.store.commit(batch).await?;
    shared.desk.closed(&[before]);
    shared.desk.opened(&[item]);
    Ok(())
}

async fn new(shared: &Shared, offer: &Offer, mut batch: Batch) -> Result<(), StoreError> {
    let mut ten = [0; 10];
    ten.copy_from_slice(&shared.ports.randomness.bytes()[..10]);
    let item = item(shared, offer, RunId::new(shared.ports.clock.now(), ten));
    index::open(&item, &mut batch)?;
    put_content(offer, item.id, &mut batch)?;
    let oldest = make_room(shared, offer, &mut batch).await?;
    shared.ports.store.commit(batch).await?;
    if let Some(oldest) = oldest {
        closed(shared, &oldest);
        shared.metrics.quarantined(&offer.flow, "dropped");
        tracing::warn!(flow = %offer.flow, exception = %oldest.id, "the oldest rejected payload of the flow was dropped");
    }
    shared.desk.opened(std::slice::from_ref(&item));
    shared.desk.quarantine.came(&item.flow);
    Ok(())
}

fn put_content(offer: &Offer, id: RunId, batch: &mut Batch) -> Result<(), StoreError> {
    let stored =
        serde_json::to_vec(&offer.stored).map_err(|e| StoreError::Failed(e.to_string().into()))?;
    let content = keys::rejected_content(&offer.flow, &offer.stored.content);
    batch
        .put(keys::rejected(id), stored)
        .put(keys::rejected_place(&offer.flow, id), Vec::new())
        .put(content, id.to_string().into_bytes());
    Ok(())
}

/// Takes the oldest payload of the flow out if there is no room for another one.
async fn make_room(
    shared: &Shared,
    offer: &Offer,
    batch: &mut Batch,
) -> Result<Option<Item>, StoreError> {
    if shared.desk.quarantine.count(&offer.flow) < MAX_OF_FLOW {
        return Ok(None);
    }
    let store = shared.ports.store.as_ref();
    let scan = Scan::prefix(keys::rejected_of(&offer.flow), 1).keys_only();
    let rows = store.scan(scan).await?;
    let oldest = rows
        .first()
        .and_then(|(key, _)| crate::keys::run_at_end(key));
    let Some(id) = oldest else { return Ok(None) };
    let item = index::get(store, id).await?;
    if let Some(item) = &item {
        close(store, item, batch).await?;
    }
    Ok(item)
}

fn item(shared: &Shared, offer: &Offer, id: RunId) -> Item {
    let plan = shared.plans.active(&offer.flow);
    let (plan, now) = (plan.as_deref(), shared.ports.clock.now());
    Item {
        id,
        class: ItemClass::Quarantined,
        flow: offer.flow.clone(),
        version: plan.map(|plan| plan.plan.version.clone()),
        commit: plan.and_then(|plan| plan.plan.commit.clone()),
        plan: plan.map(|plan| plan.digest),
        run: None,
        step: None,
        loop_item: None,
        code: offer.code.to_string(),
        kind: ErrorKind::InvalidInput,
        message: offer.message.clone(),
        attempts: 1,
        recommended: Recommended::Resubmit,
        owner: plan.and_then(|plan| plan.plan.owner.clone()),
        runbook: plan.and_then(|plan| plan.plan.runbook.clone()),
        key: None,
        key_place: None,
        opened_at: now,
        due_at: due(plan, now),
        synthetic: false,
    }
}
