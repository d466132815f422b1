//! The thread through which every write goes.
//!
//! It takes all batches that wait, makes them one sled batch, flushes, syncs, and only
//! then answers. It never waits for a group to grow: while one group is being synced the
//! next one gathers by itself.

use crate::group::{self, Finished, Group};
use crate::health::{Fault, Health, caught};
use crate::options::SledOptions;
use crate::record::Record;
use crate::room;
use crate::values::{StoreErrorOrFault, Values};
use crate::view::View;
use crate::watermark::Watermark;
use dowel_core::port::{Batch, StoreError};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::oneshot;

/// At most this many batches go down together. Well above the number of runs that write
/// at one moment, and a bound for how long one group can take.
const MAX_GROUP_BATCHES: usize = 1024;

/// No further batch joins a group that has reached this many bytes: what is in it should
/// not wait for more than a few tens of milliseconds of writing.
const MAX_GROUP_BYTES: usize = 8 * 1024 * 1024;

type Answer = Result<(), StoreError>;

/// A batch and where to answer.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Answer>,
}

enum Message {
    Commit(Request),
    Stop,
}

/// What the thread works with.
pub(crate) struct Parts {
    pub(crate) view: Arc<View>,
    pub(crate) health: Arc<Health>,
    /// The second handle on sled's file, for `fdatasync`.
    pub(crate) sync_handle: File,
    pub(crate) watermark: Watermark,
    pub(crate) values: Values,
    pub(crate) record: Record,
    pub(crate) options: SledOptions,
    pub(crate) folder: PathBuf,
    /// Asked to stop while a group gathered.
    pub(crate) stopping: bool,
}

/// The thread has ended and takes no more batches.
pub(crate) struct Stopped;

pub(crate) struct Committer {
    queue: Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub(crate) fn start(parts: Parts) -> io::Result<Self> {
        let (queue, messages) = channel();
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(move || run(parts, &messages))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(crate) fn submit(&self, request: Request) -> Result<(), Stopped> {
        self.queue
            .send(Message::Commit(request))
            .map_err(|_| Stopped)
    }

    /// Lets the thread finish what it was given and waits for it.
    pub(crate) fn stop(&self) {
        if let Some(thread) = self.thread.lock().take() {
            // Both fail only if the thread has ended already.
            let _ = self.queue.send(Message::Stop);
            let _ = thread.join();
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(mut parts: Parts, messages: &Receiver<Message>) {
    let ended = caught(|| {
        let tree = parts.view.tree()?;
        while let Some(requests) = next_group(&mut parts, messages)? {
            commit(&mut parts, &tree, requests)?;
        }
        parts.watermark.sync()
    });
    if let Err(fault) = ended {
        // What was not answered, queued batches included, is answered by the channel's
        // end, with this reason.
        tracing::error!(%fault, "the store stops");
        parts.health.fail(&fault.to_string());
    }
}

/// Everything that waits, after waiting for the first; nothing when asked to stop.
/// Syncs the watermark when that is due.
fn next_group(
    parts: &mut Parts,
    messages: &Receiver<Message>,
) -> Result<Option<Vec<Request>>, Fault> {
    if parts.stopping {
        return Ok(None);
    }
    let first = loop {
        let Some(due) = parts.watermark.due_in(Instant::now()) else {
            break messages.recv().unwrap_or(Message::Stop);
        };
        match messages.recv_timeout(due) {
            Ok(message) if !due.is_zero() => break message,
            Ok(message) => {
                parts.watermark.sync()?;
                break message;
            }
            Err(RecvTimeoutError::Timeout) => parts.watermark.sync()?,
            Err(RecvTimeoutError::Disconnected) => break Message::Stop,
        }
    };
    let Message::Commit(first) = first else {
        return Ok(None);
    };
    let mut bytes = group::size_of(&first.batch);
    let mut requests = vec![first];
    while requests.len() < MAX_GROUP_BATCHES && bytes < MAX_GROUP_BYTES {
        match messages.try_recv() {
            Ok(Message::Commit(request)) => {
                bytes += group::size_of(&request.batch);
                requests.push(request);
            }
            Ok(Message::Stop) => {
                // Once this group is down.
                parts.stopping = true;
                break;
            }
            Err(_) => break,
        }
    }
    Ok(Some(requests))
}

fn commit(parts: &mut Parts, tree: &sled::Db, requests: Vec<Request>) -> Result<(), Fault> {
    let requests = room::admit(parts, requests)?;
    if requests.is_empty() {
        return Ok(());
    }
    let largest_inline = parts.options.largest_inline();
    let mut group = Group::new(tree, &mut parts.values, largest_inline, parts.record);
    let mut answers = Vec::with_capacity(requests.len());
    for Request { batch, reply } in requests {
        let answer = match group.add(batch) {
            Ok(()) => Ok(()),
            Err(StoreErrorOrFault::Refused(error)) => Err(error),
            Err(StoreErrorOrFault::Fault(fault)) => return Err(fault),
        };
        answers.push((reply, answer));
    }
    if let Some(finished) = group.finish() {
        write(parts, tree, finished)?;
    }
    // Conflicts too are told only now: who hears of one may rely on the batch that won.
    for (reply, answer) in answers {
        let _ = reply.send(answer);
    }
    parts.values.remove_unreferenced();
    Ok(())
}

/// Makes a group durable, then visible.
fn write(parts: &mut Parts, tree: &sled::Db, finished: Finished) -> Result<(), Fault> {
    parts.view.apply_hidden(finished.batch, finished.undo)?;
    tree.flush()?;
    // sled's flush ends in `sync_file_range`, which neither empties the disk's own cache
    // nor writes the file's length.
    parts
        .sync_handle
        .sync_data()
        .map_err(Fault::io("syncing the database file"))?;
    parts.record = finished.record;
    parts
        .watermark
        .write(parts.record.sequence, Instant::now())?;
    parts.view.reveal();
    Ok(())
}
