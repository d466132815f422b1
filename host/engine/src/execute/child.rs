//! The driver's side of `run` steps: children are begun, and their ends are concluded.

use super::call;
use super::drive::{DriveError, Driver, Round};
use super::output::Output;
use crate::children;
use crate::decide::Action;
use crate::engine::Shared;
use crate::intake::{self, FlowKeys, IntakeError, Occasion, Origin, Prepared};
use crate::plans::ActivePlan;
use crate::retry::{self, Verdict};
use crate::scope::Scope;
use crate::state::{ChildPhase, ChildState, StepState};
use dowel_core::cloud_event::HOPS;
use dowel_core::code::run::{
    CHILD_CANCELLED, CHILD_DROPPED, CHILD_KEY, CHILD_NO_FLOW, CHILD_PAYLOAD, CHILD_TIMEOUT,
    CHILD_TOO_DEEP,
};
use dowel_core::journal::{ChildBegan, ChildEnd, Event, ParentRun, StopReason};
use dowel_core::{ErrorKind, JsonText, RunId, StepError, StepPath};
use dowel_flow::plan::{RunFlow, Step, StepKind, TriggerKind};
use std::sync::Arc;

/// How many runs may be above each other. Honest flows are flat; flows that run each
/// other in a circle reach any limit.
const MAX_DEPTH: u32 = 16;

/// The most violations that an error lists.
const MAX_VIOLATIONS: usize = 5;

/// Why a child does not begin.
enum NoChild {
    /// The step has failed with this.
    Step(StepError),
    /// The store has.
    Drive(DriveError),
}

