//! A run's story for people and programs: steps, attempts, times, masked data. Told
//! from the journal alone.

mod approval;
mod child;
mod end;
mod receive;
mod step;

pub use approval::ApprovalStory;
pub use child::{ChildStory, ParentStory};
pub use receive::ReceiveStory;

use crate::conceal::Concealer;
use crate::mask::mask;
use crate::state::{IllegalEvent, RunState, RunStatus};
use dowel_core::journal::{
    CallArguments, Command, Commanded, Entry, Event, FailedAttempt, HoldReason, PinnedConnector,
    RunCreated,
};
use dowel_core::{
    ConnectionName, Digest, JsonText, RunId, SendRecord, StepError, StepPath, Timestamp,
};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A run's story.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// The run.
    pub id: String,
    /// Its flow.
    pub flow: String,
    /// The flow's version.
    pub version: String,
    /// Git commit of the flow, where known.
    pub commit: Option<String>,
    /// Digest of the plan that the run stays on.
    pub plan: Digest,
    /// Version and digest of every connector.
    pub connectors: BTreeMap<ConnectionName, PinnedConnector>,
    /// Digest of the mapping guest.
    pub mapping: Digest,
    /// Where it stands.
    pub status: RunStatus,
    /// The trigger's name.
    pub trigger: String,
    /// The business key that duplicates are recognised by.
    pub dedupe_key: Option<String>,
    /// 1, and one higher for each rerun.
    pub generation: u32,
    /// The run of the same event before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<RunId>,
    /// The run of the same event that took the place of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_as: Option<RunId>,
    /// The entry of the quarantine that the payload came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resubmitted_from: Option<RunId>,
    /// The run whose step began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentStory>,
    /// W3C `traceparent`.
    pub traceparent: Option<String>,
    /// When it was accepted.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// When it came to rest.
    #[serde(serialize_with = "rfc3339_option")]
    pub ended_at: Option<Timestamp>,
    /// The payload, masked.
    pub payload: JsonText,
    /// The output, masked.
    pub output: Option<JsonText>,
    /// Why it failed or is parked.
    pub error: Option<StepError>,
    /// What it waits for, while it is `waiting`: `slot`, `rate` or `breaker` of a
    /// connection, `key` (the runs before it), `enabled` (its flow), `timer`, `approval` (people), `child` (the run of a `run` step), or `event`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<&'static str>,
    /// The run that it waits behind, of the same concurrency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_behind: Option<RunId>,
    /// What the flow keeps between runs.
    pub state: Option<StateStory>,
    /// The steps, in the order in which they began.
    pub steps: Vec<StepStory>,
    /// What people and policies decided about the run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

/// What somebody decided about a run.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// What.
    pub command: &'static str,
}

/// What a flow keeps between runs, as one run saw and left it.
#[derive(Clone, Debug, Serialize)]
pub struct StateStory {
    /// The values that the run began with, masked.
    pub read: JsonText,
    /// The values that it left with its success, masked.
    pub written: Option<JsonText>,
    /// The run whose values it replaced without having read them.
    pub over: Option<String>,
}

impl StateStory {
    fn read(values: &JsonText) -> Self {
        Self {
            read: mask(values),
            written: None,
            over: None,
        }
    }
}

/// A step's story.
#[derive(Clone, Debug, Serialize)]
pub struct StepStory {
    /// Its path.
    pub path: StepPath,
    /// What it does: `call`, `set`, `switch`, `for_each`, `parallel`, `try`, `wait`, `receive`, `approve`,
    /// `run`, `emit`, `fail`, `return`, or `step` where it was skipped or failed before it did anything.
    pub kind: &'static str,
    /// `running`, `waiting`, `succeeded`, `skipped` or `failed`.
    pub status: &'static str,
    /// The connection that a call goes to.
    pub connection: Option<ConnectionName>,
    /// The operation that a call makes.
    pub operation: Option<String>,
    /// The same for every attempt.
    pub idempotency_key: Option<String>,
    /// A call's input, masked.
    pub input: Option<JsonText>,
    /// The step's value, masked.
    pub output: Option<JsonText>,
    /// Why it failed.
    pub error: Option<StepError>,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "rfc3339_option")]
    pub ended_at: Option<Timestamp>,
    /// A call's attempts.
    pub attempts: Vec<AttemptStory>,
    /// How often the run stepped aside because the call had to wait for its turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HoldStory>,
    /// What people were asked, and what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalStory>,
    /// The run that a `run` step began last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<ChildStory>,
    /// What it waited for, and what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive: Option<ReceiveStory>,
}

