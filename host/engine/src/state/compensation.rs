//! Undoing steps that had succeeded.

use super::{RunState, RunStatus};
use dowel_core::{StepError, StepPath};

/// What is being undone, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Compensation {
    /// The error that it answers; none where a person asked for it.
    pub error: Option<StepError>,
    /// The step that failed.
    pub path: Option<StepPath>,
    /// The steps that are undone: those whose path begins with this, all if empty.
    pub within: String,
}

impl RunState {
    pub(super) fn begin_compensation(&mut self, begun: Compensation) -> Result<(), String> {
        if self.compensation.is_some() {
            return Err("the run is being compensated already".to_owned());
        }
        // What failed is answered; what fails from here on is a compensation.
        if begun.within.is_empty() {
            self.handle_failures("");
        }
        self.compensation = Some(begun);
        self.status = RunStatus::Compensating;
        Ok(())
    }

    /// A part of the run is undone, and the run goes on. What was undone cannot be
    /// undone again.
    pub(super) fn end_compensation(&mut self) -> Result<(), String> {
        let ended = match self.compensation.take() {
            Some(ended) if !ended.within.is_empty() => ended,
            other => {
                self.compensation = other;
                return Err("no part of the run is being compensated".to_owned());
            }
        };
        self.steps
            .retain(|path, _| !path.as_str().starts_with(&ended.within));
        self.at_work();
        Ok(())
    }

    /// Something goes on without the steps that failed within a place.
    pub(super) fn handle_failures(&mut self, within: &str) {
        self.withdraw_questions(within);
        for (path, step) in &mut self.steps {
            if let super::StepState::Failed(failed) = step
                && path.as_str().starts_with(within)
            {
                failed.handled = true;
            }
        }
    }
}
