//! sled's log grows without end where old runs go and new ones come: segments are freed
//! only when every page in them has moved, and its memory grows with them. When the log is
//! much larger than what lies in it, everything is copied to a fresh database beside it,
//! while the store works, and the fresh one takes its place.
//!
//! A thread copies in the order of keys, a slice at a time. The committer repeats what it
//! writes on the copy, for keys that were copied already; slices and groups exclude each
//! other. Until the switch the old database is the truth, and a crash leaves a folder that
//! the next opening removes.

use crate::fingerprint::Fingerprint;
use crate::generation::Generation;
use crate::group::Finished;
use crate::health::{Fault, caught};
use crate::open::{open_sled, sync_handle};
use crate::options::SledOptions;
use crate::record::{RECORD_KEY, Record, USER};
use parking_lot::{Mutex, MutexGuard};
use std::fs::File;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The log may be this many times as large as what lies in it: each byte is copied once
/// for every two that are written.
const LOG_PER_LIVE_BYTE: u64 = 3;

/// Bytes that are copied while the committer waits: a few milliseconds.
const SLICE_BYTES: usize = 256 * 1024;

/// Bytes after which the copy is written out, so that the switch has little left to write.
const FLUSH_BYTES: usize = 8 * 1024 * 1024;

/// The longest rest after a slice.
const LONGEST_REST: Duration = Duration::from_millis(50);

/// Whether the log is worth a copy.
pub(crate) fn is_due(log_bytes: u64, live_bytes: u64, options: &SledOptions) -> bool {
    log_bytes > live_bytes.saturating_mul(LOG_PER_LIVE_BYTE) + options.compact_above
}

/// A copy that is being made.
pub(crate) struct Compaction {
    generation: Generation,
    store: PathBuf,
    copy: Arc<Mutex<Copy>>,
    thread: Option<JoinHandle<()>>,
}

struct Copy {
    fresh: sled::Db,
    /// Every key up to this one has been copied.
    cursor: Vec<u8>,
    keys: u64,
    fingerprint: Fingerprint,
    /// The thread should end.
    is_cancelled: bool,
    outcome: Option<Result<(), Fault>>,
}

/// A finished copy in place of what was.
pub(crate) struct Switched {
    pub(crate) tree: sled::Db,
    pub(crate) sync_handle: File,
    pub(crate) generation: Generation,
}

impl Compaction {
    /// Begins a copy. `finished` is called when there is nothing more to copy, or it
    /// failed.
    pub(crate) fn start(
        store: &Path,
        generation: Generation,
        tree: sled::Db,
        options: SledOptions,
        finished: impl FnOnce() + Send + 'static,
    ) -> Result<Self, Fault> {
        let folder = generation.folder(store);
        // What an earlier attempt in this process left.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(Fault::io("making a folder for the copy"))?;
        let copy = Arc::new(Mutex::new(Copy {
            fresh: open_sled(&folder, &options)?,
            cursor: vec![USER],
            keys: 0,
            fingerprint: Fingerprint::default(),
            is_cancelled: false,
            outcome: None,
        }));
        // The first key of all may be exactly the prefix.
        if let Some(raw) = tree.get([USER])? {
            copy.lock().put(&[USER], &raw)?;
        }
        let shared = Arc::clone(&copy);
        let path = store.to_owned();
        let thread = std::thread::Builder::new()
            .name("store-compaction".into())
            .spawn(move || {
                let outcome = caught(|| copy_all(&shared, &tree, &options, &path));
                drop(tree);
                shared.lock().outcome = Some(outcome);
                finished();
            })
            .map_err(Fault::io("starting the thread that copies"))?;
        Ok(Self {
            generation,
            store: store.to_owned(),
            copy,
            thread: Some(thread),
        })
    }

