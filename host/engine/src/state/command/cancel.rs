//! Ends a run before its time.

use crate::state::{Cancel, RunState, RunStatus};

impl RunState {
    pub(super) fn cancel(&mut self, compensate: bool) -> Result<(), String> {
        if self.status.is_at_rest() && self.status != RunStatus::Parked {
            return Err(format!("the run is {} already", self.status.name()));
        }
        if self
            .compensation
            .as_ref()
            .is_some_and(|c| c.within.is_empty())
        {
            return Err("the run is being compensated, and ends with that".to_owned());
        }
        if self.cancel.is_some() {
            return Err("the run is being cancelled already".to_owned());
        }
        self.cancel = Some(Cancel { compensate });
        self.reopen();
        Ok(())
    }
}