/// A wait for the turn at a connection.
#[derive(Clone, Debug, Serialize)]
pub struct HoldStory {
    /// What it waited for.
    pub reason: HoldReason,
    /// When it stepped aside.
    #[serde(serialize_with = "rfc3339")]
    pub since: Timestamp,
    /// When its turn comes at the earliest, where that was known.
    #[serde(serialize_with = "rfc3339_option")]
    pub until: Option<Timestamp>,
}

/// An attempt's story.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptStory {
    /// From 1.
    pub number: u32,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: Timestamp,
    /// When it ended; absent while it is being made.
    #[serde(serialize_with = "rfc3339_option")]
    pub ended_at: Option<Timestamp>,
    /// How far it got.
    pub sent: Option<SendRecord>,
    /// Why it failed.
    pub error: Option<StepError>,
    /// When the next attempt is due.
    #[serde(serialize_with = "rfc3339_option")]
    pub retry_at: Option<Timestamp>,
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[allow(clippy::ref_option)] // The signature that serde calls.
fn rfc3339_option<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

/// What a run waits for whose last event is this one.
const fn waits_for(last: &Event) -> &'static str {
    match last {
        Event::CallHeld { reason, .. } => reason.name(),
        Event::Queued { .. } => "key",
        Event::Stopped {} => "enabled",
        Event::AttemptFailed { .. } | Event::WaitBegan { .. } | Event::ChildFailed { .. } => {
            "timer"
        }
        Event::ChildBegan(_) | Event::ChildReplaced { .. } | Event::ChildStopped { .. } => "child",
        Event::ApprovalAsked(_) | Event::ApprovalEscalated { .. } => "approval",
        _ => "event",
    }
}

impl Story {
    /// Tells the story of a journal; `None` if the journal is empty.
    pub fn tell(entries: &[Entry]) -> Result<Option<Self>, IllegalEvent> {
        let state = entries.first().map(|_| RunState::fold(entries));
        match state.transpose()? {
            Some(state) => Ok(Self::of(entries, &state, None)),
            None => Ok(None),
        }
    }

    /// The same without what the flow declares as sensitive.
    pub(crate) fn of(
        entries: &[Entry],
        state: &RunState,
        concealer: Option<&Concealer>,
    ) -> Option<Self> {
        let shown = |entry| match concealer {
            Some(concealer) => Cow::Owned(concealer.entry(entry)),
            None => Cow::Borrowed(entry),
        };
        let first = shown(entries.first()?);
        let Event::Created(created) = &first.event else {
            return None;
        };
        let mut story = Self::begin(created, first.at, state);
        for entry in &entries[1..] {
            story.add(&shown(entry));
        }
        let last = entries.last().map(|entry| &entry.event);
        story.waits_for = last
            .filter(|_| state.status == RunStatus::Waiting)
            .map(waits_for);
        Some(story)
    }

    fn begin(created: &RunCreated, at: Timestamp, state: &RunState) -> Self {
        Self {
            id: created.run.to_string(),
            flow: created.flow.to_string(),
            version: state.version().to_string(),
            commit: state.commit().map(str::to_owned),
            plan: state.plan(),
            connectors: match &state.moved {
                Some(moved) => moved.connectors.clone(),
                None => created.connectors.clone(),
            },
            mapping: match &state.moved {
                Some(moved) => moved.mapping,
                None => created.mapping,
            },
            rerun_of: created.rerun_of,
            rerun_as: state.rerun_as,
            resubmitted_from: created.resubmitted_from,
            parent: created.parent.as_ref().map(|parent| ParentStory {
                run: parent.run,
                step: parent.step.clone(),
                attempt: parent.attempt,
                detached: parent.detached,
            }),
            status: state.status,
            trigger: created.trigger.clone(),
            dedupe_key: created.dedupe_key.clone(),
            generation: created.generation,
            traceparent: created.traceparent.clone(),
            created_at: at,
            ended_at: state.status.is_at_rest().then_some(state.updated_at),
            payload: mask(&created.payload),
            output: None,
            error: None,
            waits_for: None,
            waits_behind: None,
            steps: Vec::new(),
            decisions: Vec::new(),
            state: None,
        }
    }

