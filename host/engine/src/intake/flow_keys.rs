//! The flow's `dedupe` and `concurrency` keys of a payload, in one evaluation.

use super::IntakeError;
use crate::engine::Shared;
use crate::plans::ActivePlan;
use dowel_core::JsonText;
use dowel_core::expression::{Bindings, Evaluated, EvaluationError, Program};
use dowel_core::port::EvaluationRequest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest key, in bytes: it is kept on the run and shown in lists.
const MAX_KEY: usize = 512;

/// The keys of one payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowKeys {
    /// By which duplicates are recognised.
    pub(crate) dedupe: Option<String>,
    /// Of whose runs so many are at work at the same time.
    pub(crate) concurrency: Option<String>,
}

/// Evaluates what the flow has of them.
pub(crate) async fn flow_keys(
    shared: &Shared,
    plan: &ActivePlan,
    payload: &JsonText,
) -> Result<FlowKeys, IntakeError> {
    let (concurrency, dedupe) = (&plan.plan.concurrency, &plan.plan.dedupe);
    let program = match (concurrency, dedupe) {
        (Some(concurrency), _) => &concurrency.keys,
        (None, Some(dedupe)) => &dedupe.key,
        (None, None) => return Ok(FlowKeys::default()),
    };
    let refused: Refused = match concurrency {
        Some(_) => IntakeError::ConcurrencyKey,
        None => IntakeError::DedupeKey,
    };
    let values = evaluate(shared, plan, program, payload).await;
    let mut values = values.map_err(|e| refused(e.to_string()))?.into_iter();
    let mut keys = FlowKeys::default();
    if concurrency.is_some() {
        keys.concurrency = Some(key(values.next(), IntakeError::ConcurrencyKey)?);
    }
    if dedupe.is_some() {
        keys.dedupe = Some(key(values.next(), IntakeError::DedupeKey)?);
    }
    Ok(keys)
}

/// Makes the error of a key.
type Refused = fn(String) -> IntakeError;

async fn evaluate(
    shared: &Shared,
    plan: &ActivePlan,
    program: &Arc<Program>,
    payload: &JsonText,
) -> Result<Vec<JsonText>, EvaluationError> {
    let request = EvaluationRequest {
        guest: plan.plan.mapping,
        program: program.clone(),
        bindings: Bindings {
            variables: BTreeMap::from([
                ("trigger", payload.clone()),
                ("env", shared.settings().env.clone()),
            ]),
            ..Bindings::input(payload.clone())
        },
        deadline: shared.options.evaluation_deadline,
    };
    Ok(match shared.ports.mapper.evaluate(request).await? {
        Evaluated::Values(values) => values,
        Evaluated::Skipped => Vec::new(),
    })
}

fn key(value: Option<JsonText>, refused: Refused) -> Result<String, IntakeError> {
    let value = value.unwrap_or_else(JsonText::null);
    let key = match value.type_name() {
        "string" => value.as_string().unwrap_or_default(),
        "number" => value.as_str().to_owned(),
        other => {
            let message = format!("it yielded {other}, a text or a number is needed");
            return Err(refused(message));
        }
    };
    if key.is_empty() || key.len() > MAX_KEY {
        let length = key.len();
        let message = format!("it has {length} bytes, 1 to {MAX_KEY} are allowed");
        return Err(refused(message));
    }
    Ok(key)
}
