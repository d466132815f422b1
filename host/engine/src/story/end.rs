//! How a run ended, and what was undone.

use super::Story;
use crate::mask::mask;
use dowel_core::Timestamp;
use dowel_core::journal::Event;

impl Story {
    /// What happened to the run as a whole.
    pub(super) fn add_end(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::CompensationBegan { error, .. } => {
                self.error = error.clone().or(self.error.take());
            }
            Event::Compensated { error } => self.error.clone_from(error),
            Event::Succeeded {
                output,
                returned_by,
            } => {
                self.output = Some(mask(output));
                if let Some(path) = returned_by {
                    self.step(path, "return", at).end(at, "succeeded");
                }
            }
            Event::Failed { error, path } => {
                self.error = Some(error.clone());
                // Journals of the first format have no `step-failed` before this.
                if let Some(path) = path {
                    self.step(path, "fail", at).fail(at, error);
                }
            }
            Event::Parked { error, .. } => self.error = Some(error.clone()),
            _ => {}
        }
    }
}
