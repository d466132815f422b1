//! Goes on without a failed step.

use crate::state::{RunState, StepState};
use dowel_core::StepPath;

impl RunState {
    pub(super) fn skip(&mut self, path: &StepPath) -> Result<(), String> {
        self.failure(path)?;
        self.steps.insert(path.clone(), StepState::Skipped);
        self.reopen();
        Ok(())
    }
}
