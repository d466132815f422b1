//! Drives one run: asks what it needs, does it, records what happened, and stops when
//! there is nothing to do before a timer, a message, a person or the end.

use super::call::{Attempt, Ended};
use super::page::Page;
use super::turn::Turns;
use crate::decide::{self, Action, Next};
use crate::engine::Shared;
use crate::journal::JournalError;
use crate::limits;
use crate::live::Seat;
use crate::plans::{ActivationError, ActivePlan};
use crate::queue;
use crate::scope::{self, Scope};
use crate::state::RunState;
use dowel_core::code::run::PLAN_STUCK;
use dowel_core::expression::{Evaluated, EvaluationError, Program};
use dowel_core::journal::Event;
use dowel_core::port::{BoxFuture, EvaluationRequest, StoreError};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp};
use futures_util::stream::FuturesUnordered;
use std::collections::{HashSet, VecDeque};
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
    /// Nothing to do before something comes in.
    WaitForMessage,
    /// It goes on when others let it: the runs before it, or a person.
    Barred,
    /// The host is about to stop.
    Drained,
    /// Another host works on it, until then at least.
    Theirs(Timestamp),
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
    pub(super) seat: Arc<Seat>,
    pub(super) page: Page,
    pub(super) open: FuturesUnordered<BoxFuture<'static, Option<Ended>>>,
    /// What ended while the disk was full, in order.
    pub(super) ended: VecDeque<Ended>,
    /// Steps with a future in `open`, or that have stepped aside.
    pub(super) busy: HashSet<StepPath>,
    /// Steps that wait for their turn at a connection.
    pub(super) turns: Turns,
    /// The event of a `return` step, once the open calls have ended.
    pub(super) stop: Option<Event>,
    /// The place among the runs that are worked on; given up while it waits.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// What a round of actions came to.
#[derive(Default)]
pub(super) struct Round {
    /// The state has changed.
    pub(super) progressed: bool,
    /// A step has failed: what else was decided may not hold any more.
    pub(super) failed: bool,
    pub(super) attempts: Vec<Attempt>,
    /// The earliest time at which there is something to do.
    pub(super) wake: Option<Timestamp>,
    /// Something waits for a message.
    pub(super) listens: bool,
}

impl Round {
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }
}

