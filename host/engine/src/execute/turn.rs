//! Waiting: for the turn at a connection, for open calls, and for timers. A run that
//! waits gives its place among the runs at work to another one.

use super::call::{self, Attempt, Ended};
use super::drive::{DriveError, Driver, Exit};
use crate::decide::Action;
use crate::protect::{Entry, Gate, Hold, PATIENCE};
use dowel_core::journal::Event;
use dowel_core::{StepPath, Timestamp};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps of one run that wait for their turn at a connection.
#[derive(Default)]
pub(crate) struct Turns {
    /// In line, with a future among the open ones.
    here: BTreeMap<StepPath, Turn>,
    /// In line, and the run may leave memory.
    aside: BTreeMap<StepPath, (Turn, Attempt)>,
}

struct Turn {
    gate: Arc<Gate>,
    hold: Hold,
    /// When it steps aside, unless the run has calls to wait for anyway.
    patient_until: Timestamp,
}

impl Turns {
    /// Whether a step has stepped aside.
    pub(crate) fn are_aside(&self) -> bool {
        !self.aside.is_empty()
    }

    /// Whether a step waits for its turn.
    pub(crate) fn contain(&self, path: &StepPath) -> bool {
        self.here.contains_key(path) || self.aside.contains_key(path)
    }
}

impl Driver {
    /// Makes the attempts whose turn it is; the others stand in line.
    pub(super) async fn begin_attempts(
        &mut self,
        attempts: Vec<Attempt>,
    ) -> Result<(), DriveError> {
        let now = self.shared.ports.clock.now();
        let run = self.state.created.run;
        let mut permitted = Vec::new();
        for attempt in attempts {
            let gate = self.shared.protect.gate(&attempt.call.connection);
            match gate.enter((run, attempt.path.clone())) {
                Entry::Go(permit) => permitted.push((attempt, permit)),
                Entry::Wait(turn, hold) => {
                    let path = attempt.path.clone();
                    self.busy.insert(path.clone());
                    self.open.push(call::wait_for_turn(turn, attempt));
                    let patience = if hold.is_long {
                        now
                    } else {
                        now.plus(PATIENCE)
                    };
                    let turn = Turn {
                        gate,
                        hold,
                        patient_until: patience,
                    };
                    self.turns.here.insert(path, turn);
                }
            }
        }
        self.make(permitted).await
    }

    /// Lets every waiting step give up its place in memory, not the one in line.
    pub(super) fn step_aside(&mut self) {
        let run = self.state.created.run;
        for (path, turn) in &self.turns.here {
            turn.gate.step_aside(&(run, path.clone()));
        }
    }

    /// Takes back the steps that had stepped aside and whose turn has come meanwhile; they
    /// are due again. Whether there are any.
    pub(super) fn come_back(&mut self) -> bool {
        let run = self.state.created.run;
        let aside = self.turns.aside.iter();
        let come: Vec<StepPath> = aside
            .filter(|(path, (turn, _))| turn.gate.has_come(&(run, (*path).clone())))
            .map(|(path, _)| path.clone())
            .filter(|path| self.is_wanted(path))
            .collect();
        for path in &come {
            self.turns.aside.remove(path);
            self.busy.remove(path);
        }
        !come.is_empty()
    }

    /// When the waiting steps step aside: only where nothing else keeps the run here.
    fn patient_until(&self) -> Option<Timestamp> {
        let only_turns = self.turns.here.len() == self.open.len();
        let patience = self.turns.here.values().map(|turn| turn.patient_until);
        patience.min().filter(|_| only_turns)
    }

