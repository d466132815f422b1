//! Decisions about single failed items of loops, once their run has ended without them.

use crate::state::{Repair, RunState, RunStatus, StepState};
use dowel_core::{StepPath, Timestamp};

impl RunState {
    /// Tries a failed item again, with the keys and bytes of its calls.
    pub(super) fn retry_item(
        &mut self,
        path: &StepPath,
        index: usize,
        at: Timestamp,
    ) -> Result<(), String> {
        self.require_item(path, index)?;
        let repair = Repair {
            path: path.clone(),
            index,
        };
        let within = repair.within();
        let failed: Vec<StepPath> = self
            .steps
            .iter()
            .filter(|(step, state)| {
                step.as_str().starts_with(&within) && matches!(state, StepState::Failed(_))
            })
            .map(|(step, _)| step.clone())
            .collect();
        for step in failed {
            self.retry_step(&step, at);
        }
        self.repair = Some(repair);
        self.reopen();
        Ok(())
    }

    /// Nothing more is to be done about a failed item.
    pub(super) fn discard_item(&self, path: &StepPath, index: usize) -> Result<(), String> {
        self.require_failures()?;
        // Of a loop inside of another loop nothing is left once the outer item has ended.
        match self.failed_items {
            0 => Err(format!("item {index} of `{path}` has not failed")),
            _ => Ok(()),
        }
    }

    fn require_failures(&self) -> Result<(), String> {
        if self.status != RunStatus::SucceededWithFailures {
            return Err(format!(
                "the run is {}; its items are decided about when it has ended without them",
                self.status.name()
            ));
        }
        Ok(())
    }

    fn require_item(&self, path: &StepPath, index: usize) -> Result<(), String> {
        self.require_failures()?;
        let has_loop =
            matches!(self.steps.get(path), Some(StepState::Done(done)) if done.items.is_some());
        if !has_loop || self.failed_in_item(path, index).is_none() {
            return Err(format!(
                "item {index} of `{path}` has no steps that could be tried again: rerun the whole run, or discard the item"
            ));
        }
        Ok(())
    }
}