    /// Keeps slices out while a group is applied.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held(self.copy.lock())
    }

    /// Makes the copy the current database if it is whole. Nothing if it is not.
    pub(crate) fn switch(mut self, record: Record) -> Result<Option<Switched>, Fault> {
        self.join();
        let mut copy = self.copy.lock();
        let outcome = copy.outcome.take().unwrap_or(Err(Fault::Panic));
        let is_whole = copy.keys == record.keys && copy.fingerprint == record.fingerprint;
        if let Err(fault) = outcome {
            tracing::warn!(%fault, "the log could not be compacted; the store goes on with it");
            return Ok(None);
        }
        if !is_whole {
            tracing::error!("the copy of the log is not like it; the store goes on with the log");
            return Ok(None);
        }
        let tree = copy.fresh.clone();
        drop(copy);
        tree.insert(RECORD_KEY, record.encode())?;
        tree.flush()?;
        let folder = self.generation.folder(&self.store);
        let pointing = Fault::io("putting the compacted log in place");
        let sync_handle = sync_handle(&folder)
            .and_then(|handle| {
                File::open(&folder)?.sync_all()?;
                File::open(&self.store)?.sync_all()?;
                self.generation.point(&self.store)?;
                Ok(handle)
            })
            .map_err(pointing)?;
        Ok(Some(Switched {
            tree,
            sync_handle,
            generation: self.generation.clone(),
        }))
    }

    /// Ends the copy; the next opening removes it.
    pub(crate) fn cancel(mut self) {
        self.copy.lock().is_cancelled = true;
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It catches its own panics.
            let _ = thread.join();
        }
    }
}

/// Slices wait as long as this is there.
pub(crate) struct Held<'a>(MutexGuard<'a, Copy>);

impl Held<'_> {
    /// Repeats a group on the copy.
    pub(crate) fn repeat(&mut self, group: &Finished) -> Result<(), Fault> {
        let copy = &mut *self.0;
        let mut batch = sled::Batch::default();
        for (key, raw) in &group.after {
            if *key > copy.cursor {
                continue;
            }
            if let Some(Some(old)) = group.undo.get(key) {
                copy.fingerprint.remove(key, old);
                copy.keys = copy.keys.saturating_sub(1);
            }
            match raw {
                Some(raw) => {
                    copy.fingerprint.add(key, raw);
                    copy.keys += 1;
                    batch.insert(key.as_slice(), raw.as_slice());
                }
                None => batch.remove(key.as_slice()),
            }
        }
        copy.fresh.apply_batch(batch)?;
        Ok(())
    }
}

impl Copy {
    fn put(&mut self, key: &[u8], raw: &[u8]) -> Result<(), Fault> {
        self.fingerprint.add(key, raw);
        self.keys += 1;
        self.fresh.insert(key, raw)?;
        Ok(())
    }

    /// Copies a slice; returns its bytes, none at the end.
    fn slice(&mut self, tree: &sled::Db) -> Result<usize, Fault> {
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        let from = Bound::Excluded(std::mem::take(&mut self.cursor));
        let mut last = None;
        for entry in tree.range::<Vec<u8>, _>((from.clone(), Bound::Unbounded)) {
            let (key, raw) = entry?;
            self.fingerprint.add(&key, &raw);
            self.keys += 1;
            bytes += key.len() + raw.len();
            last = Some(key.to_vec());
            batch.insert(key, raw);
            if bytes >= SLICE_BYTES {
                break;
            }
        }
        self.fresh.apply_batch(batch)?;
        self.cursor = match (last, from) {
            (Some(last), _) => last,
            // All that comes later is below this, and is repeated.
            (None, _) => vec![u8::MAX; dowel_core::port::MAX_KEY_BYTES + 2],
        };
        Ok(bytes)
    }
}

fn copy_all(
    copy: &Mutex<Copy>,
    tree: &sled::Db,
    options: &SledOptions,
    store: &Path,
) -> Result<(), Fault> {
    let mut unflushed = 0;
    loop {
        let free = options
            .measure_free_space(store)
            .map_err(Fault::io("asking for the free disk space"))?;
        let begun = Instant::now();
        let (bytes, fresh) = {
            let mut copy = copy.lock();
            if copy.is_cancelled || free < options.minimum_free_bytes {
                return Err(Fault::Cancelled);
            }
            (copy.slice(tree)?, copy.fresh.clone())
        };
        if bytes == 0 {
            fresh.flush()?;
            return Ok(());
        }
        unflushed += bytes;
        if unflushed >= FLUSH_BYTES {
            fresh.flush()?;
            unflushed = 0;
        }
        // As long a rest as the work: the committer and everybody else come first.
        std::thread::sleep(begun.elapsed().min(LONGEST_REST));
    }
}
