//! What the events of a call do to a run.

use super::{CallState, Done, Failed, RunState, RunStatus, StepState};
use dowel_core::journal::{CallArguments, FailedAttempt};
use dowel_core::{JsonText, StepError, StepPath, Timestamp};
use std::sync::Arc;

type Applied = Result<(), String>;

impl RunState {
    pub(super) fn intend(
        &mut self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
    ) -> Applied {
        let known = match self.steps.get(path) {
            None => None,
            Some(StepState::Retrying { call, .. }) => Some(call.clone()),
            Some(_) => return Err(format!("step `{path}` does not wait for an attempt")),
        };
        let call = self.next_attempt(path, known, attempt, call)?;
        self.put(path, StepState::Calling(call));
        Ok(())
    }

    pub(super) fn wait_for_retry(
        &mut self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
        retry_at: Timestamp,
    ) -> Applied {
        let call = self.end_attempt(path, attempt, call)?;
        self.put(path, StepState::Retrying { call, retry_at });
        self.wait_unless_busy();
        Ok(())
    }

    /// The step waits for its turn with the attempt that was due anyway: none is used up.
    pub(super) fn hold(
        &mut self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
    ) -> Applied {
        let (known, retry_at) = match self.steps.get(path) {
            None => (None, Timestamp::default()),
            Some(StepState::Retrying { call, retry_at }) => (Some(call.clone()), *retry_at),
            Some(_) => return Err(format!("step `{path}` does not wait for an attempt")),
        };
        let mut call = self.next_attempt(path, known, attempt, call)?;
        call.attempt -= 1;
        self.put(path, StepState::Retrying { call, retry_at });
        self.wait_unless_busy();
        Ok(())
    }

    pub(super) fn succeed_call(
        &mut self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
        value: JsonText,
    ) -> Applied {
        self.end_attempt(path, attempt, call)?;
        let done = Done {
            value,
            seq: self.next_seq,
            items: None,
        };
        self.put(path, StepState::Done(done));
        Ok(())
    }

    pub(super) fn fail_step(
        &mut self,
        path: &StepPath,
        attempt: Option<&FailedAttempt>,
        error: &StepError,
        deliberate: bool,
    ) -> Applied {
        let call = match (self.steps.get(path), attempt) {
            (Some(StepState::Done(_) | StepState::Skipped | StepState::Failed(_)), _) => {
                return Err(format!("step `{path}` has ended already"));
            }
            (_, Some(failed)) => {
                Some(self.end_attempt(path, failed.number, failed.call.as_ref())?)
            }
            (_, None) => None,
        };
        let failed = Failed {
            error: error.clone(),
            call,
            child: self.failed_child(path),
            deliberate,
            handled: false,
        };
        self.put(path, StepState::Failed(failed));
        Ok(())
    }

    /// The run waits if none of its calls is open.
    pub(super) fn wait_unless_busy(&mut self) {
        let is_busy = |step: &StepState| matches!(step, StepState::Calling(_));
        if self.compensation.is_none() && !self.steps.values().any(is_busy) {
            self.status = RunStatus::Waiting;
        }
    }

    /// The call whose attempt ends, which an intent has announced unless the operation
    /// only reads.
    fn end_attempt(
        &self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
    ) -> Result<CallState, String> {
        match self.steps.get(path) {
            None => self.next_attempt(path, None, attempt, call),
            Some(StepState::Calling(open)) if open.attempt == attempt => Ok(open.clone()),
            Some(StepState::Retrying { call: known, .. }) => {
                self.next_attempt(path, Some(known.clone()), attempt, None)
            }
            Some(_) => Err(format!(
                "step `{path}` has no attempt {attempt} that could end"
            )),
        }
    }

    /// The call with its next attempt.
    fn next_attempt(
        &self,
        path: &StepPath,
        known: Option<CallState>,
        attempt: u32,
        given: Option<&CallArguments>,
    ) -> Result<CallState, String> {
        let last = known.as_ref().map_or(0, |known| known.attempt);
        if attempt != last + 1 {
            return Err(format!(
                "attempt {attempt} of `{path}` does not follow attempt {last}"
            ));
        }
        match (known, given) {
            (Some(known), None) => Ok(CallState { attempt, ..known }),
            (None, Some(given)) => Ok(CallState {
                attempt,
                earlier: 0,
                since: self.updated_at,
                arguments: Arc::new(given.clone()),
            }),
            (Some(_), Some(_)) => Err(format!("the arguments of `{path}` are fixed already")),
            (None, None) => Err(format!("the arguments of `{path}` are missing")),
        }
    }
}
