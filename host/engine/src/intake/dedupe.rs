//! The flow's `dedupe` key of a payload.

use super::IntakeError;
use crate::engine::Shared;
use crate::plans::ActivePlan;
use dowel_core::JsonText;
use dowel_core::expression::{Bindings, Evaluated};
use dowel_core::port::EvaluationRequest;
use dowel_flow::plan::Dedupe;
use std::collections::BTreeMap;

/// The longest dedupe key, in bytes: it is kept on the run and shown in lists.
const MAX_DEDUPE_KEY: usize = 512;

pub(crate) async fn dedupe_key(
    shared: &Shared,
    plan: &ActivePlan,
    dedupe: &Dedupe,
    payload: &JsonText,
) -> Result<String, IntakeError> {
    let request = EvaluationRequest {
        guest: plan.plan.mapping,
        program: dedupe.key.clone(),
        bindings: Bindings {
            variables: BTreeMap::from([
                ("trigger", payload.clone()),
                ("env", shared.options.env.clone()),
            ]),
            ..Bindings::input(payload.clone())
        },
        deadline: shared.options.evaluation_deadline,
    };
    let evaluated = shared.ports.mapper.evaluate(request).await;
    let value = match evaluated.map_err(|e| IntakeError::DedupeKey(e.to_string()))? {
        Evaluated::Values(values) => values.into_iter().next().unwrap_or_else(JsonText::null),
        Evaluated::Skipped => JsonText::null(),
    };
    let key = match value.type_name() {
        "string" => value.as_string().unwrap_or_default(),
        "number" => value.as_str().to_owned(),
        other => {
            return Err(IntakeError::DedupeKey(format!(
                "it yielded {other}, a text or a number is needed"
            )));
        }
    };
    if key.is_empty() || key.len() > MAX_DEDUPE_KEY {
        return Err(IntakeError::DedupeKey(format!(
            "it has {} bytes, 1 to {MAX_DEDUPE_KEY} are allowed",
            key.len()
        )));
    }
    Ok(key)
}
