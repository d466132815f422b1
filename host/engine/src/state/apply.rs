//! The transition function: what an event does to a run.

use super::{
    Caught, Compensation, Done, ItemEnd, KeptValues, LoopState, ParallelState, RunState, RunStatus,
    StepState,
};
use crate::limits;
use dowel_core::journal::{Entry, Event, RunCreated, VERSION};
use dowel_core::{JsonText, StepId, StepPath, Timestamp, pointer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// An event that cannot follow the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal entry {seq} is illegal: {reason}")]
pub struct IllegalEvent {
    /// Position in the journal.
    pub seq: u64,
    /// Why.
    pub reason: String,
}

type Applied = Result<(), String>;

impl RunState {
    /// Folds a whole journal.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, IllegalEvent> {
        let mut entries = entries.into_iter();
        let illegal = |reason: &str| IllegalEvent {
            seq: 0,
            reason: reason.to_owned(),
        };
        let first = entries
            .next()
            .ok_or_else(|| illegal("the journal is empty"))?;
        let mut state = Self::begin(first)?;
        for entry in entries {
            state.apply(entry)?;
        }
        Ok(state)
    }

    /// The state after the first entry, which must be `created`.
    pub fn begin(entry: &Entry) -> Result<Self, IllegalEvent> {
        check_version(entry)?;
        match &entry.event {
            Event::Created(created) if entry.seq == 0 => Ok(Self::new(created.clone(), entry.at)),
            _ => Err(IllegalEvent {
                seq: entry.seq,
                reason: "a journal begins with `created`".into(),
            }),
        }
    }

    fn new(created: RunCreated, at: Timestamp) -> Self {
        Self {
            created: Arc::new(created),
            created_at: at,
            status: RunStatus::Pending,
            next_seq: 1,
            steps: BTreeMap::new(),
            sets: Vec::new(),
            kept: None,
            compensation: None,
            cancel: None,
            approvals: BTreeMap::new(),
            received: BTreeSet::new(),
            editors: BTreeSet::new(),
            repair: None,
            rerun_as: None,
            moved: None,
            has_succeeded: false,
            overrun: None,
            active: Duration::ZERO,
            limits_from: at,
            failed_items: 0,
            error: None,
            updated_at: at,
        }
    }

    /// Moves the run by one entry, or refuses it and leaves the run as it was.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), IllegalEvent> {
        check_version(entry)?;
        let illegal = |reason| IllegalEvent {
            seq: entry.seq,
            reason,
        };
        if entry.seq != self.next_seq {
            return Err(illegal(format!("expected entry {}", self.next_seq)));
        }
        let moves = !matches!(
            entry.event,
            Event::ChildEnded { .. } | Event::ChildReplaced { .. }
        );
        let is_commanded = matches!(entry.event, Event::Commanded(_));
        if self.status.is_at_rest() && moves && !is_commanded {
            return Err(illegal(format!("the run is {}", self.status.name())));
        }
        let active = limits::active_until(self, entry);
        self.change(&entry.event, entry.at).map_err(illegal)?;
        self.active += active;
        self.next_seq += 1;
        if moves || !self.status.is_at_rest() {
            self.updated_at = entry.at;
        }
        Ok(())
    }

    fn change(&mut self, event: &Event, at: Timestamp) -> Applied {
        match event {
            Event::Created(_) => Err("the run exists already".into()),
            Event::CallIntended { .. }
            | Event::AttemptFailed { .. }
            | Event::CallHeld { .. }
            | Event::CallSucceeded { .. } => self.change_call(event),
            Event::Queued { .. } | Event::Stopped {} => {
                self.wait_unless_busy();
                Ok(())
            }
            Event::StepSkipped { path } => self.begin_step(path, StepState::Skipped),
            Event::StepFailed {
                path,
                attempt,
                error,
                deliberate,
            } => self.fail_step(path, attempt.as_ref(), error, *deliberate),
            Event::ValueSet { path, value } => self.set_value(path, value),
            Event::Emitted { path, id, .. } => {
                let done = self.done(JsonText::string(id));
                self.begin_step(path, done)
            }
            Event::WaitBegan { path, until } => {
                self.begin_step(path, StepState::Waiting { until: *until })?;
                self.wait_unless_busy();
                Ok(())
            }
            Event::WaitEnded { path } => self.end_wait(path),
            Event::ApprovalAsked(asked) => self.ask(asked, at),
            Event::ApprovalEscalated { path, index } => self.escalate(path, *index),
            Event::ApprovalExpired { path } => self.expire(path, at),
            Event::ChildBegan(_)
            | Event::ChildReplaced { .. }
            | Event::ChildStopped { .. }
            | Event::ChildEnded { .. }
            | Event::ChildConcluded { .. }
            | Event::ChildFailed { .. } => self.change_child(event, at),
            Event::EventAwaited(_) | Event::EventReceived(_) | Event::ReceiveExpired { .. } => {
                self.change_receive(event, at)
            }
            Event::Commanded(commanded) => self.commanded(commanded, at),
            Event::Overrun { error } => {
                self.overrun = Some(error.clone());
                Ok(())
            }
            Event::CompensationBegan {
                error,
                path,
                within,
            } => self.begin_compensation(Compensation {
                error: error.clone(),
                path: path.clone(),
                within: within.clone(),
            }),
            Event::CompensationEnded {} => self.end_compensation(),
            Event::StateRead { values, version } => self.read_state(values, *version),
            // Nothing reads it again: the run ends with the next event.
            Event::StateWritten { .. } => Ok(()),
            Event::Succeeded { .. }
            | Event::Failed { .. }
            | Event::Parked { .. }
            | Event::Compensated { .. }
            | Event::Cancelled {} => self.change_end(event),
            _ => self.change_block(event),
        }
    }

    fn read_state(&mut self, values: &JsonText, version: u64) -> Applied {
        if self.kept.is_some() {
            return Err("the run has read what the flow keeps already".to_owned());
        }
        self.kept = Some(KeptValues {
            values: values.clone(),
            version,
        });
        Ok(())
    }

    /// The events of calls.
    fn change_call(&mut self, event: &Event) -> Applied {
        match event {
            Event::CallIntended {
                path,
                attempt,
                call,
            } => self.intend(path, *attempt, call.as_ref()),
            Event::AttemptFailed {
                path,
                attempt,
                retry_at,
                call,
                ..
            } => self.wait_for_retry(path, *attempt, call.as_ref(), *retry_at),
            Event::CallHeld {
                path,
                attempt,
                call,
                ..
            } => self.hold(path, *attempt, call.as_ref()),
            Event::CallSucceeded {
                path,
                attempt,
                result,
                output,
                call,
                ..
            } => {
                let value = output.as_ref().unwrap_or(result).clone();
                self.succeed_call(path, *attempt, call.as_ref(), value)
            }
            _ => Ok(()),
        }
    }

    /// The events of steps that hold steps.
    fn change_block(&mut self, event: &Event) -> Applied {
        match event {
            Event::BranchTaken { path, case } => {
                self.begin_step(path, StepState::InBranch { case: *case })
            }
            Event::LoopEntered { path, items } => {
                let items = items.items().ok_or("`for_each` was not given a list")?;
                self.begin_step(path, StepState::Looping(LoopState::new(items)))
            }
            Event::PagesEntered { path, input } => self.begin_step(
                path,
                StepState::Looping(LoopState::over_pages(input.clone())),
            ),
            Event::PageEntered {
                path,
                items,
                next,
                keep,
            } => self.enter_page(path, items, next.as_ref(), *keep),
            Event::PageEnded { path } => self.end_page(path),
            Event::ItemEnded {
                path,
                index,
                result,
                keep,
            } => {
                self.end_item(path, *index, ItemEnd::Succeeded(result.clone()))?;
                if !keep {
                    self.forget(&format!("{path}[{index}]."));
                }
                Ok(())
            }
            Event::ItemFailed { path, index, .. } if self.repairs(path, *index) => {
                self.fail_repair(path, *index);
                Ok(())
            }
            Event::ItemRepaired {
                path,
                index,
                result,
            } => self.end_repair(path, *index, result),
            Event::ItemFailed {
                path, index, error, ..
            } => self.end_item(path, *index, ItemEnd::Failed(error.clone())),
            Event::ParallelEntered { path } => {
                self.begin_step(path, StepState::InParallel(ParallelState::default()))
            }
            Event::BranchEnded {
                path,
                branch,
                result,
            } => self.end_branch(path, branch, result),
            Event::TryEntered { path } => self.begin_step(path, StepState::Trying { caught: None }),
            Event::Caught {
                path,
                clause,
                step,
                error,
            } => self.catch(
                path,
                Caught {
                    clause: *clause,
                    step: step.clone(),
                    error: error.clone(),
                },
            ),
            Event::BlockEnded { path, result } => self.end_block(path, result),
            _ => Ok(()),
        }
    }

    /// The events that bring a run to rest.
    fn change_end(&mut self, event: &Event) -> Applied {
        let undoing = self.compensation.is_some();
        match event {
            Event::Succeeded { .. } | Event::Failed { .. } if undoing => {
                return Err("the run is being compensated".to_owned());
            }
            Event::Compensated { .. } if !undoing => {
                return Err("the run is not being compensated".to_owned());
            }
            Event::Cancelled {} if self.cancel.is_none() => {
                return Err("nobody wants the run to be cancelled".to_owned());
            }
            _ => {}
        }
        self.has_succeeded |= matches!(event, Event::Succeeded { .. });
        self.status = match event {
            Event::Succeeded { .. } if self.failed_items > 0 => RunStatus::SucceededWithFailures,
            Event::Succeeded { .. } => RunStatus::Succeeded,
            Event::Cancelled {} => RunStatus::Cancelled,
            Event::Compensated { error } => {
                self.error = error.clone().map(|error| (error, None));
                RunStatus::Compensated
            }
            Event::Failed { error, path } => {
                self.error = Some((error.clone(), path.clone()));
                RunStatus::Failed
            }
            Event::Parked { error, path } => {
                self.error = Some((error.clone(), path.clone()));
                RunStatus::Parked
            }
            _ => return Ok(()),
        };
        Ok(())
    }

    /// A step state for a value that was just given.
    pub(super) fn done(&self, value: JsonText) -> StepState {
        StepState::Done(Done {
            value,
            seq: self.next_seq,
            items: None,
        })
    }

    fn set_value(&mut self, path: &StepPath, value: &JsonText) -> Applied {
        let done = self.done(value.clone());
        self.begin_step(path, done)?;
        self.sets.push((path.clone(), value.clone()));
        Ok(())
    }

    /// The run is at work.
    pub(super) fn at_work(&mut self) {
        self.status = match self.compensation {
            Some(_) => RunStatus::Compensating,
            None => RunStatus::Running,
        };
    }

    pub(super) fn put(&mut self, path: &StepPath, state: StepState) {
        self.steps.insert(path.clone(), state);
        self.at_work();
    }

    pub(super) fn begin_step(&mut self, path: &StepPath, state: StepState) -> Applied {
        if self.steps.contains_key(path) {
            return Err(format!("step `{path}` has begun already"));
        }
        self.put(path, state);
        Ok(())
    }

    fn end_wait(&mut self, path: &StepPath) -> Applied {
        match self.steps.get(path) {
            Some(StepState::Waiting { .. }) => {
                let done = self.done(JsonText::null());
                self.put(path, done);
                Ok(())
            }
            _ => Err(format!("step `{path}` does not wait")),
        }
    }

    fn end_item(&mut self, path: &StepPath, index: usize, end: ItemEnd) -> Applied {
        let Some(StepState::Looping(state)) = self.steps.get_mut(path) else {
            return Err(format!("step `{path}` is not a loop at work"));
        };
        let has_failed = matches!(end, ItemEnd::Failed(_));
        match state.end_of(index) {
            Some(None) => state.end_item(index, end),
            Some(Some(_)) => return Err(format!("item {index} of `{path}` has ended already")),
            None => return Err(format!("`{path}` has no item {index}")),
        }
        let inner = format!("{path}[{index}].");
        if has_failed {
            self.failed_items += 1;
            self.handle_failures(&inner);
        }
        self.at_work();
        Ok(())
    }

    fn enter_page(
        &mut self,
        path: &StepPath,
        items: &str,
        next: Option<&JsonText>,
        keep: bool,
    ) -> Applied {
        let at_work = match self.steps.get(path) {
            Some(StepState::Looping(state)) => state.paging.as_ref(),
            _ => None,
        };
        let Some(paging) = at_work.filter(|paging| !paging.is_open) else {
            return Err(format!("step `{path}` is not a loop that waits for a page"));
        };
        let page = path.page(paging.number + 1);
        let Some(StepState::Done(done)) = self.steps.get(&page) else {
            return Err(format!("the page `{page}` has not been fetched"));
        };
        let items = pointer::get(&done.value, items).and_then(|items| items.items());
        let items = items.ok_or_else(|| format!("the page `{page}` has no list of items"))?;
        self.steps.remove(&page);
        if let Some(StepState::Looping(state)) = self.steps.get_mut(path) {
            state.enter_page(items, next, keep);
        }
        self.at_work();
        Ok(())
    }

    fn end_page(&mut self, path: &StepPath) -> Applied {
        let Some(StepState::Looping(state)) = self.steps.get_mut(path) else {
            return Err(format!("step `{path}` is not a loop at work"));
        };
        let is_open = state.paging.as_ref().is_some_and(|paging| paging.is_open);
        if !is_open || state.ended < state.items.len() {
            return Err(format!("`{path}` has no page that could end"));
        }
        if state.end_page() {
            self.forget(&format!("{path}["));
        }
        self.at_work();
        Ok(())
    }

    /// Nothing within this place is looked at again.
    fn forget(&mut self, within: &str) {
        self.steps
            .retain(|step, _| !step.as_str().starts_with(within));
        self.sets
            .retain(|(step, _)| !step.as_str().starts_with(within));
    }

    fn end_branch(&mut self, path: &StepPath, branch: &StepId, result: &JsonText) -> Applied {
        let Some(StepState::InParallel(state)) = self.steps.get_mut(path) else {
            return Err(format!("step `{path}` is not a `parallel` at work"));
        };
        if state.results.contains_key(branch) {
            return Err(format!("branch `{branch}` of `{path}` has ended already"));
        }
        state.first.get_or_insert_with(|| branch.clone());
        state.results.insert(branch.clone(), result.clone());
        self.at_work();
        Ok(())
    }

    fn catch(&mut self, path: &StepPath, caught: Caught) -> Applied {
        match self.steps.get(path) {
            Some(StepState::Trying { caught: None }) => {}
            _ => return Err(format!("step `{path}` has nothing to catch")),
        }
        // Steps of one place follow each other: what has failed here, has failed inside.
        self.handle_failures(path.place());
        let caught = Some(caught);
        self.put(path, StepState::Trying { caught });
        Ok(())
    }

    fn end_block(&mut self, path: &StepPath, result: &JsonText) -> Applied {
        let items = match self.steps.get(path) {
            Some(StepState::InBranch { .. } | StepState::Trying { .. }) => None,
            Some(StepState::InParallel(state)) if state.first.is_some() => {
                self.handle_failures(&format!("{path}["));
                None
            }
            Some(StepState::Looping(state)) if state.ended == state.items.len() => {
                let kept = state.paging.as_ref().map(|paging| paging.kept.clone());
                Some(kept.map_or_else(|| state.items.clone(), Into::into))
            }
            _ => return Err(format!("step `{path}` has no block that could end")),
        };
        let mut done = self.done(result.clone());
        let inner = format!("{path}[");
        let mut kept = self.steps.keys();
        if let StepState::Done(done) = &mut done
            && kept.any(|step| step.as_str().starts_with(&inner))
        {
            done.items = items;
        }
        self.put(path, done);
        Ok(())
    }
}

fn check_version(entry: &Entry) -> Result<(), IllegalEvent> {
    if entry.v == 0 || entry.v > VERSION {
        let reason = format!(
            "format {} is not known to this host, which reads up to {VERSION}",
            entry.v
        );
        return Err(IllegalEvent {
            seq: entry.seq,
            reason,
        });
    }
    Ok(())
}
