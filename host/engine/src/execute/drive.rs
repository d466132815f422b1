//! Drives one run: asks what it needs, does it, records what happened, and stops when
//! there is nothing to do before a timer, a person or the end.

use super::call::{self, Attempt, Ended};
use super::page::Page;
use super::turn::Turns;
use crate::decide::{self, Action, Next};
use crate::engine::Shared;
use crate::journal::JournalError;
use crate::plans::{ActivationError, ActivePlan};
use crate::protect::Permit;
use crate::retry;
use crate::scope::{self, Scope};
use crate::state::RunState;
use crate::step::{self, Begin};
use dowel_core::code::run::{PLAN_STUCK, UNKNOWN_OUTCOME};
use dowel_core::expression::{Evaluated, EvaluationError, Program};
use dowel_core::journal::{Event, FailedAttempt};
use dowel_core::manifest::Effect;
use dowel_core::port::{BoxFuture, EvaluationRequest, StoreError};
use dowel_core::{ErrorKind, JsonText, SendRecord, StepError, StepPath, Timestamp};
use dowel_flow::plan::{Call, Step, StepKind};
use futures_util::stream::FuturesUnordered;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Why a run is not driven any further now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It has ended or waits for a person.
    Rest,
    /// Nothing to do before this time.
    WaitUntil(Timestamp),
    /// Nothing to do before its turn at a connection comes, or before this time.
    Held(Option<Timestamp>),
    /// The host is about to stop.
    Drained,
}

/// Why a run cannot be driven.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Plan(#[from] ActivationError),
}

/// The error of a step whose expressions failed.
pub(crate) fn step_error(error: EvaluationError) -> StepError {
    StepError::host(ErrorKind::Internal, error.code, error.message).at(error.place)
}

/// One run at work.
pub(crate) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) plan: Arc<ActivePlan>,
    pub(super) state: RunState,
    pub(super) page: Page,
    pub(super) open: FuturesUnordered<BoxFuture<'static, Option<Ended>>>,
    /// Steps with a future in `open`, or that have stepped aside.
    pub(super) busy: HashSet<StepPath>,
    /// Steps that wait for their turn at a connection.
    pub(super) turns: Turns,
    /// The event of a `fail` or `return` step, once the open calls have ended.
    pub(super) stop: Option<Event>,
    /// The place among the runs that are worked on; given up while it waits.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// What a round of actions came to.
