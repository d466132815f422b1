//! Tries failed steps again on another version of the flow.

use crate::state::RunState;
use dowel_core::journal::OtherPlan;
use dowel_core::{StepPath, Timestamp};

impl RunState {
    pub(super) fn retry_on(
        &mut self,
        path: Option<&StepPath>,
        other: &OtherPlan,
        at: Timestamp,
    ) -> Result<(), String> {
        self.retry(path, at)?;
        self.moved = Some(other.clone());
        Ok(())
    }
}