impl From<StepError> for NoChild {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl Driver {
    /// Carries out what a `run` step needs.
    pub(super) async fn take_child(
        &mut self,
        action: Action<'_>,
        round: &mut Round,
    ) -> Result<(), DriveError> {
        match action {
            Action::BeginChild { due, .. } if due > self.shared.ports.clock.now() => {
                round.wake_at(due);
            }
            Action::BeginChild { step, path, .. } => {
                round.failed |= self.begin_child(step, path, None).await?;
                round.progressed = true;
            }
            Action::Conclude { step, path, scope } => {
                round.failed |= self.conclude_child(step, path, &scope).await?;
                round.progressed = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins the step's next child with the batch that follows. `payload` is given for
    /// the first one. Whether the step has failed instead.
    pub(super) async fn begin_child(
        &mut self,
        step: &Step,
        path: StepPath,
        payload: Option<JsonText>,
    ) -> Result<bool, DriveError> {
        let StepKind::Run(plan) = &step.kind else {
            self.park_stuck()?;
            return Ok(true);
        };
        let known = self.child(&path);
        let attempt = known.map_or(1, |known| known.attempt + 1);
        let value = payload.clone().or(known.map(|known| known.payload.clone()));
        let value = value.unwrap_or_else(JsonText::null);
        match self.prepare_child(plan, &path, attempt, value).await {
            Ok(child) => {
                let created = child.created();
                let began = ChildBegan {
                    path,
                    attempt,
                    run: created.run,
                    flow: created.flow.clone(),
                    version: created.version.clone(),
                    plan: created.plan,
                    payload,
                    detached: plan.detach,
                };
                self.record(Event::ChildBegan(began))?;
                self.page.begin_child(child);
                Ok(false)
            }
            Err(NoChild::Step(error)) => {
                self.fail_child(step, plan, path, attempt, error, payload)?;
                Ok(true)
            }
            Err(NoChild::Drive(error)) => Err(error),
        }
    }

    fn child(&self, path: &StepPath) -> Option<&ChildState> {
        match self.state.steps.get(path) {
            Some(StepState::Child(child)) => Some(child),
            _ => None,
        }
    }

    /// Another child follows, or the step has failed.
    fn fail_child(
        &mut self,
        step: &Step,
        plan: &RunFlow,
        path: StepPath,
        attempt: u32,
        error: StepError,
        payload: Option<JsonText>,
    ) -> Result<(), DriveError> {
        let now = self.shared.ports.clock.now();
        let known = self.child(&path);
        let (earlier, since) = known.map_or((0, now), |known| (known.earlier, known.since));
        let is_left = known.is_some_and(|known| {
            matches!(
                known.phase,
                ChildPhase::Ended {
                    stop: Some(StopReason::Abandoned),
                    ..
                }
            )
        });
        let ends = self.state.cancel.is_some() || self.state.compensation.is_some();
        let verdict = if is_left || ends {
            Verdict::Fail(error.clone())
        } else {
            let random = call::random(&self.shared);
            let round = attempt - earlier;
            retry::by_policy(&plan.retry, round, error.clone(), since, now, random)
        };
        self.record(match verdict {
            Verdict::Retry(retry_at) => Event::ChildFailed {
                path,
                attempt,
                error,
                retry_at,
                payload,
            },
            Verdict::Fail(error) => Event::StepFailed {
                path,
                attempt: None,
                error: error.at(step.position.to_string()),
                deliberate: false,
            },
        })
    }

    async fn prepare_child(
        &mut self,
        plan: &RunFlow,
        path: &StepPath,
        attempt: u32,
        payload: JsonText,
    ) -> Result<Prepared, NoChild> {
        let depth = self.state.depth() + 1;
        if depth > MAX_DEPTH {
            let message =
                format!("{MAX_DEPTH} runs have begun each other already, as deep as it goes");
            return Err(refused(ErrorKind::Rejected, CHILD_TOO_DEEP, message));
        }
        let (child, trigger) = self.flow_to_run(plan)?;
        match intake::check_payload(&child, &trigger, &payload) {
            Err(IntakeError::Schema(violations)) => {
                let shown = violations.iter().take(MAX_VIOLATIONS);
                let list: Vec<String> = shown
                    .map(|v| format!("{}: {}", v.pointer, v.message))
                    .collect();
                let message = format!(
                    "`with` breaks the schema of `{}`: {}",
                    plan.flow,
                    list.join("; ")
                );
                return Err(refused(ErrorKind::InvalidInput, CHILD_PAYLOAD, message));
            }
            Err(error) => return Err(NoChild::Drive(broken(&error))),
            Ok(()) => {}
        }
        let keys = keys_of_child(&self.shared, &child, &payload).await?;
        let parent = ParentRun {
            run: self.state.created.run,
            step: path.clone(),
            attempt,
            depth,
            detached: plan.detach,
            synthetic: self.state.created.synthetic,
        };
        let occasion = self.occasion(trigger, payload, keys, parent);
        let prepared = intake::prepare(&self.shared, &child, occasion);
        let prepared = prepared.map_err(|error| NoChild::Drive(broken(&error)))?;
        if let Some(other) = prepared.dropped_for() {
            let message = format!(
                "run {other} of the same concurrency key of `{}` is at work, and the flow says `when_full: drop`",
                plan.flow
            );
            return Err(refused(ErrorKind::Conflict, CHILD_DROPPED, message));
        }
        Ok(prepared)
    }

    /// The active version, and its first `manual` trigger.
    fn flow_to_run(&self, plan: &RunFlow) -> Result<(Arc<ActivePlan>, String), NoChild> {
        let refuse = |message: String| refused(ErrorKind::NotFound, CHILD_NO_FLOW, message);
        let flow = &plan.flow;
        let child = self.shared.plans.active(flow);
        let child = child.ok_or_else(|| refuse(format!("no version of `{flow}` is active")))?;
        let version = &child.plan.version;
        if !plan.range.matches(version) {
            let range = &plan.range;
            let message = format!("version {version} of `{flow}` is active, not one of `{range}`");
            return Err(refuse(message));
        }
        let mut triggers = child.plan.triggers.iter();
        let manual = triggers.find(|trigger| trigger.kind == TriggerKind::Manual);
        let Some(trigger) = manual.map(|trigger| trigger.name.clone()) else {
            let message = format!("version {version} of `{flow}` has no `manual` trigger");
            return Err(refuse(message));
        };
        Ok((child, trigger))
    }

    fn occasion(
        &self,
        trigger: String,
        payload: JsonText,
        keys: FlowKeys,
        parent: ParentRun,
    ) -> Occasion {
        let now = self.shared.ports.clock.now();
        let empty = || JsonText::object([]);
        let mut fields = vec![
            ("type", JsonText::string("run")),
            ("time", JsonText::string(&now.to_string())),
            ("headers", empty()),
            ("query", empty()),
            ("path", JsonText::string("")),
        ];
        let hops = self.state.hops();
        if hops > 0 {
            // A circle of events is one also where it leads through children.
            let hops = JsonText::string(&hops.to_string());
            fields.push(("extensions", JsonText::object([(HOPS, &hops)])));
        }
        let generation = children::generation(&self.state, &parent);
        Occasion {
            trigger,
            payload,
            fields,
            traceparent: self.state.created.traceparent.clone(),
            keys,
            claims: Vec::new(),
            now,
            origin: Origin {
                parent: Some((parent, generation)),
                ..Origin::default()
            },
        }
    }

    /// The step of a child that came to its end comes to its own. Whether it has failed.
    pub(super) async fn conclude_child(
        &mut self,
        step: &Step,
        path: StepPath,
        scope: &Scope,
    ) -> Result<bool, DriveError> {
        let StepKind::Run(plan) = &step.kind else {
            self.park_stuck()?;
            return Ok(true);
        };
        let Some(child) = self.child(&path) else {
            return Ok(false);
        };
        let ChildPhase::Ended { end, stop } = &child.phase else {
            return Ok(false);
        };
        let attempt = child.attempt;
        let error = match end {
            ChildEnd::Succeeded { output } => {
                let output = output.clone();
                return self.take_output(step, plan, path, scope, output).await;
            }
            ChildEnd::Failed { error } => StepError {
                message: format!("the run of `{}` failed: {}", plan.flow, error.message),
                place: None,
                ..error.clone()
            },
            ChildEnd::Cancelled {} if *stop == Some(StopReason::Timeout) => {
                let longest = plan.timeout.unwrap_or_default();
                let message = format!("the run of `{}` did not end within {longest:?}", plan.flow);
                StepError::host(ErrorKind::Timeout, CHILD_TIMEOUT, message)
            }
            ChildEnd::Cancelled {} => {
                let message = format!("the run of `{}` was cancelled", plan.flow);
                StepError::host(ErrorKind::Rejected, CHILD_CANCELLED, message)
            }
        };
        self.fail_child(step, plan, path, attempt, error, None)?;
        Ok(true)
    }

    /// The child ended well: trying again would not mend its output.
    async fn take_output(
        &mut self,
        step: &Step,
        plan: &RunFlow,
        path: StepPath,
        scope: &Scope,
        raw: JsonText,
    ) -> Result<bool, DriveError> {
        let output = Output {
            step,
            path: &path,
            scope,
            program: plan.output.as_ref(),
            raw: &raw,
        };
        let checked = output.value(&self.shared, &self.plan, &self.state).await;
        let (event, failed) = match checked {
            Ok(output) => (Event::ChildConcluded { path, output }, false),
            Err(error) => (
                Event::StepFailed {
                    path,
                    attempt: None,
                    error,
                    deliberate: false,
                },
                true,
            ),
        };
        self.record(event)?;
        Ok(failed)
    }

    /// A child came to its end. It is no news where the step waits for another one.
    pub(super) fn child_ended(
        &mut self,
        path: StepPath,
        attempt: u32,
        run: RunId,
        end: ChildEnd,
    ) -> Result<(), String> {
        if !self.state.waits_for_child(&path, attempt) {
            return Ok(());
        }
        self.try_record(Event::ChildEnded {
            path,
            attempt,
            run,
            end,
        })
    }

    /// Another run took the place of a child.
    pub(super) fn child_replaced(
        &mut self,
        path: StepPath,
        attempt: u32,
        run: RunId,
    ) -> Result<(), String> {
        if !self.state.waits_for_child(&path, attempt) {
            return Ok(());
        }
        self.try_record(Event::ChildReplaced { path, attempt, run })
    }

    /// A `return` step is about to end the run while children are at work beside it:
    /// they are asked to end. Whether they all have.
    pub(super) async fn has_left_children(&mut self) -> Result<bool, DriveError> {
        let at_work = self.state.children("");
        let at_work: Vec<Option<Event>> = at_work
            .filter_map(|(path, child)| match child.phase {
                ChildPhase::AtWork { run, stop, .. } => {
                    Some(stop.is_none().then(|| Event::ChildStopped {
                        path: path.clone(),
                        attempt: child.attempt,
                        run,
                        reason: StopReason::Abandoned,
                        compensate: true,
                    }))
                }
                _ => None,
            })
            .collect();
        let is_alone = at_work.is_empty();
        for event in at_work.into_iter().flatten() {
            self.record(event)?;
        }
        if !is_alone {
            self.flush(crate::queue::NEVER).await?;
        }
        Ok(is_alone)
    }
}

/// Duplicates are not looked for: the batch that begins the child does so once. The
/// key is kept all the same, so that the run is found by it.
async fn keys_of_child(
    shared: &Shared,
    child: &ActivePlan,
    payload: &JsonText,
) -> Result<FlowKeys, NoChild> {
    match intake::flow_keys(shared, child, payload).await {
        Ok(keys) => Ok(keys),
        Err(_) if child.plan.concurrency.is_none() => Ok(FlowKeys::default()),
        Err(error) => {
            let message = format!("`{}`: {error}", child.plan.flow);
            Err(refused(ErrorKind::InvalidInput, CHILD_KEY, message))
        }
    }
}

fn refused(kind: ErrorKind, code: dowel_core::code::Code, message: String) -> NoChild {
    NoChild::Step(StepError::host(kind, code, message))
}

fn broken(error: &IntakeError) -> DriveError {
    DriveError::Store(dowel_core::port::StoreError::Failed(
        error.to_string().into(),
    ))
}
