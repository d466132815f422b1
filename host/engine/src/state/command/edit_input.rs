//! Tries a failed call again with another input, under another key.

use crate::state::{CallState, RunState, StepState};
use dowel_core::journal::CallArguments;
use dowel_core::{JsonText, StepPath, Timestamp};
use std::sync::Arc;

impl RunState {
    pub(super) fn edit_input(
        &mut self,
        path: &StepPath,
        input: &JsonText,
        key: &str,
        at: Timestamp,
    ) -> Result<(), String> {
        let Some(call) = self.failure(path)?.call.clone() else {
            return Err(format!("step `{path}` has made no call"));
        };
        if call.arguments.idempotency_key == key {
            return Err("another input needs another idempotency key".to_owned());
        }
        let arguments = CallArguments {
            input: input.clone(),
            idempotency_key: key.to_owned(),
            ..(*call.arguments).clone()
        };
        let call = CallState {
            attempt: call.attempt,
            earlier: call.attempt,
            since: at,
            arguments: Arc::new(arguments),
        };
        let retrying = StepState::Retrying { call, retry_at: at };
        self.steps.insert(path.clone(), retrying);
        self.reopen();
        Ok(())
    }
}