    /// Waits until an open future ends, or until `wake`.
    pub(super) async fn wait(&mut self, wake: Option<Timestamp>) -> Result<(), DriveError> {
        if self.page.has_result() || self.page.watch.is_behind(&self.state) {
            self.flush(Timestamp::default()).await?;
        }
        if let Some(ended) = self.take_kept() {
            return self.take_ended(ended).await;
        }
        let patience = self.patient_until();
        let renewal = self.page.renewal();
        let until = [wake, patience, renewal].into_iter().flatten().min();
        let until = until.map(|at| self.shared.ports.clock.sleep_until(at));
        let draining = self.shared.draining.clone();
        let waits_in_line = !self.turns.here.is_empty();
        self.slot = None;
        let mut knocked = false;
        let ended = tokio::select! {
            biased;
            ended = self.open.next() => ended.flatten(),
            () = self.seat.knocked() => { knocked = true; None }
            () = async { match until { Some(sleep) => sleep.await, None => std::future::pending().await } } => None,
            () = draining.cancelled(), if waits_in_line => None,
        };
        self.slot = self.shared.slots.clone().acquire_owned().await.ok();
        if knocked {
            // The knock may say that, and is answered by reading the messages.
            self.come_back();
            return self.read_inbox().await;
        }
        let now = self.shared.ports.clock.now();
        if renewal.is_some_and(|at| at <= now) {
            self.renew_lease().await?;
        }
        match ended {
            None if self.shared.is_draining() || patience.is_some_and(|at| at <= now) => {
                self.step_aside();
                // The futures of these steps end, unless their turn has just come.
                match self.open.next().await.flatten() {
                    Some(ended) => self.take_ended(ended).await,
                    None => Ok(()),
                }
            }
            None => Ok(()),
            Some(ended) => self.take_ended(ended).await,
        }
    }

    async fn take_ended(&mut self, ended: Ended) -> Result<(), DriveError> {
        match ended {
            Ended::Permitted(attempt, permit) => {
                self.busy.remove(&attempt.path);
                self.turns.here.remove(&attempt.path);
                if self.is_wanted(&attempt.path) {
                    self.make(vec![(attempt, permit)]).await
                } else {
                    Ok(())
                }
            }
            Ended::Aside(attempt) => {
                if let Some(turn) = self.turns.here.remove(&attempt.path) {
                    let aside = &mut self.turns.aside;
                    aside.insert(attempt.path.clone(), (turn, attempt));
                }
                Ok(())
            }
            Ended::Answered {
                attempt,
                started_at,
                outcome,
            } => {
                self.busy.remove(&attempt.path);
                let (shared, plan) = (&self.shared, &self.plan);
                let event =
                    call::conclude(shared, plan, &self.state, &attempt, started_at, outcome).await;
                event.map_or(Ok(()), |event| self.record(event))
            }
        }
    }

    /// Writes down what the run waits for; it is taken up again when its turn comes.
    pub(super) async fn hold(&mut self, wake: Option<Timestamp>) -> Result<Exit, DriveError> {
        let held: Vec<Event> = self
            .turns
            .aside
            .iter()
            .map(|(path, (turn, attempt))| Event::CallHeld {
                path: path.clone(),
                attempt: attempt.number,
                reason: turn.hold.reason,
                until: turn.hold.until,
                call: (!self.state.steps.contains_key(path)).then(|| (*attempt.call).clone()),
            })
            .collect();
        for event in held {
            self.record(event)?;
        }
        self.page.give_lease_back();
        // Lines are in memory: after a restart the run asks for its turn again.
        self.flush(Timestamp::default()).await?;
        Ok(Exit::Held(wake))
    }

    /// Leaves the lines of steps that have stepped aside and that nobody waits for any
    /// more: something else has failed, or the run is to end.
    pub(super) fn leave_unwanted_lines(&mut self, actions: &[Action<'_>]) {
        let is_due = |path: &StepPath| actions.iter().any(|action| action.is_attempt_of(path));
        let unwanted: Vec<StepPath> = self
            .turns
            .aside
            .keys()
            .filter(|path| !is_due(path))
            .cloned()
            .collect();
        if unwanted.is_empty() {
            return;
        }
        for path in &unwanted {
            self.turns.aside.remove(path);
            self.busy.remove(path);
        }
        let run = self.state.created.run;
        self.shared
            .protect
            .forget(run, |path| !unwanted.contains(path));
    }

    /// Leaves every line in which the run does not wait any more.
    pub(super) fn leave_lines(&self, exit: Option<&Exit>) {
        let is_held = matches!(exit, Some(Exit::Held(_)));
        let aside = &self.turns.aside;
        let run = self.state.created.run;
        self.shared
            .protect
            .forget(run, |path| is_held && aside.contains_key(path));
    }
}
