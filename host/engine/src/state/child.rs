//! `run` steps: the runs that they began, and how these ended.

use super::{Done, RunState, RunStatus, StepState};
use dowel_core::journal::{ChildBegan, ChildEnd, Event, StopReason};
use dowel_core::{JsonText, RunId, StepPath, Timestamp};

type Applied = Result<(), String>;

/// A `run` step that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildState {
    /// The last child that began, or could not, from 1.
    pub attempt: u32,
    /// Children before a person began a new round of them.
    pub earlier: u32,
    /// When the first one of this round was due: `retry.max_elapsed` counts from here.
    pub since: Timestamp,
    /// What every child is begun with.
    pub payload: JsonText,
    /// Where the last child stands.
    pub phase: ChildPhase,
}

/// Where the last child of a `run` step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum ChildPhase {
    /// Another one follows, not before this time.
    Due(Timestamp),
    /// It is at work, or waits.
    AtWork {
        /// The child.
        run: RunId,
        /// When it began.
        began: Timestamp,
        /// Why it was asked to end, if it was.
        stop: Option<StopReason>,
    },
    /// It came to its end, and the step has to.
    Ended {
        /// Why it was asked to end, if it was.
        stop: Option<StopReason>,
        /// How it ended.
        end: ChildEnd,
    },
}

