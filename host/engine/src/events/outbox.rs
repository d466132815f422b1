//! The outbox: emitted events lie in the store from the batch that journals their step
//! until the batch that holds everything that follows from them.

use super::publish::{PublishError, WhenRefused, deliver};
use crate::engine::Shared;
use crate::intake::{IntakeError, check_open};
use crate::keys;
use crate::state::RunState;
use crate::trace_context;
use dowel_core::JsonText;
use dowel_core::cloud_event::{CloudEvent, HOPS, RUN, TRACEPARENT};
use dowel_core::journal::{Entry, Event};
use dowel_core::port::{Batch, Scan, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Events that are delivered in one transaction. Many, because each transaction waits
/// for the disk; not too many, because each is as large as the runs that it begins.
const EVENTS_PER_BATCH: usize = 64;

/// When delivery is tried again after the store or the sandbox refused.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A key of the outbox and its event.
type Row = (Vec<u8>, Vec<u8>);

/// Adds the emitted events of a turn to the batch that journals it, and says how many
/// there are.
pub(crate) fn put(state: &RunState, entries: &[Entry], batch: &mut Batch) -> usize {
    let mut count = 0;
    for entry in entries {
        if let Some(event) = event(state, entry) {
            let key = keys::outbox(state.created.run, entry.seq);
            batch.put(key, event.to_json().as_str().as_bytes().to_vec());
            count += 1;
        }
    }
    count
}

fn event(state: &RunState, entry: &Entry) -> Option<CloudEvent> {
    let Event::Emitted {
        path,
        id,
        event_type,
        data,
        ..
    } = &entry.event
    else {
        return None;
    };
    let created = &state.created;
    let mut event = CloudEvent::emitted(&created.flow, id, event_type, data.clone());
    event.time = Some(entry.at.to_string());
    let run = JsonText::string(&created.run.to_string());
    event.extensions.insert(RUN.to_owned(), run);
    let hops = JsonText::of(&(state.hops() + 1)).unwrap_or_else(|_| JsonText::null());
    event.extensions.insert(HOPS.to_owned(), hops);
    if let Some(traceparent) = trace_context::of_step(created, path) {
        let traceparent = JsonText::string(&traceparent);
        event.extensions.insert(TRACEPARENT.to_owned(), traceparent);
    }
    Some(event)
}

/// Delivers what is in the outbox, now and whenever something is put into it, until
/// draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    let draining = shared.draining.clone();
    while !shared.is_draining() {
        // Taken before the look, so that nothing that is put meanwhile is missed.
        let news = shared.outbox.notified();
        let looked = empty(&shared).await;
        let again = async {
            match looked {
                Ok(()) => news.await,
                Err(error) => {
                    tracing::warn!(%error, "emitted events cannot be delivered now");
                    let at = shared.ports.clock.now().plus(RETRY_DELAY);
                    shared.ports.clock.sleep_until(at).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = again => {}
            () = draining.cancelled() => {}
        }
    }
}

/// Delivers until the outbox is empty.
async fn empty(shared: &Shared) -> Result<(), PublishError> {
    loop {
        let rows = scan(shared).await?;
        if rows.is_empty() || shared.is_draining() {
            return Ok(());
        }
        // They are safe where they are; runs that are there already go first.
        check_open(shared)?;
        match deliver_rows(shared, &rows).await {
            Ok(()) => {}
            // Somebody else delivered one of them meanwhile: look again.
            Err(PublishError::Intake(IntakeError::Store(StoreError::Conflict(_)))) => {}
            // Some of them are in each other's way.
            Err(PublishError::Intake(IntakeError::Backlog(_))) if rows.len() > 1 => {
                deliver_rows(shared, &rows[..1]).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn scan(shared: &Shared) -> Result<Vec<Row>, PublishError> {
    let scan = Scan::prefix(keys::OUTBOX, EVENTS_PER_BATCH);
    let rows = shared.ports.store.scan(scan).await;
    rows.map_err(|error| PublishError::Intake(error.into()))
}

async fn deliver_rows(shared: &Shared, rows: &[Row]) -> Result<(), PublishError> {
    let mut batch = Batch::default();
    let mut events = Vec::new();
    for (key, value) in rows {
        // The entry itself is the proof that it was not delivered.
        batch.require_equal(key.clone(), value.clone());
        batch.delete(key.clone());
        match read(value) {
            Some(event) => events.push(event),
            None => tracing::error!(key = %key.escape_ascii(), "an emitted event cannot be read"),
        }
    }
    deliver(shared, &events, batch, WhenRefused::Keep).await?;
    Ok(())
}

fn read(value: &[u8]) -> Option<CloudEvent> {
    let json = JsonText::parse(std::str::from_utf8(value).ok()?).ok()?;
    CloudEvent::parse(&json).ok()
}
