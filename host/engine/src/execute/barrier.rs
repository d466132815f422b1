//! What stops a run before its next step: its flow is disabled, or the runs before it
//! in its concurrency key have not ended.

use super::drive::{DriveError, Driver, Exit};
use crate::state::RunStatus;
use dowel_core::Timestamp;
use dowel_core::journal::Event;

/// What stops a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barrier {
    /// Its flow is disabled.
    Disabled,
    /// The runs before it.
    Key,
}

impl Driver {
    /// What stops the run now, if anything does.
    pub(super) fn barrier(&self) -> Option<Barrier> {
        let created = &self.state.created;
        // What a person asked to end is not kept from it.
        if self.state.status.is_at_rest() || self.state.cancel.is_some() {
            return None;
        }
        if self.shared.key_lines.must_wait(created) {
            return Some(Barrier::Key);
        }
        self.shared
            .switches
            .is_disabled(&created.flow)
            .then_some(Barrier::Disabled)
    }

    /// Stops, unless the barrier has just gone.
    pub(super) async fn stop_at(&mut self, barrier: Barrier) -> Result<Option<Exit>, DriveError> {
        let says_so = self.state.status == RunStatus::Waiting;
        if barrier == Barrier::Disabled && !says_so {
            self.record(Event::Stopped {})?;
        }
        self.page.give_lease_back();
        self.flush(Timestamp::default()).await?;
        let (flow, run) = (&self.state.created.flow, self.state.created.run);
        let is_stopped = match barrier {
            Barrier::Disabled => self.shared.switches.stop(flow, run),
            // Whoever leaves the line before it wakes it, also while it is here.
            Barrier::Key => true,
        };
        Ok(is_stopped.then_some(Exit::Barred))
    }
}
