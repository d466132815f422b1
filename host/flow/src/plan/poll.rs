//! `poll` triggers.

use dowel_core::JsonText;
use dowel_core::id::{ConnectionName, OperationName};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Events that the host fetches from a source of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The connection.
    pub connection: ConnectionName,
    /// The source of its connector.
    pub source: OperationName,
    /// The parameters.
    pub params: JsonText,
    /// The time between the end of a round and the next one.
    pub every: Duration,
    /// The longest time of one read.
    pub deadline: Duration,
}
