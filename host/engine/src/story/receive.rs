//! What a step waited for, and what came.

use super::{Story, rfc3339_option};
use crate::mask::mask;
use crate::state::timed_out;
use dowel_core::journal::{Event, EventAwaited, OnTimeout};
use dowel_core::{JsonText, Timestamp};
use serde::Serialize;

/// The story of a step that waits for an event.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiveStory {
    /// CloudEvents `type`, or the beginning of one with `.*` behind it.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The key that the event has to carry.
    pub value: String,
    /// When the step stops waiting.
    #[serde(serialize_with = "rfc3339_option")]
    pub until: Option<Timestamp>,
    /// CloudEvents `id` of the event that came.
    pub id: Option<String>,
    /// CloudEvents `source` of the event that came.
    pub source: Option<String>,
    /// The trace context that the event came with: that of who sent it.
    #[serde(skip)]
    pub traceparent: Option<String>,
    #[serde(skip)]
    awaited: EventAwaited,
}

impl ReceiveStory {
    fn begin(awaited: &EventAwaited) -> Self {
        Self {
            event_type: awaited.event_type.clone(),
            value: awaited.value.clone(),
            until: awaited.until,
            id: None,
            source: None,
            traceparent: None,
            awaited: awaited.clone(),
        }
    }
}

/// The extension attribute `traceparent` of an event (CloudEvents, "Distributed Tracing").
fn traceparent(event: &JsonText) -> Option<String> {
    #[derive(Default, serde::Deserialize)]
    struct Extensions {
        traceparent: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Extended {
        #[serde(default)]
        extensions: Extensions,
    }
    let event: Extended = serde_json::from_str(event.as_str()).ok()?;
    event.extensions.traceparent
}

impl Story {
    /// What happened to a step that waits for an event.
    pub(super) fn add_receive(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::EventAwaited(awaited) => {
                let step = self.step(&awaited.path, "receive", at);
                step.status = "waiting";
                step.receive = Some(ReceiveStory::begin(awaited));
            }
            Event::EventReceived(received) => {
                let step = self.step(&received.path, "receive", at);
                if let Some(receive) = &mut step.receive {
                    receive.id = Some(received.id.clone());
                    receive.source = Some(received.source.clone());
                    receive.traceparent = traceparent(&received.event);
                }
                let value = received.output.as_ref().unwrap_or(&received.event);
                step.output = Some(mask(value));
                step.end(at, "succeeded");
            }
            Event::ReceiveExpired { path } => {
                let step = self.step(path, "receive", at);
                let awaited = step.receive.as_ref().map(|receive| &receive.awaited);
                match awaited {
                    Some(awaited) if awaited.on_timeout == OnTimeout::Fail => {
                        let error = timed_out(awaited);
                        step.fail(at, &error);
                    }
                    _ => step.end(at, "succeeded"),
                }
            }
            _ => {}
        }
    }
}
