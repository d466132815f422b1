//! The contract of a flow: what senders, callers and readers of its results rely on, and
//! whether a newer version keeps it.

mod bump;
mod finding;
mod flow;
mod promise;
mod reference;
mod rule;
mod schema;

pub use bump::{Bump, actual, due};
pub use finding::{next, version_findings};
pub(crate) use flow::emitted;
pub use flow::{ContractChange, compare_contracts};
pub use promise::Promise;
pub use reference::rules_page;
pub use rule::{Effect, Rule};
pub use schema::{Difference, compare};

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a change of the contract asks of those who make it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing: whatever worked goes on working.
    #[default]
    Compatible,
    /// Others see no difference, but versions that run side by side share something that
    /// is different now: let the runs of the older one end first.
    NeedsDrain,
    /// Somebody's payload may be refused, or somebody may miss what was promised.
    Breaking,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compatible => "compatible",
            Self::NeedsDrain => "needs drain",
            Self::Breaking => "breaking",
        })
    }
}

/// Who writes the values of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Others: a payload. The newer schema must take all that the older one took.
    Taken,
    /// The flow: an output. The newer schema must promise all that the older one promised.
    Given,
}

impl Direction {
    /// What a difference of schemas means.
    pub const fn class(self, effect: Effect) -> Class {
        match (effect, self) {
            (Effect::Same, _) | (Effect::Wider, Self::Taken) | (Effect::Narrower, Self::Given) => {
                Class::Compatible
            }
            _ => Class::Breaking,
        }
    }
}
