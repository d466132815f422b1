//! A full disk: a run at work keeps what it has and waits for room.
//!
//! The store refuses a batch whole, so the same batch is written later as if nothing had
//! been. What was answered meanwhile is kept: a call whose result is known is never made
//! again, or parked, because there was no room to write it down.

use super::call::Ended;
use super::drive::{DriveError, Driver};
use crate::mailbox::Watch;
use dowel_core::Timestamp;
use dowel_core::port::StoreError;
use futures_util::StreamExt;
use std::time::Duration;

/// When a refused batch is tried again. Room comes by itself when retention has removed
/// something, and by a person otherwise; neither is a matter of milliseconds.
const ROOM_RETRY_DELAY: Duration = Duration::from_secs(1);

impl Driver {
    /// Writes what was recorded, as soon as the disk has room for it. A host that is to
    /// stop does not wait.
    pub(super) async fn flush(&mut self, mut due: Timestamp) -> Result<(), DriveError> {
        let mut is_held = false;
        loop {
            let written = self.page.flush(&self.shared, &self.state, due).await;
            if let Err(StoreError::Conflict(key)) = &written
                && Watch::is_outrun(key)
            {
                // An event came while the run was about to wait for one. It writes what
                // it has, without saying that it waits, and looks again.
                self.page.watch.look_everywhere();
                self.seat.knock();
                due = Timestamp::default();
                continue;
            }
            let is_full = written == Err(StoreError::Full) && !self.shared.is_draining();
            if is_full && !is_held {
                is_held = true;
                if self.shared.metrics.held_by_disk.inc() == 0 {
                    tracing::error!("the store's disk is full: runs wait until it has room");
                }
            }
            if !is_full {
                if is_held {
                    self.shared.metrics.held_by_disk.dec();
                }
                return Ok(written?);
            }
            self.wait_for_room().await;
        }
    }

    async fn wait_for_room(&mut self) {
        let clock = &self.shared.ports.clock;
        let mut later = clock.sleep_until(clock.now().plus(ROOM_RETRY_DELAY));
        let draining = self.shared.draining.clone();
        loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => return,
                // Calls that were sent go on, and nothing of them is lost.
                ended = self.open.next(), if !self.open.is_empty() => {
                    self.ended.extend(ended.flatten());
                }
                () = &mut later => return,
            }
        }
    }

    /// Whether a call or a turn has not been dealt with.
    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty() || !self.ended.is_empty()
    }

    /// Something that came to its end while the disk was full.
    pub(super) fn take_kept(&mut self) -> Option<Ended> {
        self.ended.pop_front()
    }
}
