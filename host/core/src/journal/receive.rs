//! Events that steps wait for.

use crate::digest::Digest;
use crate::id::StepPath;
use crate::json::JsonText;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A step waits for an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventAwaited {
    /// The step.
    pub path: StepPath,
    /// CloudEvents `type`, or the beginning of one with `.*` behind it.
    pub event_type: String,
    /// Which question is asked of events: the digest of `type` and `match.event`.
    pub receiver: Digest,
    /// What the answer has to be: the value of `match.value`, as text.
    pub value: String,
    /// When the step stops waiting; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What it means that no event came in time.
    #[serde(default)]
    pub on_timeout: OnTimeout,
}

/// What it means that no event came in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTimeout {
    /// The step fails.
    #[default]
    Fail,
    /// The run goes on, and the step's value is `null`.
    Continue,
}

/// The event that a step waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReceived {
    /// The step.
    pub path: StepPath,
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id`.
    pub id: String,
    /// The event with its data.
    pub event: JsonText,
    /// The step's value after its `output` mapping, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<JsonText>,
}
