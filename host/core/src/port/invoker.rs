//! Calling a connector's operation.

use super::BoxFuture;
use super::secrets::Secret;
use crate::code::run::{CALL_UNKNOWN_RECEIVER, CALL_UNKNOWN_SOURCE};
use crate::digest::Digest;
use crate::error::{ErrorKind, SendRecord, StepError};
use crate::id::{ConnectionName, OperationName, RunId, StepPath};
use crate::json::JsonText;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
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

/// A request that came in for a receiver.
#[derive(Clone, Debug)]
pub struct ReceiverRequest {
    /// The connection, whose endpoints, limits and credentials are read live.
    pub connection: ConnectionName,
    /// The component that the plan fixes.
    pub component: Digest,
    /// The receiver.
    pub receiver: OperationName,
    /// Its parameters.
    pub params: JsonText,
    /// The request.
    pub http: HookRequest,
    /// When it arrived: by which signed times are judged.
    pub at: Timestamp,
    /// Every secret of the webhook that is valid now. They stay with the host.
    pub keys: Vec<Secret>,
    /// The longest time that it may take.
    pub deadline: Duration,
}

/// A request as it arrived.
#[derive(Clone, Default)]
pub struct HookRequest {
    /// In capitals.
    pub method: String,
    /// The whole URL as its sender knows it.
    pub url: String,
    /// The path within the URL.
    pub path: String,
    /// What stands behind the `?`.
    pub query: Option<String>,
    /// By lower-case names, in order; those whose values are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Headers and bodies are not for logs.
impl std::fmt::Debug for HookRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {} ({} bytes)",
            self.method,
            self.path,
            self.body.len()
        )
    }
}

/// What a receiver made of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reception {
    /// The events of the request, in order.
    pub events: Vec<SourceEvent>,
    /// What the sender wants to hear; nothing if it is the host's to say.
    #[serde(default)]
    pub answer: Option<HookAnswer>,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookAnswer {
    /// From 200 to 299.
    pub status: u16,
    /// By lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// Something that the host wants of a service: that it sends to a receiver, or no more.
#[derive(Clone, Debug)]
pub struct SubscriptionRequest {
    /// The connection, whose endpoints, limits and credentials are read live.
    pub connection: ConnectionName,
    /// The component that the plan fixes.
    pub component: Digest,
    /// The receiver.
    pub receiver: OperationName,
    /// Its parameters.
    pub params: JsonText,
    /// What is wanted.
    pub ask: SubscriptionAsk,
    /// The same whenever the same thing is asked again.
    pub idempotency_key: String,
    /// The longest time that it may take.
    pub deadline: Duration,
}

/// What the host wants of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionAsk {
    /// That there is one.
    Subscribe {
        /// Where the host listens.
        url: String,
    },
    /// That it stands for longer.
    Renew {
        /// Where the host listens.
        url: String,
        /// The service's name for it.
        id: String,
    },
    /// That it ends.
    Unsubscribe {
        /// The service's name for it.
        id: String,
    },
}

/// A subscription that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteSubscription {
    /// The service's name for it.
    pub id: String,
    /// When it ends unless it is renewed, in milliseconds since 1970; nothing if it stays.
    #[serde(default)]
    pub expires_ms: Option<u64>,
}

/// Calls operations of connectors. Never panics and never hangs past the deadline:
/// whatever a guest does comes back as a typed error.
pub trait Invoker: Send + Sync {
    /// Makes one attempt.
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome>;

    /// Lets go of components that nothing calls any more. One that is installed stays.
    fn release(&self, components: &BTreeSet<Digest>) {
        let _ = components;
    }

    /// Reads `limit` events at most from behind the request's cursor.
    fn read(
        &self,
        request: SourceRequest,
        limit: u32,
    ) -> BoxFuture<'_, Result<SourcePage, StepError>> {
        let _ = limit;
        Box::pin(async move { Err(no_sources(&request)) })
    }

    /// Gives a request to a receiver. Events come back only of a request that one of the
    /// keys fits.
    fn receive(&self, request: ReceiverRequest) -> BoxFuture<'_, Result<Reception, StepError>> {
        Box::pin(async move { Err(no_receiver(&request.receiver)) })
    }

    /// Asks a service for a subscription. Nothing where it has ended.
    fn subscription(
        &self,
        request: SubscriptionRequest,
    ) -> BoxFuture<'_, Result<Option<RemoteSubscription>, StepError>> {
        Box::pin(async move { Err(no_receiver(&request.receiver)) })
    }

    /// Tells a source that everything up to the request's cursor is committed.
    fn ack(&self, request: SourceRequest) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async move { Err(no_sources(&request)) })
    }
}

/// The answer of an invoker that has no receivers.
fn no_receiver(name: &OperationName) -> StepError {
    let message = format!("there is no receiver `{name}` here");
    StepError::host(ErrorKind::Internal, CALL_UNKNOWN_RECEIVER, message)
}

/// The answer of an invoker that has operations only.
fn no_sources(request: &SourceRequest) -> StepError {
    let message = format!("there is no source `{}` here", request.source);
    StepError::host(ErrorKind::Internal, CALL_UNKNOWN_SOURCE, message)
}