impl RunState {
    /// The `run` steps within a place whose child has not been concluded.
    pub(crate) fn children<'s>(
        &'s self,
        within: &'s str,
    ) -> impl Iterator<Item = (&'s StepPath, &'s ChildState)> {
        let steps = self.steps.iter();
        steps.filter_map(move |(path, step)| match step {
            StepState::Child(child)
                if path.as_str().starts_with(within)
                    && !matches!(child.phase, ChildPhase::Due(_)) =>
            {
                Some((path, &**child))
            }
            _ => None,
        })
    }

    /// How many runs are above this one.
    pub fn depth(&self) -> u32 {
        let parent = self.created.parent.as_ref();
        parent.map_or(0, |parent| parent.depth)
    }

    /// Whether a step waits for this child.
    pub(crate) fn waits_for_child(&self, path: &StepPath, attempt: u32) -> bool {
        let step = self.steps.get(path);
        matches!(step, Some(StepState::Child(child))
            if child.attempt == attempt && matches!(child.phase, ChildPhase::AtWork { .. }))
    }

    /// The events of `run` steps.
    pub(super) fn change_child(&mut self, event: &Event, at: Timestamp) -> Applied {
        match event {
            Event::ChildBegan(began) => self.begin_child(began, at),
            Event::ChildReplaced { path, attempt, run } => self.replace_child(path, *attempt, *run),
            Event::ChildStopped {
                path,
                attempt,
                run,
                reason,
                ..
            } => self.stop_child(path, *attempt, *run, *reason),
            Event::ChildEnded {
                path, attempt, end, ..
            } => self.end_child(path, *attempt, end),
            Event::ChildConcluded { path, output } => self.conclude_child(path, output.as_ref()),
            Event::ChildFailed {
                path,
                attempt,
                retry_at,
                payload,
                ..
            } => self.retry_child(path, *attempt, *retry_at, payload.as_ref()),
            _ => Ok(()),
        }
    }

    fn begin_child(&mut self, began: &ChildBegan, at: Timestamp) -> Applied {
        let path = &began.path;
        let child = self.next_child(path, began.attempt, began.payload.as_ref())?;
        if began.detached {
            let id = JsonText::string(&began.run.to_string());
            let done = self.done(JsonText::object([("run", &id)]));
            self.put(path, done);
            return Ok(());
        }
        let phase = ChildPhase::AtWork {
            run: began.run,
            began: at,
            stop: None,
        };
        self.put_child(path, ChildState { phase, ..child });
        self.wait_unless_busy();
        Ok(())
    }

    /// Another child follows the one that failed, or that could not begin.
    fn retry_child(
        &mut self,
        path: &StepPath,
        attempt: u32,
        retry_at: Timestamp,
        payload: Option<&JsonText>,
    ) -> Applied {
        let child = match self.steps.get(path) {
            Some(StepState::Child(child))
                if child.attempt == attempt
                    && payload.is_none()
                    && matches!(child.phase, ChildPhase::Ended { .. }) =>
            {
                (**child).clone()
            }
            _ => self.next_child(path, attempt, payload)?,
        };
        let phase = ChildPhase::Due(retry_at);
        self.put_child(path, ChildState { phase, ..child });
        self.wait_unless_busy();
        Ok(())
    }

    fn replace_child(&mut self, path: &StepPath, attempt: u32, other: RunId) -> Applied {
        match &mut self.child_at_work(path, attempt)?.phase {
            ChildPhase::AtWork { run, stop, .. } => {
                *run = other;
                // The other run has not been asked anything.
                *stop = None;
            }
            _ => return Err(no_child(path, attempt)),
        }
        Ok(())
    }

    fn stop_child(
        &mut self,
        path: &StepPath,
        attempt: u32,
        child: RunId,
        reason: StopReason,
    ) -> Applied {
        match &mut self.child_at_work(path, attempt)?.phase {
            ChildPhase::AtWork { run, stop, .. } if *run == child && stop.is_none() => {
                *stop = Some(reason);
            }
            _ => return Err(format!("the child of `{path}` is not to be stopped")),
        }
        self.wait_unless_busy();
        Ok(())
    }

    /// Also a parked run takes note of it: whoever lets it go on finds the result.
    fn end_child(&mut self, path: &StepPath, attempt: u32, end: &ChildEnd) -> Applied {
        let child = self.child_at_work(path, attempt)?;
        if let ChildPhase::AtWork { stop, .. } = child.phase {
            let end = end.clone();
            child.phase = ChildPhase::Ended { stop, end };
        }
        if !self.status.is_at_rest() {
            self.at_work();
        }
        Ok(())
    }

    fn conclude_child(&mut self, path: &StepPath, output: Option<&JsonText>) -> Applied {
        let result = match self.steps.get(path) {
            Some(StepState::Child(child)) => match &child.phase {
                ChildPhase::Ended {
                    end: ChildEnd::Succeeded { output },
                    ..
                } => output,
                _ => return Err(format!("the child of `{path}` has not ended well")),
            },
            _ => return Err(format!("step `{path}` runs no other flow")),
        };
        let done = Done {
            value: output.unwrap_or(result).clone(),
            seq: self.next_seq,
            items: None,
        };
        self.put(path, StepState::Done(done));
        Ok(())
    }

    /// The state that a step fails with keeps what its children are begun with.
    pub(super) fn failed_child(&self, path: &StepPath) -> Option<Box<ChildState>> {
        match self.steps.get(path) {
            Some(StepState::Child(child)) => Some(child.clone()),
            _ => None,
        }
    }

    /// Children that the run had given up for its end are begun anew when it goes on.
    pub(super) fn retry_abandoned(&mut self, at: Timestamp) {
        for step in self.steps.values_mut() {
            if let StepState::Child(child) = step
                && let ChildPhase::Ended {
                    stop: Some(StopReason::Abandoned),
                    end: ChildEnd::Failed { .. } | ChildEnd::Cancelled {},
                } = child.phase
            {
                child.earlier = child.attempt;
                child.since = at;
                child.phase = ChildPhase::Due(at);
            }
        }
    }

    fn child_at_work(&mut self, path: &StepPath, attempt: u32) -> Result<&mut ChildState, String> {
        match self.steps.get_mut(path) {
            Some(StepState::Child(child))
                if child.attempt == attempt && matches!(child.phase, ChildPhase::AtWork { .. }) =>
            {
                Ok(child)
            }
            _ => Err(no_child(path, attempt)),
        }
    }

    /// The step with its next child.
    fn next_child(
        &self,
        path: &StepPath,
        attempt: u32,
        payload: Option<&JsonText>,
    ) -> Result<ChildState, String> {
        let known = match self.steps.get(path) {
            None => None,
            Some(StepState::Child(child)) if matches!(child.phase, ChildPhase::Due(_)) => {
                Some(&**child)
            }
            Some(_) => return Err(format!("step `{path}` does not wait for another child")),
        };
        let last = known.map_or(0, |known| known.attempt);
        if attempt != last + 1 {
            return Err(format!(
                "child {attempt} of `{path}` does not follow child {last}"
            ));
        }
        match (known, payload) {
            (Some(known), None) => Ok(ChildState {
                attempt,
                ..known.clone()
            }),
            (None, Some(payload)) => Ok(ChildState {
                attempt,
                earlier: 0,
                since: self.updated_at,
                payload: payload.clone(),
                phase: ChildPhase::Due(Timestamp::default()),
            }),
            (Some(_), Some(_)) => Err(format!("the payload of `{path}` is fixed already")),
            (None, None) => Err(format!("the payload of `{path}` is missing")),
        }
    }

    fn put_child(&mut self, path: &StepPath, child: ChildState) {
        self.put(path, StepState::Child(Box::new(child)));
    }

    /// Whether the run may not end while its children go on, because nobody waits for
    /// them any more.
    pub(super) fn has_children(&self) -> bool {
        self.status == RunStatus::Parked && self.children("").next().is_some()
    }
}

fn no_child(path: &StepPath, attempt: u32) -> String {
    format!("step `{path}` does not wait for its child {attempt}")
}
