//! The same event began another run, which takes the place of this one.

use crate::state::{Cancel, RunState, RunStatus};
use dowel_core::RunId;

impl RunState {
    pub(super) fn rerun(&mut self, run: RunId) -> Result<(), String> {
        if let Some(other) = self.rerun_as {
            return Err(format!("the run was rerun already, as {other}"));
        }
        self.rerun_as = Some(run);
        match self.status {
            RunStatus::Parked if self.has_children() => {
                self.cancel = Some(Cancel { compensate: false });
                self.reopen();
            }
            RunStatus::Parked => self.status = RunStatus::Cancelled,
            status if status.is_at_rest() => {}
            // Somebody decided otherwise at the same moment: there is one run of the
            // event from here on, and it is the other one.
            _ => self.cancel = Some(Cancel { compensate: false }),
        }
        Ok(())
    }
}
