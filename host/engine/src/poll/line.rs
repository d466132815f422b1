//! A poll's place in the line of its connection: what is read of a source counts against
//! the limits of the connection as calls do.

use super::Name;
use crate::engine::Shared;
use crate::protect::{Entry, Permit};
use dowel_core::id::ConnectionName;
use dowel_core::{RunId, StepPath};

/// The place of one poll. It stands in line under an id of its own, which no run has.
pub(super) struct Line {
    id: RunId,
    path: StepPath,
}

impl Line {
    pub(super) fn new(shared: &Shared, (_, trigger): &Name) -> Self {
        let random = shared.ports.randomness.bytes();
        let mut ten = [0; 10];
        ten.copy_from_slice(&random[..10]);
        Self {
            id: RunId::new(shared.ports.clock.now(), ten),
            path: StepPath::inside(trigger),
        }
    }

    /// Waits for the turn at the connection. Nothing if the host lets nobody in any more.
    pub(super) async fn turn(
        &self,
        shared: &Shared,
        name: &Name,
        connection: &ConnectionName,
    ) -> Option<Permit> {
        let gate = shared.protect.gate(connection);
        match gate.enter((self.id, self.path.clone())) {
            Entry::Go(permit) => Some(permit),
            Entry::Wait(turn, hold) => {
                shared.polls.waits(name, Some(hold.reason));
                let permit = turn.await;
                shared.polls.waits(name, None);
                permit.ok()
            }
        }
    }

    /// Gives the place up.
    pub(super) fn leave(&self, shared: &Shared) {
        shared.protect.forget(self.id, |_| false);
    }
}
