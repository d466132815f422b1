//! What a flow promises.

use dowel_core::units::Share;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a flow promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sla {
    /// The longest active time of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// The longest time until a person has decided about an exception.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Duration>,
    /// The share of runs that succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Share>,
}

impl Sla {
    /// The longest time until a person has decided about an exception: what is said of
    /// that, or else what is said of the run.
    pub fn due(&self) -> Option<Duration> {
        self.resolve.or(self.within)
    }
}
