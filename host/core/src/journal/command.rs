//! What people and policies decide about a run.

use super::PinnedConnector;
use crate::digest::Digest;
use crate::id::{ConnectionName, RunId, StepPath};
use crate::json::JsonText;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who decided, as the audit trail names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub String);

/// How somebody proved who they are, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Such as `session 3f1c`, `token ci` or `socket uid 0`.
    pub identity: String,
    /// The address that the request came from, seen through trusted proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A decision about a run, with its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commanded {
    /// Who.
    pub actor: Actor,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who confirmed it, where the environment asks for two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<Actor>,
    /// How the author was known, where they came through the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The bulk operation that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<RunId>,
    /// What.
    pub command: Command,
}

/// Another version of the flow that a run goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherPlan {
    /// The version.
    pub version: semver::Version,
    /// Its plan.
    pub plan: Digest,
    /// Git commit of the flow, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Version and digest of every connector that the plan names.
    pub connectors: BTreeMap<ConnectionName, PinnedConnector>,
    /// Digest of the mapping guest.
    pub mapping: Digest,
}

/// A decision about a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// End the run before its time. Open calls come to their end first.
    Cancel {
        /// Whether the steps that have succeeded are undone.
        #[serde(default)]
        compensate: bool,
    },
    /// Try the failed steps again, with the same keys and bytes.
    Retry {
        /// Only this step; all that failed if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
    },
    /// Try a failed call again with another input, under another key.
    EditInput {
        /// The step.
        path: StepPath,
        /// The new input, in full.
        input: JsonText,
        /// The new key; empty in a request for one that the host makes.
        #[serde(default)]
        idempotency_key: String,
    },
    /// Give a failed step a value, as if it had succeeded.
    Complete {
        /// The step.
        path: StepPath,
        /// The value.
        output: JsonText,
    },
    /// Go on without a failed step.
    Skip {
        /// The step.
        path: StepPath,
    },
    /// Go on with another version of the flow, and try the failed steps again.
    RetryOn {
        /// Only this step; all that failed if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
        /// The version.
        other: OtherPlan,
    },
    /// Try a failed item of a loop again, after the run has ended without it.
    RetryItem {
        /// The loop.
        path: StepPath,
        /// Index of the item.
        index: usize,
    },
    /// Nothing more is to be done about a failed item of a loop.
    DiscardItem {
        /// The loop.
        path: StepPath,
        /// Index of the item.
        index: usize,
    },
    /// The same event began another run, which takes the place of this one.
    Rerun {
        /// The other run.
        run: RunId,
    },
    /// Undo the steps that have succeeded, and end the run.
    Compensate,
    /// Nothing more is to be done: end the run as it is.
    Discard {
        /// Whether the dedupe key stays taken.
        #[serde(default)]
        keep_key: bool,
    },
    /// Answer an approval. The reason is the comment.
    Decide {
        /// The step.
        path: StepPath,
        /// One of the decisions that the step asks for.
        decision: String,
        /// The groups that the policy had the actor in; empty in a request, the host
        /// fills it in.
        #[serde(default)]
        groups: Vec<String>,
    },
}

impl Command {
    /// The command's name in journals, API and CLI.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cancel { .. } => "cancel",
            Self::Retry { .. } => "retry",
            Self::EditInput { .. } => "edit-input",
            Self::Complete { .. } => "complete",
            Self::Skip { .. } => "skip",
            Self::RetryOn { .. } => "retry-on",
            Self::RetryItem { .. } => "retry-item",
            Self::DiscardItem { .. } => "discard-item",
            Self::Rerun { .. } => "rerun",
            Self::Compensate => "compensate",
            Self::Discard { .. } => "discard",
            Self::Decide { .. } => "decide",
        }
    }
}
