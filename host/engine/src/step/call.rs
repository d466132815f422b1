//! `call`: an operation of a connector. Arguments are evaluated once; every attempt
//! sends the same bytes under the same key.

use super::Values;
use crate::state::RunState;
use dowel_core::code::run::EVALUATION_FAILED;
use dowel_core::journal::CallArguments;
use dowel_core::{ErrorKind, JsonText, StepError, StepPath};
use dowel_flow::plan::Call;

/// The longest idempotency key: it travels as an HTTP header.
const MAX_KEY_LENGTH: usize = 255;

pub(crate) fn begin(
    plan: &Call,
    path: &StepPath,
    values: &mut Values,
    state: &RunState,
) -> Result<CallArguments, StepError> {
    let input = values.take();
    let idempotency_key = if plan.has_key {
        explicit_key(&values.take())?
    } else {
        derived_key(path, state)
    };
    Ok(CallArguments {
        connection: plan.connection.clone(),
        operation: plan.operation.clone(),
        effect: plan.effect,
        input,
        idempotency_key,
    })
}

/// The same for every attempt of a step of a run, another one for each rerun.
pub(super) fn derived_key(path: &StepPath, state: &RunState) -> String {
    format!("{}.{path}.{}", state.created.run, state.created.generation)
}

fn explicit_key(value: &JsonText) -> Result<String, StepError> {
    let key = value
        .as_string()
        .unwrap_or_else(|| value.as_str().to_owned());
    let scalar = matches!(value.type_name(), "string" | "number");
    if scalar
        && !key.is_empty()
        && key.len() <= MAX_KEY_LENGTH
        && key.bytes().all(|b| (0x21..0x7f).contains(&b))
    {
        return Ok(key);
    }
    let message = format!(
        "`idempotency_key` yielded {} that cannot be a key: 1 to {MAX_KEY_LENGTH} visible ASCII characters are needed",
        value.type_name()
    );
    Err(StepError::host(
        ErrorKind::InvalidInput,
        EVALUATION_FAILED,
        message,
    ))
}
