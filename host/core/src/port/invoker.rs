//! Calling a connector's operation.

use super::BoxFuture;
use crate::code::run::CALL_UNKNOWN_SOURCE;
use crate::digest::Digest;
use crate::error::{ErrorKind, SendRecord, StepError};
use crate::id::{ConnectionName, OperationName, RunId, StepPath};
use crate::json::JsonText;
use serde::{Deserialize, Serialize};
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

/// A read of a source, or the acknowledgement of what was read.
#[derive(Clone, Debug)]
pub struct SourceRequest {
    /// The connection, whose endpoints, limits and credentials are read live.
    pub connection: ConnectionName,
    /// The component that the plan fixes.
    pub component: Digest,
    /// The source.
    pub source: OperationName,
    /// Its parameters.
    pub params: JsonText,
    /// Up to where events have been taken; nothing before the first page.
    pub cursor: Option<String>,
    /// The longest time that it may take.
    pub deadline: Duration,
}

/// Something that a source has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEvent {
    /// The same whenever the same event is read.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// What it is about.
    #[serde(default)]
    pub subject: Option<String>,
    /// When it happened, as the source says it.
    #[serde(default)]
    pub time: Option<String>,
    /// The event's data.
    pub data: JsonText,
}

/// Events in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePage {
    /// The events.
    pub events: Vec<SourceEvent>,
    /// Where they end; nothing if the cursor stays.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Whether there is more behind the cursor now.
    pub more: bool,
}

/// Calls operations of connectors. Never panics and never hangs past the deadline:
/// whatever a guest does comes back as a typed error.
pub trait Invoker: Send + Sync {
    /// Makes one attempt.
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome>;

    /// Reads `limit` events at most from behind the request's cursor.
    fn read(
        &self,
        request: SourceRequest,
        limit: u32,
    ) -> BoxFuture<'_, Result<SourcePage, StepError>> {
        let _ = limit;
        Box::pin(async move { Err(no_sources(&request)) })
    }

    /// Tells a source that everything up to the request's cursor is committed.
    fn ack(&self, request: SourceRequest) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async move { Err(no_sources(&request)) })
    }
}

/// The answer of an invoker that has operations only.
fn no_sources(request: &SourceRequest) -> StepError {
    let message = format!("there is no source `{}` here", request.source);
    StepError::host(ErrorKind::Internal, CALL_UNKNOWN_SOURCE, message)
}
