//! A host's way to the store: slow, sometimes full, and ending at any write.

use crate::Plant;
use crate::log::Log;
use crate::random::Random;
use crate::watch::Watch;
use dowel_core::port::{Batch, BoxFuture, Entry, Scan, Snapshot, Store, StoreError};
use dowel_testkit::MemoryStore;
use futures_util::FutureExt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// On which side of a write a host dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// What is to go wrong at the writes of a host.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    /// After so many writes the host dies.
    pub(crate) death: Option<(u64, Side)>,
    /// So many writes find the disk full.
    pub(crate) full: u64,
    /// The writes so far.
    pub(crate) commits: u64,
    /// What was asked of the store since the host was last at rest.
    pub(crate) reads: u64,
}

/// The store as one host sees it.
pub(crate) struct HostStore {
    pub(crate) host: u64,
    pub(crate) inner: MemoryStore,
    pub(crate) is_dead: Arc<AtomicBool>,
    pub(crate) plans: Arc<Mutex<Plans>>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) random: Random,
    pub(crate) log: Log,
    pub(crate) plant: Option<Plant>,
}

/// More than any work at one time asks of the store.
const MOST_READS: u64 = 200_000;

/// The most times that others go first while the store works.
const SLOWNESS: u64 = 3;

impl HostStore {
    /// Lets others go first, and never comes back in a dead host.
    async fn pass(&self) {
        self.count();
        for _ in 0..self.random.below(SLOWNESS + 1) {
            tokio::task::yield_now().await;
        }
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }

    /// A host that goes round in circles is stopped.
    fn count(&self) {
        let mut plans = self.plans.lock();
        plans.reads += 1;
        if plans.reads == MOST_READS {
            let what = format!("host {} never comes to rest", self.host);
            self.log.violated("queues-bounded", what);
            self.is_dead.store(true, Ordering::SeqCst);
        }
    }

    fn die(&self, why: Side) {
        self.log
            .line(format_args!("host {} dies {why:?} a write", self.host));
        self.is_dead.store(true, Ordering::SeqCst);
    }

    /// Writes now; nothing where the host has died.
    fn write(&self, mut batch: Batch) -> Option<Result<(), StoreError>> {
        if self.is_dead.load(Ordering::SeqCst) {
            return None;
        }
        let mut plans = self.plans.lock();
        plans.commits += 1;
        let death = plans.death.filter(|(at, _)| plans.commits > *at);
        if let Some((_, Side::Before)) = death {
            self.die(Side::Before);
            return None;
        }
        if plans.full > 0 {
            plans.full -= 1;
            self.log
                .line(format_args!("host {}: the disk is full", self.host));
            return Some(Err(StoreError::Full));
        }
        drop(plans);
        if let Some(plant) = self.plant {
            plant.spoil(&mut batch);
        }
        let written = self.watch.write(self.host, &self.inner, &batch);
        if let Some((_, Side::After)) = death {
            self.die(Side::After);
            return None;
        }
        Some(written)
    }
}

impl Store for HostStore {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            self.pass().await;
            let found = self.inner.get(key).await;
            self.pass().await;
            found
        })
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move {
            self.pass().await;
            let found = self.inner.scan(scan).await;
            self.pass().await;
            found
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let written = self.write(batch);
        Box::pin(async move {
            self.pass().await;
            match written {
                Some(written) => written,
                None => std::future::pending().await,
            }
        })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        self.inner.snapshot()
    }
}

/// What a store in memory does it does at once.
pub(crate) fn at_once<T>(future: BoxFuture<'_, Result<T, StoreError>>) -> Result<T, StoreError> {
    let waits = || Err(StoreError::Failed("the store in memory waits".into()));
    future.now_or_never().unwrap_or_else(waits)
}