    fn add(&mut self, entry: &Entry) {
        let at = entry.at;
        self.waits_behind = match &entry.event {
            Event::Queued { behind } => Some(*behind),
            _ => None,
        };
        match &entry.event {
            Event::Created(_)
            | Event::ItemEnded { .. }
            | Event::PageEntered { .. }
            | Event::PageEnded { .. }
            | Event::Overrun { .. }
            | Event::Queued { .. }
            | Event::Stopped {}
            | Event::ItemFailed { .. }
            | Event::ItemRepaired { .. }
            | Event::BranchEnded { .. } => {}
            Event::StepSkipped { path } => self.step(path, "step", at).end(at, "skipped"),
            Event::CallIntended { .. }
            | Event::AttemptFailed { .. }
            | Event::CallHeld { .. }
            | Event::CallSucceeded { .. } => self.add_call(&entry.event, at),
            Event::StepFailed {
                path,
                attempt,
                error,
                deliberate,
            } => {
                if *deliberate {
                    self.step(path, "fail", at);
                }
                self.fail(path, attempt.as_ref(), error, at);
            }
            Event::StateRead { values, .. } => self.state = Some(StateStory::read(values)),
            Event::StateWritten { values, over, .. } => self.leave(values, *over),
            Event::ValueSet { path, value } => self.done(path, "set", value, at),
            Event::BranchTaken { path, .. } => self.step(path, "switch", at).status = "running",
            Event::LoopEntered { path, .. } | Event::PagesEntered { path, .. } => {
                self.step(path, "for_each", at).status = "running";
            }
            Event::ParallelEntered { path } => self.step(path, "parallel", at).status = "running",
            Event::TryEntered { path } => self.step(path, "try", at).status = "running",
            Event::Caught { path, error, .. } => {
                self.step(path, "try", at).error = Some(error.clone());
            }
            Event::WaitBegan { path, .. } => self.step(path, "wait", at).status = "waiting",
            Event::WaitEnded { path } => self.step(path, "wait", at).end(at, "succeeded"),
            Event::ApprovalAsked(_)
            | Event::ApprovalEscalated { .. }
            | Event::ApprovalExpired { .. } => self.add_approval(&entry.event, at),
            Event::ChildBegan(_)
            | Event::ChildReplaced { .. }
            | Event::ChildStopped { .. }
            | Event::ChildEnded { .. }
            | Event::ChildConcluded { .. }
            | Event::ChildFailed { .. } => self.add_child(&entry.event, at),
            Event::EventAwaited(_) | Event::EventReceived(_) | Event::ReceiveExpired { .. } => {
                self.add_receive(&entry.event, at);
            }
            Event::Commanded(commanded) => self.decide(commanded, at),
            Event::BlockEnded { path, result } => self.done(path, "step", result, at),
            Event::Emitted { path, data, .. } => self.done(path, "emit", data, at),
            end => self.add_end(end, at),
        }
    }

    fn leave(&mut self, values: &JsonText, over: Option<RunId>) {
        if let Some(state) = &mut self.state {
            state.written = Some(mask(values));
            state.over = over.map(|run| run.to_string());
        }
    }

