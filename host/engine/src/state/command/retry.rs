//! Tries failed steps again, with the same keys and bytes.

use crate::state::{CallState, ChildPhase, ChildState, RunState, StepState};
use dowel_core::{StepPath, Timestamp};

impl RunState {
    pub(super) fn retry(&mut self, path: Option<&StepPath>, at: Timestamp) -> Result<(), String> {
        self.require_open()?;
        let paths: Vec<StepPath> = match path {
            Some(path) => {
                self.failure(path)?;
                vec![path.clone()]
            }
            None => self.failures().map(|(path, _)| path.clone()).collect(),
        };
        for path in paths {
            self.retry_step(&path, at);
        }
        self.retry_abandoned(at);
        self.reopen();
        Ok(())
    }

    /// A call keeps its arguments, a run its payload; anything else is evaluated again.
    pub(super) fn retry_step(&mut self, path: &StepPath, at: Timestamp) {
        let Some(StepState::Failed(failed)) = self.steps.remove(path) else {
            return;
        };
        if let Some(call) = failed.call {
            let call = CallState {
                earlier: call.attempt,
                since: at,
                ..call
            };
            let retrying = StepState::Retrying { call, retry_at: at };
            self.steps.insert(path.clone(), retrying);
        } else if let Some(child) = failed.child {
            let child = ChildState {
                earlier: child.attempt,
                since: at,
                phase: ChildPhase::Due(at),
                ..*child
            };
            let child = StepState::Child(Box::new(child));
            self.steps.insert(path.clone(), child);
        }
    }
}