#[derive(Default)]
struct Round {
    progressed: bool,
    attempts: Vec<Attempt>,
    wake: Option<Timestamp>,
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        plan: Arc<ActivePlan>,
        state: RunState,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let page = Page::new(&state);
        let open = FuturesUnordered::new();
        Self {
            shared,
            plan,
            state,
            page,
            open,
            busy: HashSet::new(),
            turns: Turns::default(),
            stop: None,
            slot: Some(slot),
        }
    }

    /// Drives the run as far as it goes now.
    pub(crate) async fn run(mut self) -> Result<Exit, DriveError> {
        let exit = self.drive().await;
        self.leave_lines(exit.as_ref().ok());
        exit
    }

    async fn drive(&mut self) -> Result<Exit, DriveError> {
        let plan = self.plan.clone();
        loop {
            let next = match &self.stop {
                Some(event) => Next::Stop(event.clone()),
                None => decide::next(&plan.plan, &self.state),
            };
            let exit = match next {
                Next::Rest => Some(self.rest().await?),
                Next::Stop(event) if self.open.is_empty() => {
                    self.stop = None;
                    self.record(event)?;
                    None
                }
                Next::Stop(_) => {
                    self.step_aside();
                    self.wait(None).await?;
                    None
                }
                Next::Finish => {
                    self.finish().await?;
                    None
                }
                Next::Do(actions) => self.act(actions).await?,
            };
            if let Some(exit) = exit {
                return Ok(exit);
            }
        }
    }

    async fn rest(&mut self) -> Result<Exit, DriveError> {
        self.flush(Timestamp::default()).await?;
        let seconds = self
            .state
            .updated_at
            .since(self.state.created_at)
            .as_secs_f64();
        self.shared
            .metrics
            .ended(&self.state.created.flow, self.state.status, seconds);
        Ok(Exit::Rest)
    }

    /// The output is evaluated and the run succeeds, or is parked because it has none.
    async fn finish(&mut self) -> Result<(), DriveError> {
        let evaluated = match self.plan.plan.output.clone() {
            Some(program) => self.evaluate(&program, &Scope::default()).await,
            None => Ok(Evaluated::Skipped),
        };
        self.record(match evaluated {
            Ok(Evaluated::Values(values)) => {
                let output = values.into_iter().next().unwrap_or_else(JsonText::null);
                Event::Succeeded {
                    output,
                    returned_by: None,
                }
            }
            Ok(Evaluated::Skipped) => Event::Succeeded {
                output: JsonText::null(),
                returned_by: None,
            },
            Err(error) => Event::Parked {
                error: step_error(error),
                path: None,
            },
        })
    }

    async fn act(&mut self, actions: Vec<Action<'_>>) -> Result<Option<Exit>, DriveError> {
        let mut round = Round::default();
        for action in actions {
            self.take(action, &mut round).await?;
            if self.stop.is_some() || self.state.failed.is_some() {
                round.attempts.clear();
                return Ok(None);
            }
        }
        let draining = self.shared.is_draining();
        if !round.attempts.is_empty() && !draining {
            self.begin_attempts(round.attempts).await?;
            return Ok(None);
        }
        if round.progressed {
            return Ok(None);
        }
        if !self.open.is_empty() {
            self.wait(round.wake).await?;
            return Ok(None);
        }
        if draining {
            self.flush(round.wake.unwrap_or_default()).await?;
            return Ok(Some(Exit::Drained));
        }
        if self.turns.are_aside() {
            return self.hold(round.wake).await.map(Some);
        }
        let Some(at) = round.wake else {
            self.park_stuck()?;
            return Ok(None);
        };
        self.flush(at).await?;
        Ok(Some(Exit::WaitUntil(at)))
    }

    async fn take(&mut self, action: Action<'_>, round: &mut Round) -> Result<(), DriveError> {
        match action {
            Action::Record(event) => {
                self.record(event)?;
                round.progressed = true;
            }
            Action::Evaluate { step, path, scope } if !self.busy.contains(&path) => {
                match self.begin_step(step, path, scope).await? {
                    Some(attempt) => round.attempts.push(attempt),
                    None => round.progressed = true,
                }
            }
            Action::Attempt {
                step,
                plan,
                path,
                scope,
                attempt,
                call,
                due,
            } if !self.busy.contains(&path) => {
                if due <= self.shared.ports.clock.now() {
                    let (step, deadline) = (step.id.clone(), plan.timeout);
                    round.attempts.push(Attempt {
                        step,
                        path,
                        scope,
                        number: attempt,
                        call,
                        deadline,
                    });
                } else {
                    round.wake = Some(round.wake.map_or(due, |wake| wake.min(due)));
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
            _ => {}
        }
        Ok(())
    }

    /// Evaluates a step's expressions and begins it. A call comes back as an attempt.
    async fn begin_step(
        &mut self,
        step: &Step,
        path: StepPath,
        scope: Scope,
    ) -> Result<Option<Attempt>, DriveError> {
        let evaluated = self.evaluate(program(step), &scope).await;
        let begun = match evaluated {
            Ok(Evaluated::Skipped) => Ok(Begin::Record(Event::StepSkipped { path: path.clone() })),
            Ok(Evaluated::Values(values)) => step::begin(step, &path, values, &self.state)
                .and_then(|begin| {
                    if let Begin::Record(Event::ValueSet { value, .. }) = &begin {
                        call::check(
                            self.plan.value_schema(&step.id),
                            value,
                            "the value of the step",
                        )?;
                    }
                    Ok(begin)
                }),
            Err(error) => Err(step_error(error)),
        };
        match begun {
            Ok(Begin::Record(event)) => self.record(event)?,
            Ok(Begin::Stop(event)) => self.stop = Some(event),
            Ok(Begin::Call(call)) => {
                let StepKind::Call(plan) = &step.kind else {
                    return Ok(None);
                };
                let (step, deadline) = (step.id.clone(), plan.timeout);
                return Ok(Some(Attempt {
                    step,
                    path,
                    scope,
                    number: 1,
                    call: Arc::new(call),
                    deadline,
                }));
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
                })?;
            }
        }
        Ok(None)
    }

    /// An intent without a result and without a call in this process: the host stopped
    /// in between, so nobody knows whether the call took effect.
    fn settle_open(&mut self, plan: &Call, path: StepPath, attempt: u32) -> Result<(), DriveError> {
        let started_at = self.state.updated_at;
        let message = "the host stopped while the call was being made";
        let error = StepError::host(ErrorKind::UnknownOutcome, UNKNOWN_OUTCOME, message);
        let (now, sent) = (self.shared.ports.clock.now(), SendRecord::Sent);
        let event = match retry::after_crash(plan.idempotency, error) {
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
                }
            }
        };
        self.record(event)
    }

    /// Makes the intents durable, and only then calls.
    pub(super) async fn make(
        &mut self,
        permitted: Vec<(Attempt, Permit)>,
    ) -> Result<(), DriveError> {
        let mut must_flush = self.page.has_result();
        for (attempt, _) in &permitted {
            if attempt.call.effect == Effect::Write {
                let first = attempt.number == 1;
                let call = first.then(|| (*attempt.call).clone());
                let (path, number) = (attempt.path.clone(), attempt.number);
                self.record(Event::CallIntended {
                    path,
                    attempt: number,
                    call,
                })?;
                must_flush = true;
            }
        }
        if must_flush {
            self.flush(Timestamp::default()).await?;
        }
        for (attempt, permit) in permitted {
            let path = attempt.path.clone();
            match call::make(&self.shared, &self.plan, &self.state, attempt, permit) {
                Some(future) => {
                    self.busy.insert(path);
                    self.open.push(future);
                }
                None => self.park_stuck()?,
            }
        }
        Ok(())
    }

    async fn evaluate(
        &mut self,
        program: &Arc<Program>,
        scope: &Scope,
    ) -> Result<Evaluated, EvaluationError> {
        let bindings = scope::bindings(
            &self.state,
            scope,
            &program.needs,
            self.shared.ports.clock.now(),
        );
        let request = EvaluationRequest {
            guest: self.plan.plan.mapping,
            program: program.clone(),
            bindings,
            deadline: self.shared.options.evaluation_deadline,
        };
        self.shared.ports.mapper.evaluate(request).await
    }

    pub(super) fn record(&mut self, event: Event) -> Result<(), DriveError> {
        let at = self.shared.ports.clock.now();
        Ok(self.page.record(&mut self.state, at, event)?)
    }

    pub(super) async fn flush(&mut self, due: Timestamp) -> Result<(), DriveError> {
        Ok(self.page.flush(&self.shared, &self.state, due).await?)
    }

    /// A plan that gives a run nothing to do is a defect; a person should see it.
    fn park_stuck(&mut self) -> Result<(), DriveError> {
        let message = "the plan gives the run nothing to do; this is a defect of the host";
        let error = StepError::host(ErrorKind::Internal, PLAN_STUCK, message);
        self.record(Event::Parked { error, path: None })
    }
}

fn program(step: &Step) -> &Arc<Program> {
    match &step.kind {
        StepKind::Call(call) => &call.program,
        StepKind::Set { program }
        | StepKind::Switch { program, .. }
        | StepKind::ForEach { program, .. }
        | StepKind::Emit { program, .. }
        | StepKind::Fail { program, .. }
        | StepKind::Return { program } => program,
    }
}
