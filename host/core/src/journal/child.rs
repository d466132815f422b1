//! What journals say about runs that run each other.

use crate::digest::Digest;
use crate::error::StepError;
use crate::id::{FlowName, RunId, StepPath};
use crate::json::JsonText;
use serde::{Deserialize, Serialize};

/// The run whose `run` step began a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentRun {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// Which child of the step it is, from 1.
    pub attempt: u32,
    /// How many runs are above this one.
    pub depth: u32,
    /// Whether the parent goes on without waiting for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detached: bool,
    /// Whether the run is made up, and so are those that it begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
}

/// A run that a `run` step began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildBegan {
    /// The step.
    pub path: StepPath,
    /// From 1.
    pub attempt: u32,
    /// The child.
    pub run: RunId,
    /// Its flow.
    pub flow: FlowName,
    /// The version that was active.
    pub version: semver::Version,
    /// The plan that it stays on.
    pub plan: Digest,
    /// The payload, with the first child of the step; the later ones get the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<JsonText>,
    /// Whether the step does not wait for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detached: bool,
}

/// How a child came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChildEnd {
    /// Well.
    Succeeded {
        /// Its output.
        output: JsonText,
    },
    /// With an error; what it did may have been undone.
    Failed {
        /// Why.
        error: StepError,
    },
    /// Before its time, because somebody asked for it.
    Cancelled {},
}

/// Why a parent asks its child to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The step's `timeout` has passed.
    Timeout,
    /// The parent ends or goes on without it.
    Abandoned,
}
