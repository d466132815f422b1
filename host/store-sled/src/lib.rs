//! [`Store`] on sled: one tree, one committer thread, and three things of our own that
//! sled does not give.
//!
//! * **Durability.** sled's `flush` on Linux ends in `sync_file_range`, which does not
//!   survive loss of power. The committer flushes, calls `fdatasync` on the database file
//!   through a second handle, and only then acknowledges (`committer`). Readers see what
//!   is durable and nothing else (`view`).
//! * **Large values** go to synced files of our own (`values`), because sled would put
//!   them, or a page full of them, into files that it never syncs.
//! * **No silent loss.** After a damaged byte sled drops what follows it and opens as if
//!   nothing had been. A watermark file and a fingerprint of the tree's contents notice
//!   it (`watermark`, `fingerprint`), and the store refuses to open.
//!
//! * **Bounded size.** A log that has grown far beyond its contents is copied to a fresh
//!   one while the store works (`compaction`).
//!
//! Layout of the folder: `lock`, `watermark`, `sled/` (sled's own; `sled-<n>/` after the
//! first compaction, named by `generation`), `values/xx/<digest>`.

mod committer;
mod compaction;
mod fingerprint;
mod generation;
mod group;
mod health;
mod lock;
mod open;
mod options;
mod record;
mod recover;
mod room;
mod snapshot;
mod stored;
mod trim;
mod values;
mod view;
mod watermark;

pub use open::OpenError;
pub use options::{FreeSpace, SledOptions};

use committer::{Committer, Request};
use dowel_core::port::{Batch, BoxFuture, Entry, MAX_KEY_BYTES, Scan, Snapshot, Store, StoreError};
use health::Health;
use parking_lot::Mutex;
use snapshot::SledSnapshot;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;
use view::View;

/// The store. A clone is another handle to the same store; it closes with the last one.
#[derive(Clone)]
pub struct SledStore(Arc<Inner>);

struct Inner {
    view: Arc<View>,
    health: Arc<Health>,
    committer: Committer,
    /// Until the last write is done.
    lock: Mutex<Option<lock::FolderLock>>,
}

impl SledStore {
    /// Opens the store in the folder `path`, creating it if it is not there. Reads all
    /// keys once, to compare them with the fingerprint.
    pub fn open(path: &Path, options: SledOptions) -> Result<Self, OpenError> {
        let opened = open::open(path, &options)?;
        let view = Arc::new(opened.view);
        let health = Arc::new(Health::default());
        let committer = Committer::start(committer::Parts {
            view: Arc::clone(&view),
            health: Arc::clone(&health),
            sync_handle: opened.sync_handle,
            watermark: opened.watermark,
            values: opened.values,
            record: opened.record,
            generation: opened.generation,
            live_bytes: opened.live_bytes,
            compaction: None,
            no_compaction_below: 0,
            taps: Vec::new(),
            options,
            folder: path.to_owned(),
            last_group: 0,
            stopping: false,
        })
        .map_err(|source| OpenError::io(path, source))?;
        Ok(Self(Arc::new(Inner {
            view,
            health,
            committer,
            lock: Mutex::new(Some(opened.lock)),
        })))
    }

    /// Finishes what was handed over, syncs and stops. Every later call through any
    /// handle fails. Dropping the last handle does the same. Blocks the thread for about
    /// one disk write.
    pub fn close(&self) {
        self.0.close();
    }

    fn submit(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        self.0.health.check()?;
        let keys = batch
            .preconditions
            .iter()
            .map(|precondition| precondition.key())
            .chain(batch.writes.iter().map(group::key_of));
        for key in keys {
            check_key(key)?;
        }
        let (reply, answer) = oneshot::channel();
        match self.0.committer.submit(Request { batch, reply }) {
            Ok(()) => Ok(answer),
            Err(committer::Stopped) => Err(self.0.health.error()),
        }
    }
}

impl Inner {
    fn close(&self) {
        self.committer.stop();
        self.health.fail("the store was closed");
        self.view.close();
        self.lock.lock().take();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(StoreError::Invalid("a key is longer than 1 KiB"));
    }
    Ok(())
}

impl Store for SledStore {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            check_key(key)?;
            self.0.health.guard(|| self.0.view.get(key))
        })
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move { self.0.health.guard(|| self.0.view.scan(&scan)) })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let submitted = self.submit(batch);
        Box::pin(async move {
            // The committer drops a reply only when it stops.
            submitted?
                .await
                .unwrap_or_else(|_| Err(self.0.health.error()))
        })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        Box::pin(async move {
            let snapshot = SledSnapshot::begin(Arc::clone(&self.0)).await?;
            Ok(Box::new(snapshot) as Box<dyn Snapshot>)
        })
    }
}
