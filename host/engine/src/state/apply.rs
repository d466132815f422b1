//! The transition function: what an event does to a run.

use super::{LoopState, RunState, RunStatus, StepState};
use dowel_core::journal::{CallArguments, Entry, Event, RunCreated, VERSION};
use dowel_core::{JsonText, StepError, StepPath, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

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
            failed: None,
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
        if self.status.is_at_rest() {
            return Err(illegal(format!("the run is {}", self.status.name())));
        }
        self.change(&entry.event).map_err(illegal)?;
        self.next_seq += 1;
        self.updated_at = entry.at;
        Ok(())
    }

    fn change(&mut self, event: &Event) -> Applied {
        match event {
            Event::Created(_) => Err("the run exists already".into()),
            Event::StepSkipped { path } => self.begin_step(path, StepState::Skipped),
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
                self.end_attempt(path, *attempt, call.as_ref())?;
                let value = output.as_ref().unwrap_or(result).clone();
                self.put(path, StepState::Done { value });
                Ok(())
            }
            Event::StepFailed { path, error, .. } => self.fail_step(path, error),
            Event::ValueSet { path, value } => self.set_value(path, value),
            Event::BranchTaken { path, case } => {
                self.begin_step(path, StepState::InBranch { case: *case })
            }
            Event::LoopEntered { path, items } => {
                let items = items.items().ok_or("`for_each` was not given a list")?;
                self.begin_step(path, StepState::Looping(LoopState::new(items)))
            }
            Event::ItemEnded {
                path,
                index,
                result,
            } => self.end_item(path, *index, result),
            Event::BlockEnded { path, result } => self.end_block(path, result),
            Event::Emitted { path, id, .. } => self.begin_step(
                path,
                StepState::Done {
                    value: JsonText::string(id),
                },
            ),
            Event::Succeeded { .. } => self.rest(RunStatus::Succeeded),
            Event::Failed { .. } => self.rest(RunStatus::Failed),
            Event::Parked { .. } => self.rest(RunStatus::Parked),
        }
    }

    fn set_value(&mut self, path: &StepPath, value: &JsonText) -> Applied {
        let done = StepState::Done {
            value: value.clone(),
        };
        self.begin_step(path, done)?;
        self.sets.push((path.clone(), value.clone()));
        Ok(())
    }

    fn rest(&mut self, status: RunStatus) -> Applied {
        self.status = status;
        Ok(())
    }

    fn put(&mut self, path: &StepPath, state: StepState) {
        self.status = RunStatus::Running;
        self.steps.insert(path.clone(), state);
    }

    fn has_open_call(&self) -> bool {
        self.steps
            .values()
            .any(|step| matches!(step, StepState::Calling { .. }))
    }

    fn begin_step(&mut self, path: &StepPath, state: StepState) -> Applied {
        if self.steps.contains_key(path) {
            return Err(format!("step `{path}` has begun already"));
        }
        self.put(path, state);
        Ok(())
    }

    fn intend(&mut self, path: &StepPath, attempt: u32, call: Option<&CallArguments>) -> Applied {
        let (last, known) = match self.steps.get(path) {
            None => (0, None),
            Some(StepState::Retrying { attempt, call, .. }) => (*attempt, Some(call.clone())),
            Some(_) => return Err(format!("step `{path}` does not wait for an attempt")),
        };
        let call = arguments(path, known, call)?;
        follows(path, last, attempt)?;
        self.put(path, StepState::Calling { attempt, call });
        Ok(())
    }

    fn wait_for_retry(
        &mut self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
        retry_at: Timestamp,
    ) -> Applied {
        let call = self.end_attempt(path, attempt, call)?;
        self.put(
            path,
            StepState::Retrying {
                attempt,
                call,
                retry_at,
            },
        );
        if !self.has_open_call() {
            self.status = RunStatus::Waiting;
        }
        Ok(())
    }

    /// The step waits for its turn with the attempt that was due anyway: none is used up.
    fn hold(&mut self, path: &StepPath, attempt: u32, call: Option<&CallArguments>) -> Applied {
        let (last, known, retry_at) = match self.steps.get(path) {
            None => (0, None, Timestamp::default()),
            Some(StepState::Retrying {
                attempt,
                call,
                retry_at,
            }) => (*attempt, Some(call.clone()), *retry_at),
            Some(_) => return Err(format!("step `{path}` does not wait for an attempt")),
        };
        let call = arguments(path, known, call)?;
        follows(path, last, attempt)?;
        let held = StepState::Retrying {
            attempt: last,
            call,
            retry_at,
        };
        self.put(path, held);
        if !self.has_open_call() {
            self.status = RunStatus::Waiting;
        }
        Ok(())
    }

    /// The arguments of the attempt that ends, which an intent has announced unless
    /// the operation only reads.
    fn end_attempt(
        &self,
        path: &StepPath,
        attempt: u32,
        call: Option<&CallArguments>,
    ) -> Result<Arc<CallArguments>, String> {
        match self.steps.get(path) {
            None => follows(path, 0, attempt).and_then(|()| arguments(path, None, call)),
            Some(StepState::Calling {
                attempt: open,
                call: known,
            }) if *open == attempt => Ok(known.clone()),
            Some(StepState::Retrying {
                attempt: last,
                call: known,
                ..
            }) => {
                follows(path, *last, attempt)?;
                Ok(known.clone())
            }
            Some(_) => Err(format!(
                "step `{path}` has no attempt {attempt} that could end"
            )),
        }
    }

    fn fail_step(&mut self, path: &StepPath, error: &StepError) -> Applied {
        match self.steps.get(path) {
            Some(StepState::Done { .. } | StepState::Skipped | StepState::Failed) => {
                Err(format!("step `{path}` has ended already"))
            }
            _ => {
                self.put(path, StepState::Failed);
                if self.failed.is_none() {
                    self.failed = Some((path.clone(), error.clone()));
                }
                Ok(())
            }
        }
    }

    fn end_item(&mut self, path: &StepPath, index: usize, result: &JsonText) -> Applied {
        let Some(StepState::Looping(state)) = self.steps.get_mut(path) else {
            return Err(format!("step `{path}` is not a loop at work"));
        };
        match state.results.get(index) {
            Some(None) => state.end_item(index, result.clone()),
            Some(Some(_)) => return Err(format!("item {index} of `{path}` has ended already")),
            None => return Err(format!("`{path}` has no item {index}")),
        }
        let inner = format!("{path}[{index}].");
        self.steps
            .retain(|step, _| !step.as_str().starts_with(&inner));
        self.sets
            .retain(|(step, _)| !step.as_str().starts_with(&inner));
        self.status = RunStatus::Running;
        Ok(())
    }

    fn end_block(&mut self, path: &StepPath, result: &JsonText) -> Applied {
        match self.steps.get(path) {
            Some(StepState::InBranch { .. }) => {}
            Some(StepState::Looping(state)) if state.ended == state.items.len() => {}
            _ => return Err(format!("step `{path}` has no block that could end")),
        }
        self.put(
            path,
            StepState::Done {
                value: result.clone(),
            },
        );
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

fn follows(path: &StepPath, last: u32, attempt: u32) -> Applied {
    if attempt == last + 1 {
        return Ok(());
    }
    Err(format!(
        "attempt {attempt} of `{path}` does not follow attempt {last}"
    ))
}

fn arguments(
    path: &StepPath,
    known: Option<Arc<CallArguments>>,
    given: Option<&CallArguments>,
) -> Result<Arc<CallArguments>, String> {
    match (known, given) {
        (Some(known), None) => Ok(known),
        (None, Some(given)) => Ok(Arc::new(given.clone())),
        (Some(_), Some(_)) => Err(format!("the arguments of `{path}` are fixed already")),
        (None, None) => Err(format!("the arguments of `{path}` are missing")),
    }
}
