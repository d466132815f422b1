//! A consistent copy while the store works.
//!
//! From the beginning on, the committer hands every group over that became durable, in
//! order. Meanwhile all keys are read in pages. A page shows the state of its own moment,
//! which may be later than that of another page; with all groups since the beginning
//! written over it, each key has the value of the end.

use crate::Inner;
use crate::committer::{Stopped, Tap};
use dowel_core::port::{BoxFuture, Scan, Snapshot, StoreError, Write};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Keys that are read at a time. Values may have some MiB each.
const KEYS_PER_PAGE: usize = 64;

/// A copy that is being read.
pub(crate) struct SledSnapshot {
    store: Arc<Inner>,
    groups: mpsc::UnboundedReceiver<Vec<Write>>,
    stage: Stage,
}

enum Stage {
    /// Pages after this key, from the first where it is nothing.
    Pages(Option<Vec<u8>>),
    /// What the committer has handed over by now.
    Groups,
}

impl SledSnapshot {
    pub(crate) async fn begin(store: Arc<Inner>) -> Result<Self, StoreError> {
        store.health.check()?;
        let (groups, received) = mpsc::unbounded_channel();
        let (begun, has_begun) = oneshot::channel();
        let tap = Tap { groups, begun };
        let stopped = |store: &Inner| store.health.error();
        match store.committer.tap(tap) {
            Ok(()) => has_begun.await.map_err(|_| stopped(&store))?,
            Err(Stopped) => return Err(stopped(&store)),
        }
        Ok(Self {
            store,
            groups: received,
            stage: Stage::Pages(None),
        })
    }

    fn page(&mut self, after: Option<Vec<u8>>) -> Result<Vec<Write>, StoreError> {
        let mut scan = Scan::prefix("", KEYS_PER_PAGE);
        scan.after = after;
        let found = self.store.health.guard(|| self.store.view.scan(&scan))?;
        self.stage = match found.last() {
            Some((key, _)) if found.len() == KEYS_PER_PAGE => Stage::Pages(Some(key.clone())),
            _ => {
                // Whoever hears of a group from now on is not told here any more.
                self.groups.close();
                Stage::Groups
            }
        };
        let page = found.into_iter();
        Ok(page.map(|(key, value)| Write::Put(key, value)).collect())
    }

    async fn advance(&mut self) -> Result<Option<Vec<Write>>, StoreError> {
        // Groups between pages as well, so that they do not pile up: those of a page's keys
        // that are older than the page are followed by the newer ones.
        if let Ok(group) = self.groups.try_recv() {
            return Ok(Some(group));
        }
        match &mut self.stage {
            Stage::Pages(after) => {
                let after = after.take();
                self.page(after).map(Some)
            }
            Stage::Groups => {
                let group = self.groups.recv().await;
                // A store that stopped in between may not have handed everything over.
                self.store.health.check()?;
                Ok(group)
            }
        }
    }
}

impl Snapshot for SledSnapshot {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Write>>, StoreError>> {
        Box::pin(self.advance())
    }
}
