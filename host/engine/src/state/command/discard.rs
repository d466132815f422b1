//! Nothing more is to be done: the run ends as it is, once its children have ended.

use crate::state::{Cancel, RunState, RunStatus};

impl RunState {
    pub(super) fn discard(&mut self) -> Result<(), String> {
        self.require_open()?;
        if self.has_children() {
            self.cancel = Some(Cancel { compensate: false });
            self.reopen();
            return Ok(());
        }
        self.status = RunStatus::Cancelled;
        Ok(())
    }
}
