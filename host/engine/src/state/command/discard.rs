//! Nothing more is to be done: the run ends as it is.

use crate::state::{RunState, RunStatus};

impl RunState {
    pub(super) fn discard(&mut self) -> Result<(), String> {
        self.require_open()?;
        self.status = RunStatus::Cancelled;
        Ok(())
    }
}
