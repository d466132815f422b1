//! The thread through which every write goes.
//!
//! It takes all batches that wait, makes them one sled batch, flushes, syncs, and only
//! then answers. While one group is being synced the next one gathers by itself. A busy
//! store lingers a little longer, because a group costs the same CPU however small it is:
//! each flush wakes all threads of sled's pool. A store that writes now and then does not.

use crate::compaction::{Compaction, is_due};
use crate::generation::Generation;
use crate::group::{self, Finished, Group};
use crate::health::{Fault, Health, caught};
use crate::options::SledOptions;
use crate::record::Record;
use crate::room;
use crate::values::{StoreErrorOrFault, Values};
use crate::view::View;
use crate::watermark::Watermark;
use dowel_core::port::{Batch, StoreError, Write};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// At most this many batches go down together. Well above the number of runs that write
/// at one moment, and a bound for how long one group can take.
const MAX_GROUP_BATCHES: usize = 1024;

/// No further batch joins a group that has reached this many bytes: what is in it should
/// not wait for more than a few tens of milliseconds of writing.
const MAX_GROUP_BYTES: usize = 8 * 1024 * 1024;

/// A group of at least this many batches makes the next one linger: so many writers will
/// have more to write before long, and a single one never waits for others.
const BUSY_GROUP_BATCHES: usize = 3;

/// How long the next group gathers then. About what a group takes to become durable, so
/// that lingering at most doubles a commit's time while it divides the CPU of commits.
const LINGER: Duration = Duration::from_millis(1);

type Answer = Result<(), StoreError>;

/// A batch and where to answer.
pub(crate) struct Request {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// Somebody who is handed every group from now on, once it is durable.
pub(crate) struct Tap {
    pub(crate) groups: mpsc::UnboundedSender<Vec<Write>>,
    pub(crate) begun: oneshot::Sender<()>,
}

enum Message {
    Commit(Request),
    Tap(Tap),
    /// The copy of the log is finished.
    Copied,
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
    pub(crate) generation: Generation,
    /// Keys and raw values together.
    pub(crate) live_bytes: u64,
    pub(crate) compaction: Option<Compaction>,
    pub(crate) taps: Vec<mpsc::UnboundedSender<Vec<Write>>>,
    /// After an attempt, the log's size from which on the next one is made.
    pub(crate) no_compaction_below: u64,
    /// How many batches were in the last group.
    pub(crate) last_group: usize,
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
        let own_queue = queue.clone();
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(move || run(parts, &messages, &own_queue))?;
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

