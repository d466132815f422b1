//! What a person gives is checked before anything is written.

use super::decide::Action;
use super::index;
use crate::command::CommandError;
use crate::engine::{Engine, EngineError, Shared};
use crate::journal;
use crate::plans::ActivePlan;
use crate::state::RunState;
use dowel_core::journal::{Command, Commanded, Entry};
use dowel_core::{JsonText, RunId, StepPath};
use dowel_flow::plan::StepKind;
use dowel_flow::validate::Validator;

/// What gives something up is recorded with the reason for it.
pub(crate) fn require_reason(commanded: &Commanded) -> Result<(), CommandError> {
    let needs = matches!(
        commanded.command,
        Command::Skip { .. }
            | Command::Complete { .. }
            | Command::Discard { .. }
            | Command::DiscardItem { .. }
            | Command::Compensate
    );
    let reason = commanded.reason.as_deref().unwrap_or_default();
    if needs && reason.trim().is_empty() {
        return Err(CommandError::ReasonRequired(commanded.command.name()));
    }
    Ok(())
}

impl Engine {
    /// Checks the value that a decision would give to a step; nothing is changed.
    ///
    /// # Errors
    /// Nothing waits under this id, or the value breaks its schema.
    pub async fn check_decision(&self, id: RunId, action: Action) -> Result<(), CommandError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let item = index::get(store, id).await?;
        let item = item.ok_or(CommandError::NoSuchItem(id))?;
        let Some(run) = item.run else {
            return Ok(());
        };
        let entries = journal::load(store, run).await;
        let entries = entries.map_err(EngineError::from)?;
        let command = self.command_of(run, Some(&item), action).await?;
        check_given(shared, &entries, &command).await
    }
}

/// An input follows the operation's schema, an output that of the step.
pub(crate) async fn check_given(
    shared: &Shared,
    entries: &[Entry],
    command: &Command,
) -> Result<(), CommandError> {
    if !matches!(
        command,
        Command::EditInput { .. } | Command::Complete { .. }
    ) {
        return Ok(());
    }
    let state = RunState::fold(entries).map_err(|e| EngineError::Journal(e.to_string()))?;
    let plan = shared
        .plans
        .pinned(shared.ports.store.as_ref(), state.plan())
        .await
        .map_err(EngineError::from)?;
    match command {
        Command::EditInput { path, input, .. } => check_input(&plan, path, input),
        Command::Complete { path, output } => check_output(&plan, path, output),
        _ => Ok(()),
    }
}

fn check_input(plan: &ActivePlan, path: &StepPath, input: &JsonText) -> Result<(), CommandError> {
    let step = plan.plan.step_at(path).map(|step| &step.kind);
    let schema = match step {
        Some(StepKind::Call(call)) => call.input_schema.as_ref(),
        _ => None,
    };
    // A plan of an older host does not know it; the connector refuses what is wrong.
    let Some(validator) = schema.and_then(|schema| Validator::new(schema).ok()) else {
        return Ok(());
    };
    judge("the input", &validator, input)
}

fn check_output(plan: &ActivePlan, path: &StepPath, output: &JsonText) -> Result<(), CommandError> {
    let Some(step) = plan.plan.step_at(path) else {
        return Ok(());
    };
    let maps = matches!(&step.kind, StepKind::Call(call) if call.output.is_some());
    let value = plan.value_schema(step, path);
    // The value of a step with a mapping has the mapping's form, not the operation's.
    let result = plan.result_schema(step, path).filter(|_| !maps);
    match value.or(result) {
        Some(validator) => judge("the output", validator, output),
        None => Ok(()),
    }
}

fn judge(what: &'static str, validator: &Validator, value: &JsonText) -> Result<(), CommandError> {
    let violations = validator.check(value);
    if violations.is_empty() {
        return Ok(());
    }
    Err(CommandError::Invalid { what, violations })
}
