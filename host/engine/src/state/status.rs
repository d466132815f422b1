//! Where a run stands.

use serde::{Deserialize, Serialize};

/// Where a run stands. `docs/run-states.md` shows the events between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted; no step has begun.
    Pending,
    /// At work.
    Running,
    /// Nothing to do before a timer is due or something comes in.
    Waiting,
    /// Undoing steps that had succeeded.
    Compensating,
    /// Ended well.
    Succeeded,
    /// Ended well but for some items of a loop, which failed and were left behind.
    SucceededWithFailures,
    /// Ended by a `fail` step or a policy, with nothing to undo.
    Failed,
    /// Ended with an error, and every step that could be undone is undone.
    Compensated,
    /// Ended by a person before its time.
    Cancelled,
    /// Waits for a person.
    Parked,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Compensating,
        Self::Succeeded,
        Self::SucceededWithFailures,
        Self::Failed,
        Self::Compensated,
        Self::Cancelled,
        Self::Parked,
    ];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Compensating => "compensating",
            Self::Succeeded => "succeeded",
            Self::SucceededWithFailures => "succeeded_with_failures",
            Self::Failed => "failed",
            Self::Compensated => "compensated",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
        }
    }

    /// Whether the engine has nothing more to do with the run by itself.
    pub const fn is_at_rest(self) -> bool {
        !matches!(
            self,
            Self::Pending | Self::Running | Self::Waiting | Self::Compensating
        )
    }

    /// Whether a person can still decide something about the run at rest.
    pub const fn is_open_to_decision(self) -> bool {
        matches!(self, Self::Failed | Self::Parked)
    }
}
