//! The driver's side of the inbox.

use super::drive::{DriveError, Driver};
use crate::inbox::{self, Message};
use dowel_core::journal::Event;

impl Driver {
    /// Takes up what has come in since the last look.
    pub(super) async fn read_inbox(&mut self) -> Result<(), DriveError> {
        self.seat.answer();
        let run = self.state.created.run;
        for (key, message) in inbox::read(&self.shared, run).await? {
            if self.page.has_taken(&key) {
                continue;
            }
            let verdict = match message {
                Ok(Message::Command(commanded)) => self.try_record(Event::Commanded(commanded)),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = &verdict {
                tracing::warn!(%run, reason, "a message to the run was refused");
            }
            self.page.take_message(key, verdict);
        }
        Ok(())
    }

    /// Records an event from outside, which the run may refuse.
    fn try_record(&mut self, event: Event) -> Result<(), String> {
        let at = self.shared.ports.clock.now();
        self.page.try_record(&mut self.state, at, event)
    }
}