    /// What happened to a call before its step failed.
    fn add_call(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::CallIntended {
                path,
                attempt,
                call,
            } => {
                self.intend(path, *attempt, call.as_ref(), at);
            }
            Event::AttemptFailed {
                path,
                attempt,
                error,
                sent,
                started_at,
                retry_at,
                call,
            } => {
                let step = self.call(path, *started_at, call.as_ref());
                step.status = "waiting";
                let attempt = step.attempt(*attempt, *started_at);
                attempt.end(at, *sent, Some(error));
                attempt.retry_at = Some(*retry_at);
            }
            Event::CallSucceeded {
                path,
                attempt,
                started_at,
                result,
                output,
                call,
            } => {
                let step = self.call(path, *started_at, call.as_ref());
                step.attempt(*attempt, *started_at)
                    .end(at, SendRecord::Answered, None);
                step.output = Some(mask(output.as_ref().unwrap_or(result)));
                step.end(at, "succeeded");
            }
            Event::CallHeld {
                path,
                reason,
                until,
                call,
                ..
            } => {
                let step = self.call(path, at, call.as_ref());
                step.status = "waiting";
                step.held.push(HoldStory {
                    reason: *reason,
                    since: at,
                    until: *until,
                });
            }
            _ => {}
        }
    }

    /// Somebody decided something; the steps that it is about go on from there.
    fn decide(&mut self, commanded: &Commanded, at: Timestamp) {
        self.decisions.push(Decision {
            at,
            actor: commanded.actor.0.clone(),
            reason: commanded.reason.clone(),
            command: commanded.command.name(),
        });
        match &commanded.command {
            Command::Complete { path, output } => self.done(path, "step", output, at),
            Command::Skip { path } => self.step(path, "step", at).end(at, "skipped"),
            Command::EditInput {
                path,
                input,
                idempotency_key,
            } => {
                let step = self.step(path, "call", at);
                step.input = Some(mask(input));
                step.idempotency_key = Some(idempotency_key.clone());
                step.reopen();
            }
            Command::Retry { path } | Command::RetryOn { path, .. } => {
                let all = path.is_none();
                let again = |step: &&mut StepStory| {
                    step.status == "failed" && (all || path.as_ref() == Some(&step.path))
                };
                self.steps
                    .iter_mut()
                    .filter(again)
                    .for_each(StepStory::reopen);
            }
            Command::Decide { path, decision, .. } => {
                self.answer(path, decision, commanded, at);
            }
            Command::RetryItem { path, index } => {
                let within = format!("{path}[{index}].");
                let again = |step: &&mut StepStory| {
                    step.status == "failed" && step.path.as_str().starts_with(&within)
                };
                self.steps
                    .iter_mut()
                    .filter(again)
                    .for_each(StepStory::reopen);
            }
            // What the run failed with stays what it failed with.
            Command::Rerun { .. } | Command::DiscardItem { .. } => return,
            Command::Cancel { .. } | Command::Compensate | Command::Discard { .. } => {}
        }
        self.error = None;
    }

    fn fail(
        &mut self,
        path: &StepPath,
        attempt: Option<&FailedAttempt>,
        error: &StepError,
        at: Timestamp,
    ) {
        let step = match attempt {
            Some(failed) => self.call(path, failed.started_at, failed.call.as_ref()),
            None => self.step(path, "step", at),
        };
        if let Some(failed) = attempt {
            step.attempt(failed.number, failed.started_at)
                .end(at, failed.sent, Some(error));
            step.output = failed.result.as_ref().map(mask);
        }
        step.fail(at, error);
    }

    fn intend(
        &mut self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
        at: Timestamp,
    ) {
        let step = self.call(path, at, call);
        step.status = "running";
        step.attempts.push(AttemptStory::begin(attempt, at));
    }

    fn done(&mut self, path: &StepPath, kind: &'static str, value: &JsonText, at: Timestamp) {
        let step = self.step(path, kind, at);
        step.output = Some(mask(value));
        step.end(at, "succeeded");
    }

    fn call(
        &mut self,
        path: &StepPath,
        at: Timestamp,
        call: Option<&CallArguments>,
    ) -> &mut StepStory {
        let step = self.step(path, "call", at);
        if let Some(call) = call {
            step.connection = Some(call.connection.clone());
            step.operation = Some(call.operation.to_string());
            step.idempotency_key = Some(call.idempotency_key.clone());
            step.input = Some(mask(&call.input));
        }
        step
    }

    /// The step at a path; it begins now if it has not begun.
    pub(super) fn step(
        &mut self,
        path: &StepPath,
        kind: &'static str,
        at: Timestamp,
    ) -> &mut StepStory {
        let index = self
            .steps
            .iter()
            .rposition(|step| step.path == *path)
            .unwrap_or_else(|| {
                self.steps.push(StepStory::begin(path, kind, at));
                self.steps.len() - 1
            });
        &mut self.steps[index]
    }
}