impl Driver {
    pub(crate) fn new(
        shared: Arc<Shared>,
        plan: Arc<ActivePlan>,
        state: RunState,
        page: Page,
        seat: Arc<Seat>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            page,
            open: FuturesUnordered::new(),
            ended: VecDeque::new(),
            busy: HashSet::new(),
            turns: Turns::default(),
            stop: None,
            shared,
            plan,
            state,
            seat,
            slot: Some(slot),
        }
    }

    /// Drives the run as far as it goes now.
    pub(crate) async fn run(mut self, may_have_messages: bool) -> Result<Exit, DriveError> {
        let exit = self.drive(may_have_messages).await;
        self.leave_lines(exit.as_ref().ok());
        exit
    }

    async fn drive(&mut self, may_have_messages: bool) -> Result<Exit, DriveError> {
        if may_have_messages {
            self.read_inbox().await?;
        }
        loop {
            // A person may have moved the run to another version.
            let plan = self.plan.clone();
            match self.barrier() {
                Some(_) if self.has_open() => {
                    self.step_aside();
                    self.wait(None).await?;
                    continue;
                }
                Some(barrier) => {
                    if let Some(exit) = self.stop_at(barrier).await? {
                        return Ok(exit);
                    }
                    continue;
                }
                None => {}
            }
            self.check_limits()?;
            let exit = match self.stop.clone() {
                Some(event) if !self.has_open() => {
                    self.stop = None;
                    if self.has_left_children().await? {
                        self.conclude(event).await?;
                        None
                    } else {
                        // The step that ends the run is evaluated again then.
                        Some(Exit::WaitForMessage)
                    }
                }
                Some(_) => {
                    self.step_aside();
                    self.wait(None).await?;
                    None
                }
                None => match decide::next(&plan.plan, &self.state) {
                    Next::Rest => Some(self.rest().await?),
                    Next::Finish => {
                        self.finish().await?;
                        None
                    }
                    Next::Do(actions) => self.act(actions).await?,
                },
            };
            if let Some(exit) = exit {
                return Ok(exit);
            }
        }
    }

    /// A run that has reached a limit begins nothing new.
    fn check_limits(&mut self) -> Result<(), DriveError> {
        let now = self.shared.ports.clock.now();
        match limits::exceeded(self.plan.plan.limits, &self.state, now) {
            Some(error) if self.stop.is_none() => self.record(Event::Overrun { error }),
            _ => Ok(()),
        }
    }

    async fn rest(&mut self) -> Result<Exit, DriveError> {
        let arrived = self.page.brings_to_rest();
        match self.flush(Timestamp::default()).await {
            Err(DriveError::Store(StoreError::Conflict(key))) if self.page.keeps(&key) => {
                // Another run of the flow succeeded just now: this end is taken back, and
                // computed again with what that run has left.
                return Ok(Exit::WaitUntil(self.shared.ports.clock.now()));
            }
            flushed => flushed?,
        }
        if arrived {
            let seconds = self
                .state
                .updated_at
                .since(self.state.created_at)
                .as_secs_f64();
            let (flow, metrics) = (&self.state.created.flow, &self.shared.metrics);
            metrics.ended(&self.state.created, self.state.status, seconds);
            let lately = &self.shared.lately;
            lately.ended(self.state.updated_at, self.state.status);
            let promised = self.plan.plan.sla.and_then(|sla| sla.within);
            let counts = !self.state.created.synthetic;
            if counts && promised.is_some_and(|within| self.state.active > within) {
                metrics.flows.late(flow);
            }
        }
        Ok(Exit::Rest)
    }

    /// The output is evaluated and the run succeeds, or is parked because it has none.
    async fn finish(&mut self) -> Result<(), DriveError> {
        let evaluated = match self.plan.plan.output.clone() {
            Some(program) => self.evaluate(&program, &Scope::default()).await,
            None => Ok(Evaluated::Skipped),
        };
        let event = match evaluated {
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
        };
        self.conclude(event).await
    }

    async fn act(&mut self, actions: Vec<Action<'_>>) -> Result<Option<Exit>, DriveError> {
        self.leave_unwanted_lines(&actions);
        let mut round = Round::default();
        for action in actions {
            self.take(action, &mut round).await?;
            if self.stop.is_some() || round.failed {
                return Ok(None);
            }
        }
        if let Some(at) = limits::next_check(self.plan.plan.limits, &self.state) {
            round.wake_at(at);
        }
        let draining = self.shared.is_draining();
        if !round.attempts.is_empty() && !draining {
            self.begin_attempts(round.attempts).await?;
            return Ok(None);
        }
        if round.progressed {
            return Ok(None);
        }
        if self.has_open() {
            self.wait(round.wake).await?;
            return Ok(None);
        }
        if draining {
            self.page.give_lease_back();
            self.flush(round.wake.unwrap_or_default()).await?;
            return Ok(Some(Exit::Drained));
        }
        if self.come_back() {
            return Ok(None);
        }
        if self.turns.are_aside() {
            return self.hold(round.wake).await.map(Some);
        }
        self.pause(round.wake, round.listens).await
    }

    /// There is nothing to do before a timer is due or a message comes in.
    async fn pause(
        &mut self,
        wake: Option<Timestamp>,
        listens: bool,
    ) -> Result<Option<Exit>, DriveError> {
        self.page.give_lease_back();
        match wake {
            Some(at) => {
                self.flush(at).await?;
                Ok(Some(Exit::WaitUntil(at)))
            }
            None if listens => {
                self.flush(queue::NEVER).await?;
                Ok(Some(Exit::WaitForMessage))
            }
            None => {
                self.park_stuck()?;
                Ok(None)
            }
        }
    }

    pub(super) async fn evaluate(
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

    /// A plan that gives a run nothing to do is a defect; a person should see it.
    pub(super) fn park_stuck(&mut self) -> Result<(), DriveError> {
        let message = "the plan gives the run nothing to do; this is a defect of the host";
        let error = StepError::host(ErrorKind::Internal, PLAN_STUCK, message);
        self.record(Event::Parked { error, path: None })
    }
}
