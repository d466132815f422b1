//! Events that steps wait for: which of them a run has had, and how the waiting ended.

use super::{Failed, RunState, StepState};
use dowel_core::code::run::RECEIVE_TIMEOUT;
use dowel_core::journal::{Event, EventAwaited, EventReceived, OnTimeout};
use dowel_core::{Digest, ErrorKind, JsonText, StepError, StepPath, Timestamp};
use serde::Deserialize;
use std::sync::Arc;

/// Where events and those who wait for them meet: a question, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The question: `type` and `match.event`.
    pub receiver: Digest,
    /// The digest of the answer: what `match.value` yields.
    pub value: Digest,
}

impl Slot {
    /// The place of a question and its answer.
    pub fn new(receiver: Digest, value: &str) -> Self {
        Self {
            receiver,
            value: Digest::of(value),
        }
    }
}

/// Identifies an event: CloudEvents `source` and `id` together are unique.
pub fn event_identity(source: &str, id: &str) -> Digest {
    let length = source.len();
    Digest::of(format!("{length}:{source}{id}"))
}

/// A step that waits for an event.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiveState {
    /// For which one.
    pub awaited: Arc<EventAwaited>,
    /// Since when.
    pub since: Timestamp,
    /// Position of the entry with which it began.
    pub seq: u64,
}

impl ReceiveState {
    /// Where its event would be.
    pub fn slot(&self) -> Slot {
        Slot::new(self.awaited.receiver, &self.awaited.value)
    }
}

impl RunState {
    /// The steps that wait for an event; none while the run is at rest or ends.
    pub fn open_receives(&self) -> impl Iterator<Item = &ReceiveState> {
        let ends = self.status.is_at_rest() || self.cancel.is_some();
        let steps = self.steps.values().filter(move |_| !ends);
        steps.filter_map(|step| match step {
            StepState::Receiving(waiting) => Some(waiting),
            _ => None,
        })
    }

    /// Whether no other step of the run has waited longer for the same: an event goes to
    /// one step of a run.
    pub fn is_first_to_receive(&self, waiting: &ReceiveState) -> bool {
        let slot = waiting.slot();
        let mut others = self.open_receives();
        !others.any(|other| other.seq < waiting.seq && other.slot() == slot)
    }

    /// From when on events count.
    pub fn events_from(&self) -> Timestamp {
        self.created.events_from.unwrap_or(self.created_at)
    }

    /// The identity of the event that began the run, if one did.
    pub fn began_with(&self) -> Option<Digest> {
        #[derive(Deserialize)]
        struct Began {
            id: String,
            source: Option<String>,
        }
        let began: Began = serde_json::from_str(self.created.event.as_str()).ok()?;
        Some(event_identity(&began.source?, &began.id))
    }

    pub(super) fn change_receive(&mut self, event: &Event, at: Timestamp) -> Result<(), String> {
        match event {
            Event::EventAwaited(awaited) => {
                let waiting = ReceiveState {
                    awaited: Arc::new(awaited.clone()),
                    since: at,
                    seq: self.next_seq,
                };
                self.begin_step(&awaited.path, StepState::Receiving(waiting))?;
                self.wait_unless_busy();
            }
            Event::EventReceived(received) => self.take_event(received)?,
            Event::ReceiveExpired { path } => {
                let awaited = self.receiving(path)?;
                let end = match awaited.on_timeout {
                    _ if awaited.until.is_none() => {
                        return Err(format!("step `{path}` waits for as long as it takes"));
                    }
                    OnTimeout::Continue => self.done(JsonText::null()),
                    OnTimeout::Fail => StepState::Failed(Failed {
                        error: timed_out(&awaited),
                        call: None,
                        child: None,
                        deliberate: false,
                        handled: false,
                    }),
                };
                self.put(path, end);
            }
            _ => {}
        }
        Ok(())
    }

    fn receiving(&self, path: &StepPath) -> Result<Arc<EventAwaited>, String> {
        match self.steps.get(path) {
            Some(StepState::Receiving(waiting)) => Ok(Arc::clone(&waiting.awaited)),
            _ => Err(format!("step `{path}` waits for no event")),
        }
    }

    fn take_event(&mut self, received: &EventReceived) -> Result<(), String> {
        let path = &received.path;
        let awaited = self.receiving(path)?;
        let slot = Slot::new(awaited.receiver, &awaited.value);
        let identity = event_identity(&received.source, &received.id);
        if !self.received.insert((slot, identity)) {
            return Err(format!(
                "step `{path}` is given an event that the run has had"
            ));
        }
        let value = received.output.as_ref().unwrap_or(&received.event);
        let done = self.done(value.clone());
        self.put(path, done);
        Ok(())
    }
}

/// The error of a step that no event came for.
pub(crate) fn timed_out(awaited: &EventAwaited) -> StepError {
    let message = format!("no event `{}` came in time", awaited.event_type);
    StepError::host(ErrorKind::Timeout, RECEIVE_TIMEOUT, message)
}