    pub(crate) fn tap(&self, tap: Tap) -> Result<(), Stopped> {
        self.queue.send(Message::Tap(tap)).map_err(|_| Stopped)
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

fn run(mut parts: Parts, messages: &Receiver<Message>, queue: &Sender<Message>) {
    let ended = caught(|| {
        while let Some(requests) = next_group(&mut parts, messages)? {
            let tree = parts.view.tree()?;
            commit(&mut parts, &tree, requests)?;
            compact_if_due(&mut parts, tree, queue)?;
        }
        parts.watermark.sync()
    });
    if let Some(compaction) = parts.compaction.take() {
        compaction.cancel();
    }
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
    let first = match first {
        Message::Commit(first) => first,
        Message::Stop => return Ok(None),
        Message::Tap(tap) => {
            begin_tap(parts, tap);
            return Ok(Some(Vec::new()));
        }
        Message::Copied => {
            switch(parts)?;
            return Ok(Some(Vec::new()));
        }
    };
    if parts.last_group >= BUSY_GROUP_BATCHES {
        // Asleep and not in `recv`, so that no batch that arrives has to wake the thread.
        std::thread::sleep(LINGER);
    }
    let mut bytes = group::size_of(&first.batch);
    let mut requests = vec![first];
    while requests.len() < MAX_GROUP_BATCHES && bytes < MAX_GROUP_BYTES {
        match messages.try_recv() {
            Ok(Message::Commit(request)) => {
                bytes += group::size_of(&request.batch);
                requests.push(request);
            }
            // It is handed this group as well: more than it asks for, and harmless.
            Ok(Message::Tap(tap)) => begin_tap(parts, tap),
            Ok(Message::Copied) => switch(parts)?,
            Ok(Message::Stop) => {
                // Once this group is down.
                parts.stopping = true;
                break;
            }
            Err(_) => break,
        }
    }
    parts.last_group = requests.len();
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
    let (record, growth) = (finished.record, finished.growth);
    parts.taps.retain(|tap| !tap.is_closed());
    let told = if parts.taps.is_empty() {
        Vec::new()
    } else {
        parts.view.writes_of(&finished)?
    };
    {
        let mut held = parts.compaction.as_ref().map(Compaction::hold);
        if let Some(held) = &mut held {
            held.repeat(&finished)?;
        }
        let (batch, undo) = finished.into_batch();
        parts.view.apply_hidden(batch, undo)?;
    }
    tree.flush()?;
    // sled's flush ends in `sync_file_range`, which neither empties the disk's own cache
    // nor writes the file's length.
    parts
        .sync_handle
        .sync_data()
        .map_err(Fault::io("syncing the database file"))?;
    parts.record = record;
    parts.live_bytes = parts.live_bytes.saturating_add_signed(growth);
    parts
        .watermark
        .write(parts.record.sequence, Instant::now())?;
    // Before readers see it: a page that shows a group must not be the first to tell of it.
    for tap in &parts.taps {
        // It may have heard enough meanwhile.
        let _ = tap.send(told.clone());
    }
    parts.view.reveal();
    Ok(())
}

fn begin_tap(parts: &mut Parts, tap: Tap) {
    parts.taps.push(tap.groups);
    // Nobody waits if the copy was given up already.
    let _ = tap.begun.send(());
}

/// Begins a copy of the log if it has grown far beyond what lies in it and the disk has
/// room for both.
fn compact_if_due(parts: &mut Parts, tree: sled::Db, queue: &Sender<Message>) -> Result<(), Fault> {
    if parts.compaction.is_some() {
        return Ok(());
    }
    let log_bytes = parts
        .sync_handle
        .metadata()
        .map_err(Fault::io("asking for the size of the log"))?
        .len();
    if log_bytes < parts.no_compaction_below || !is_due(log_bytes, parts.live_bytes, &parts.options)
    {
        return Ok(());
    }
    // Whatever comes of it, not again at once.
    parts.no_compaction_below = log_bytes + parts.options.compact_above;
    let free = parts
        .options
        .measure_free_space(&parts.folder)
        .map_err(Fault::io("asking for the free disk space"))?;
    let needed = parts.live_bytes.saturating_mul(2) + parts.options.minimum_free_bytes;
    if free < needed {
        tracing::warn!(free, needed, "no room to compact the store's log");
        return Ok(());
    }
    let (queue, next) = (queue.clone(), parts.generation.next());
    let started = Compaction::start(
        &parts.folder,
        next,
        tree,
        parts.options.clone(),
        move || {
            // Nobody listens any more if the store was closed.
            let _ = queue.send(Message::Copied);
        },
    );
    match started {
        Ok(compaction) => {
            tracing::info!(
                log_bytes,
                live_bytes = parts.live_bytes,
                "compacting the store's log"
            );
            parts.compaction = Some(compaction);
        }
        Err(fault) => tracing::warn!(%fault, "the log cannot be compacted"),
    }
    Ok(())
}

/// Puts a finished copy in place of the log.
fn switch(parts: &mut Parts) -> Result<(), Fault> {
    let Some(compaction) = parts.compaction.take() else {
        return Ok(());
    };
    let Some(switched) = compaction.switch(parts.record)? else {
        return Ok(());
    };
    let old_folder = parts.generation.folder(&parts.folder);
    let old_tree = parts.view.swap(switched.tree);
    parts.sync_handle = switched.sync_handle;
    parts.generation = switched.generation;
    parts.no_compaction_below = 0;
    tracing::info!("the store's log is compacted");
    // sled takes its time to let go; the next opening removes what is left.
    let removal = move || {
        drop(old_tree);
        if let Err(error) = std::fs::remove_dir_all(&old_folder) {
            tracing::warn!(%error, "the old log cannot be removed now");
        }
    };
    let _ = std::thread::Builder::new()
        .name("store-removal".into())
        .spawn(removal);
    Ok(())
}
