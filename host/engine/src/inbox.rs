//! A run's inbox: durable messages from everything outside of its driver. The driver,
//! the only writer of the journal, turns each into journal entries and takes it out in
//! the same batch.

use crate::engine::Shared;
use crate::keys;
use dowel_core::journal::{ChildEnd, Commanded};
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, RunId, StepPath};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Messages that are read at a time; more are read in the next round.
const MAX_READ: usize = 256;

/// Something that reaches a run from outside. The serialised form is versioned like the
/// journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Message {
    /// A person or a policy decided something.
    Command(Commanded),
    /// The run's child came to its end; in the batch with the child's own last entry.
    ChildEnded {
        /// The step that began it.
        path: StepPath,
        /// Which child of the step, from 1.
        attempt: u32,
        /// The child, or the run that took its place.
        run: RunId,
        /// How.
        end: ChildEnd,
    },
    /// The run's child was rerun; in the batch that begins the other run.
    ChildReplaced {
        /// The step that began it.
        path: StepPath,
        /// Which child of the step, from 1.
        attempt: u32,
        /// The other run.
        run: RunId,
    },
    /// An event was put into a slot in which the run waits.
    Mail {
        /// The slot's question.
        receiver: Digest,
        /// The digest of its answer.
        value: Digest,
    },
}

/// What became of a message: applied, or refused with the reason.
pub(crate) type Verdict = Result<(), String>;

/// Those who wait for the verdict on a message, by the message's key.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<Vec<u8>, oneshot::Sender<Verdict>>>);

impl Waiters {
    /// Tells whoever waits what became of a message.
    pub(crate) fn tell(&self, key: &[u8], verdict: Verdict) {
        if let Some(waiter) = self.0.lock().remove(key) {
            // Nobody has to wait to the end.
            let _ = waiter.send(verdict);
        }
    }
}

/// Adds a message to a batch of its sender, and gives the key that it is known by.
pub(crate) fn add(
    shared: &Shared,
    batch: &mut Batch,
    run: RunId,
    message: &Message,
) -> Result<Vec<u8>, StoreError> {
    let random = shared.ports.randomness.bytes();
    let mut tail = [0; 8];
    tail.copy_from_slice(&random[..8]);
    let key = keys::message(run, shared.ports.clock.now(), tail);
    let bytes =
        serde_json::to_vec(message).map_err(|e| StoreError::Failed(e.to_string().into()))?;
    batch.put(key.clone(), bytes);
    Ok(key)
}

/// Tells a run that something is in its inbox.
pub(crate) fn wake(shared: &Shared, run: RunId) {
    if !shared.live.knock(run) {
        shared.queue.resume(run);
    }
}

/// A message that a batch of its sender brings.
pub(crate) struct Pending {
    run: RunId,
    key: Vec<u8>,
    receiver: oneshot::Receiver<Verdict>,
}

/// Adds a message to a batch of its sender, who waits for the verdict.
pub(crate) fn prepare(
    shared: &Shared,
    batch: &mut Batch,
    run: RunId,
    message: &Message,
) -> Result<Pending, StoreError> {
    let key = add(shared, batch, run, message)?;
    let (sender, receiver) = oneshot::channel();
    shared.waiters.0.lock().insert(key.clone(), sender);
    Ok(Pending { run, key, receiver })
}

impl Pending {
    /// The batch is on disk.
    pub(crate) fn sent(self, shared: &Shared) -> oneshot::Receiver<Verdict> {
        wake(shared, self.run);
        self.receiver
    }

    /// The batch was not written.
    pub(crate) fn forget(self, shared: &Shared) {
        shared.waiters.0.lock().remove(&self.key);
    }
}

/// Sends a message, together with what else its sender writes. It is on disk when this
/// returns; the verdict follows when the run
/// has taken it up.
pub(crate) async fn send(
    shared: &Shared,
    run: RunId,
    message: &Message,
    mut batch: Batch,
) -> Result<oneshot::Receiver<Verdict>, StoreError> {
    let pending = prepare(shared, &mut batch, run, message)?;
    match shared.ports.store.commit(batch).await {
        Ok(()) => Ok(pending.sent(shared)),
        Err(error) => {
            pending.forget(shared);
            Err(error)
        }
    }
}

/// The messages in a run's inbox, in order.
pub(crate) async fn read(
    shared: &Shared,
    run: RunId,
) -> Result<Vec<(Vec<u8>, Result<Message, String>)>, StoreError> {
    let scan = Scan::prefix(keys::inbox(run), MAX_READ);
    let rows = shared.ports.store.scan(scan).await?;
    let decode = |bytes: &[u8]| serde_json::from_slice(bytes).map_err(|e| e.to_string());
    Ok(rows
        .into_iter()
        .map(|(key, bytes)| {
            let message = decode(&bytes);
            (key, message)
        })
        .collect())
}

/// Throws away the messages to a run that is not there any more.
pub(crate) async fn empty(shared: &Shared, run: RunId) -> Result<(), StoreError> {
    let scan = Scan::prefix(keys::inbox(run), MAX_READ).keys_only();
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for (key, _) in rows {
            batch.delete(key);
        }
        shared.ports.store.commit(batch).await?;
    }
}
