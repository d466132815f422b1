//! Calling a connector's operation.

use super::BoxFuture;
use crate::digest::Digest;
use crate::error::{SendRecord, StepError};
use crate::id::{ConnectionName, OperationName, RunId, StepPath};
use crate::json::JsonText;
use std::time::Duration;

/// One attempt of one call.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The connection, whose endpoints, limits and credentials are read live.
    pub connection: ConnectionName,
    /// The component that the run's plan fixes.
    pub component: Digest,
    /// The operation.
    pub operation: OperationName,
    /// Its input.
    pub input: JsonText,
    /// The same for every attempt.
    pub idempotency_key: String,
    /// The run, for logs and the call context.
    pub run: RunId,
    /// The step, for logs and the call context.
    pub step: StepPath,
    /// From 1.
    pub attempt: u32,
    /// The longest time that the attempt may take.
    pub deadline: Duration,
    /// W3C `traceparent` of the run.
    pub traceparent: Option<String>,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct CallOutcome {
    /// The operation's output, or the typed error.
    pub result: Result<JsonText, StepError>,
    /// How far the attempt got, as the egress gateway saw it.
    pub sent: SendRecord,
}

/// Calls operations of connectors. Never panics and never hangs past the deadline:
/// whatever a guest does comes back as a typed error.
pub trait Invoker: Send + Sync {
    /// Makes one attempt.
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome>;
}
