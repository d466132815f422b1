//! What a step's value is: what came of it, or what its `output` makes of that.

use super::call;
use super::drive::step_error;
use crate::engine::Shared;
use crate::plans::ActivePlan;
use crate::scope::{self, Scope};
use crate::state::RunState;
use dowel_core::expression::{Evaluated, Program};
use dowel_core::port::EvaluationRequest;
use dowel_core::{JsonText, StepError, StepPath};
use dowel_flow::plan::Step;
use std::sync::Arc;

/// What came of a step, and the `output` that is applied to it.
pub(super) struct Output<'a> {
    pub(super) step: &'a Step,
    pub(super) path: &'a StepPath,
    pub(super) scope: &'a Scope,
    pub(super) program: Option<&'a Arc<Program>>,
    /// The result of the operation, the event, or the output of the child.
    pub(super) raw: &'a JsonText,
}

impl Output<'_> {
    /// The step's value, which follows its schema; `None` where it is the raw result
    /// itself.
    pub(super) async fn value(
        &self,
        shared: &Shared,
        plan: &ActivePlan,
        state: &RunState,
    ) -> Result<Option<JsonText>, StepError> {
        let output = match self.program {
            None => None,
            Some(program) => self.mapped(program, shared, plan, state).await?,
        };
        let schema = plan.value_schema(self.step, self.path);
        call::check(
            schema,
            output.as_ref().unwrap_or(self.raw),
            "the value of the step",
        )
        .map_err(|error| error.at(self.step.position.to_string()))?;
        Ok(output)
    }

    async fn mapped(
        &self,
        program: &Arc<Program>,
        shared: &Shared,
        plan: &ActivePlan,
        state: &RunState,
    ) -> Result<Option<JsonText>, StepError> {
        let now = shared.ports.clock.now();
        let mut bindings = scope::bindings(state, self.scope, &program.needs, now);
        bindings.input = self.raw.clone();
        let request = EvaluationRequest {
            guest: plan.plan.mapping,
            program: program.clone(),
            bindings,
            deadline: shared.options.evaluation_deadline,
        };
        let evaluated = shared.ports.mapper.evaluate(request).await;
        Ok(match evaluated.map_err(step_error)? {
            Evaluated::Values(values) => values.into_iter().next(),
            Evaluated::Skipped => Some(JsonText::null()),
        })
    }
}
