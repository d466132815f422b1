//! What the decisions of people and policies do to a run: one file per command.

mod cancel;
mod compensate;
mod complete;
mod discard;
mod edit_input;
mod item;
mod rerun;
mod retry;
mod retry_on;
mod skip;

use super::{Failed, RunState, StepState};
use dowel_core::journal::{Command, Commanded};
use dowel_core::{StepPath, Timestamp};
use std::time::Duration;

impl RunState {
    pub(super) fn commanded(&mut self, commanded: &Commanded, at: Timestamp) -> Result<(), String> {
        self.command(commanded, at)?;
        if let Command::EditInput { .. } | Command::Complete { .. } = commanded.command {
            self.editors.insert(commanded.actor.0.clone());
        }
        if goes_on(&commanded.command) {
            self.overrun = None;
            self.active = Duration::ZERO;
            self.limits_from = at;
        }
        Ok(())
    }

    fn command(&mut self, commanded: &Commanded, at: Timestamp) -> Result<(), String> {
        match &commanded.command {
            Command::Cancel { compensate } => self.cancel(*compensate),
            Command::Retry { path } => self.retry(path.as_ref(), at),
            Command::EditInput {
                path,
                input,
                idempotency_key,
            } => self.edit_input(path, input, idempotency_key, at),
            Command::Complete { path, output } => self.complete(path, output),
            Command::Skip { path } => self.skip(path),
            Command::RetryOn { path, other } => self.retry_on(path.as_ref(), other, at),
            Command::RetryItem { path, index } => self.retry_item(path, *index, at),
            Command::DiscardItem { path, index } => self.discard_item(path, *index),
            Command::Rerun { run } => self.rerun(*run),
            Command::Compensate => self.compensate(),
            Command::Discard { .. } => self.discard(),
            Command::Decide {
                path,
                decision,
                groups,
            } => self.decide(path, decision, groups, commanded, at),
        }
    }

    /// The commands of the exception desk are for runs that are parked or have failed.
    fn require_open(&self) -> Result<(), String> {
        if let Some(other) = self.rerun_as {
            return Err(format!("the run was rerun as {other}"));
        }
        if self.status.is_open_to_decision() {
            return Ok(());
        }
        Err(format!(
            "the run is {}, not parked or failed",
            self.status.name()
        ))
    }

    /// The failed step that a command is about.
    fn failure(&mut self, path: &StepPath) -> Result<&mut Failed, String> {
        self.require_open()?;
        match self.steps.get_mut(path) {
            Some(StepState::Failed(failed)) if !failed.handled => Ok(failed),
            _ => Err(format!("step `{path}` has not failed")),
        }
    }

    /// The run goes on after a command.
    fn reopen(&mut self) {
        self.error = None;
        self.at_work();
    }
}

/// Whether a person has decided that the run goes on, so that its time begins anew. What
/// is asked of a run at work leaves its time as it is.
const fn goes_on(command: &Command) -> bool {
    !matches!(
        command,
        Command::Cancel { .. }
            | Command::Decide { .. }
            | Command::Discard { .. }
            | Command::DiscardItem { .. }
            | Command::Rerun { .. }
    )
}
