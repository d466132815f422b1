//! Carries out the actions that were decided, up to the point where a call is made.

use super::call::{self, Attempt};
use super::drive::{DriveError, Driver, Round, step_error};
use crate::decide::Action;
use crate::retry;
use crate::scope::Scope;
use crate::step::{self, Begin};
use dowel_core::code::run::UNKNOWN_OUTCOME;
use dowel_core::expression::Evaluated;
use dowel_core::journal::{Event, FailedAttempt};
use dowel_core::{ErrorKind, SendRecord, StepError, StepPath, Timestamp};
use dowel_flow::plan::{Call, Step, StepKind};
use std::sync::Arc;

impl Driver {
    /// Carries out one action, or notes what it needs.
    pub(super) async fn take(
        &mut self,
        action: Action<'_>,
        round: &mut Round,
    ) -> Result<(), DriveError> {
        match action {
            Action::Record(event) => {
                round.failed |= matches!(event, Event::StepFailed { .. });
                self.record(event)?;
                round.progressed = true;
            }
            Action::Settle { within, event } if !self.is_busy_within(&within) => {
                self.record(event)?;
                round.progressed = true;
            }
            Action::Evaluate { step, path, scope } if !self.busy.contains(&path) => {
                self.read_kept().await?;
                match self.begin_step(step, path, scope).await? {
                    Begun::Failed => round.failed = true,
                    Begun::Attempt(attempt) => round.attempts.push(attempt),
                    Begun::Recorded => round.progressed = true,
                }
            }
            Action::Attempt {
                plan,
                path,
                scope,
                call,
                due,
            } if !self.busy.contains(&path) => {
                if due <= self.shared.ports.clock.now() {
                    round.attempts.push(Attempt {
                        path,
                        scope,
                        number: call.attempt + 1,
                        earlier: call.earlier,
                        call: call.arguments,
                        deadline: plan.timeout,
                    });
                } else {
                    round.wake_at(due);
                }
            }
            Action::Open {
                plan,
                path,
                attempt,
            } if !self.busy.contains(&path) => {
                self.settle_open(plan, path, attempt)?;
                round.progressed = true;
            }
            Action::BeginChild { .. } | Action::Conclude { .. } => {
                self.take_child(action, round).await?;
            }
            Action::Listen { due } => self.listen(due, round)?,
            Action::Receive {
                step,
                plan,
                path,
                scope,
            } => self.receive((step, plan), path, &scope, round).await?,
            Action::Wait { path, until } => self.end_wait(path, until, round)?,
            _ => {}
        }
        Ok(())
    }

    /// Goes on if the time has come.
    fn end_wait(
        &mut self,
        path: StepPath,
        until: Timestamp,
        round: &mut Round,
    ) -> Result<(), DriveError> {
        if until > self.shared.ports.clock.now() {
            round.wake_at(until);
            return Ok(());
        }
        self.record(Event::WaitEnded { path })?;
        round.progressed = true;
        Ok(())
    }

    /// Waits for a message, and for what happens by itself if none comes.
    pub(super) fn listen(
        &mut self,
        due: Option<(Timestamp, Event)>,
        round: &mut Round,
    ) -> Result<(), DriveError> {
        round.listens = true;
        match due {
            Some((at, event)) if at <= self.shared.ports.clock.now() => {
                self.record(event)?;
                // What an end by itself means may be that the step has failed.
                round.failed = true;
            }
            Some((at, _)) => round.wake_at(at),
            None => {}
        }
        Ok(())
    }

    fn is_busy_within(&self, within: &str) -> bool {
        // A step that only waits for its turn has sent nothing.
        let mut calling = self.busy.iter().filter(|path| !self.turns.contain(path));
        calling.any(|path| path.as_str().starts_with(within))
    }

    /// Evaluates a step's expressions and begins it. A call comes back as an attempt.
    async fn begin_step(
        &mut self,
        step: &Step,
        path: StepPath,
        scope: Scope,
    ) -> Result<Begun, DriveError> {
        let evaluated = self.evaluate(step.program(), &scope).await;
        let now = self.shared.ports.clock.now();
        let begun = match evaluated {
            Ok(Evaluated::Skipped) => Ok(Begin::Record(Event::StepSkipped { path: path.clone() })),
            Ok(Evaluated::Values(values)) => step::begin(step, &path, values, &self.state, now)
                .and_then(|begin| self.checked(step, &path, begin)),
            Err(error) => Err(step_error(error)),
        };
        match begun {
            Ok(Begin::Record(event)) => {
                let failed = matches!(event, Event::StepFailed { .. });
                self.record(event)?;
                return Ok(if failed {
                    Begun::Failed
                } else {
                    Begun::Recorded
                });
            }
            Ok(Begin::Stop(event)) => self.stop = Some(event),
            Ok(Begin::Run(payload)) => {
                return Ok(if self.begin_child(step, path, Some(payload)).await? {
                    Begun::Failed
                } else {
                    Begun::Recorded
                });
            }
            Ok(Begin::Call(call)) => {
                if let StepKind::Call(plan) = &step.kind {
                    return Ok(Begun::Attempt(Attempt {
                        path,
                        scope,
                        number: 1,
                        earlier: 0,
                        call: Arc::new(call),
                        deadline: plan.timeout,
                    }));
                }
            }
            Err(error) => {
                let place = error
                    .place
                    .clone()
                    .unwrap_or_else(|| step.position.to_string());
                self.record(Event::StepFailed {
                    path,
                    attempt: None,
                    error: error.at(place),
                    deliberate: false,
                })?;
                return Ok(Begun::Failed);
            }
        }
        Ok(Begun::Recorded)
    }

    /// The values of a `set` step follow the step's schema.
    fn checked(&self, step: &Step, path: &StepPath, begin: Begin) -> Result<Begin, StepError> {
        if let Begin::Record(Event::ValueSet { value, .. }) = &begin {
            let schema = self.plan.value_schema(step, path);
            call::check(schema, value, "the value of the step")?;
        }
        Ok(begin)
    }

    /// An intent without a result and without a call in this process: the host stopped
    /// in between, so nobody knows whether the call took effect.
    fn settle_open(&mut self, plan: &Call, path: StepPath, attempt: u32) -> Result<(), DriveError> {
        let started_at = self.state.updated_at;
        let message = "the host stopped while the call was being made";
        let error = StepError::host(ErrorKind::UnknownOutcome, UNKNOWN_OUTCOME, message);
        let (now, sent) = (self.shared.ports.clock.now(), SendRecord::Sent);
        let event = match retry::after_crash(plan, error) {
            Ok(error) => Event::AttemptFailed {
                path,
                attempt,
                error,
                sent,
                started_at,
                retry_at: now,
                call: None,
            },
            Err(error) => {
                let failed = FailedAttempt {
                    number: attempt,
                    sent,
                    started_at,
                    call: None,
                    result: None,
                };
                Event::StepFailed {
                    path,
                    attempt: Some(failed),
                    error,
                    deliberate: false,
                }
            }
        };
        self.record(event)
    }
}

/// What beginning a step came to.
enum Begun {
    /// It calls.
    Attempt(Attempt),
    /// It is recorded, or ends the run.
    Recorded,
    /// It failed.
    Failed,
}
