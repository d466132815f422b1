//! What a journal says about approvals.

use crate::id::StepPath;
use crate::json::JsonText;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A question to people, with everything that was evaluated for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAsked {
    /// The step.
    pub path: StepPath,
    /// The question in a line.
    pub title: String,
    /// What they are shown: an object.
    pub show: JsonText,
    /// The groups that may decide, by the names of the policy.
    pub groups: Vec<String>,
    /// What may be decided.
    pub decisions: Vec<String>,
    /// People who may not decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// When it expires; never without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When further groups may decide, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<Escalation>,
    /// What its end without a decision of a person means.
    #[serde(default)]
    pub on_expiry: OnExpiry,
    /// The decision that fails the step, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails_on: Option<String>,
}

/// Further groups that may decide from some time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// From when on.
    pub at: Timestamp,
    /// The groups.
    pub groups: Vec<String>,
}

/// What the end of an approval without a decision of a person means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnExpiry {
    /// The step fails.
    #[default]
    Fail,
    /// The policy of the flow decides this.
    Decide(String),
}
