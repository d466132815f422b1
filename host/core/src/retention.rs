//! How long finished runs are kept.

use crate::id::FlowName;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// This long after it ended.
    For(Duration),
    /// Until a person removes it.
    Forever,
}

/// How long the finished runs of a flow are kept. Runs that have not ended, parked ones
/// included, are never removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs that ended well.
    pub succeeded: Keep,
    /// Runs that ended otherwise.
    pub failed: Keep,
    /// Finished runs beyond this number are removed whatever their age, those that ended
    /// first first. Nothing where age alone decides.
    pub max_runs: Option<u64>,
}

impl Retention {
    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Keeps everything.
    pub const FOREVER: Self = Self {
        succeeded: Keep::Forever,
        failed: Keep::Forever,
        max_runs: None,
    };
}

impl Default for Retention {
    /// A month for looking things up, a quarter for what went wrong.
    fn default() -> Self {
        Self {
            succeeded: Keep::For(30 * Self::DAY),
            failed: Keep::For(90 * Self::DAY),
            max_runs: None,
        }
    }
}

/// The retention of every flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRules {
    /// For flows without a rule of their own, removed ones included.
    pub default: Retention,
    /// For these flows.
    pub flows: BTreeMap<FlowName, Retention>,
}

impl RetentionRules {
    /// The rule of a flow.
    pub fn of(&self, flow: &FlowName) -> Retention {
        self.flows.get(flow).copied().unwrap_or(self.default)
    }
}
