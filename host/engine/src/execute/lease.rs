//! The lease of a run at work: kept while it lasts, given back when the run leaves.

use super::drive::{DriveError, Driver};
use super::page::Page;
use dowel_core::Timestamp;
use dowel_core::port::{Batch, StoreError};

impl Page {
    /// The next batch gives the lease back: the run leaves this host for now.
    pub(super) const fn give_lease_back(&mut self) {
        self.gives_back = true;
    }

    /// When the lease has to be renewed.
    pub(super) fn renewal(&self) -> Option<Timestamp> {
        self.lease.as_ref()?.renew_at()
    }
}

impl Driver {
    /// Renews the lease, in a batch of its own: the run has waited for so long.
    pub(super) async fn renew_lease(&mut self) -> Result<(), DriveError> {
        let Some(lease) = &self.page.lease else {
            return Ok(());
        };
        let mut batch = Batch::default();
        let kept = lease.keep(&mut batch, self.shared.ports.clock.now());
        match self.shared.ports.store.commit(batch).await {
            Ok(()) => self.page.lease = Some(kept),
            // It is not lost before its time is up.
            Err(StoreError::Full) => {}
            Err(error) => return Err(error.into()),
        }
        // Messages that came in at another host are in the store alone.
        self.read_inbox().await
    }
}
