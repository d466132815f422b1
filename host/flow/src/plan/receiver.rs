//! `webhook` triggers with a connection.

use super::TriggerKind;
use dowel_core::JsonText;
use dowel_core::id::{ConnectionName, OperationName};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Requests that a receiver of a connector understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// The path below `/hooks`, with a leading slash.
    pub path: String,
    /// The connection.
    pub connection: ConnectionName,
    /// The receiver of its connector.
    pub receiver: OperationName,
    /// The parameters.
    pub params: JsonText,
    /// Whether it gets `GET` requests, too: it answers handshakes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handshake: bool,
    /// Whether the connector knows how the service is asked to send.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subscription: bool,
    /// The longest time for one request.
    pub deadline: Duration,
}

impl Receiver {
    /// The methods that it listens to.
    pub const fn methods(&self) -> &'static [&'static str] {
        if self.handshake {
            &["POST", "GET", "HEAD"]
        } else {
            &["POST"]
        }
    }
}

impl TriggerKind {
    /// The methods and paths that it listens to, of which only webhooks have any.
    pub fn routes(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Webhook { path, method, .. } => vec![(method, path)],
            Self::Receiver(receiver) => {
                let methods = receiver.methods().iter();
                methods.map(|method| (*method, &*receiver.path)).collect()
            }
            Self::Manual | Self::Event { .. } | Self::Schedule(_) | Self::Poll(_) => Vec::new(),
        }
    }
}
