//! What the SDK needs from whoever runs the connector: the contract's host in a
//! component, the fake host in a test.

use crate::http::Method;
use crate::receiver::{Claim, Doubt};
use std::time::Duration;

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every detail.
    Trace,
    /// For the connector's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Unexpected, and handled.
    Warn,
    /// Unexpected, and not handled.
    Error,
}

/// The host's side.
pub(crate) trait Host {
    /// Writes to the run's log; `fields` is a JSON object.
    fn log(&self, level: Level, message: &str, fields: &str);
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64;
    /// Cryptographically secure random bytes.
    fn random_bytes(&self, count: u32) -> Vec<u8>;
    /// Tries the keys of the webhook on the request that came in.
    fn verify(&self, claim: &Claim) -> Result<(), Doubt>;
    /// A clock that only goes forward, from any beginning.
    fn monotonic(&self) -> Duration;
    /// Sends one request and reads the whole answer.
    fn send(&self, request: &OutgoingRequest) -> Result<Answer, TransportError>;
}

/// A request as it leaves.
#[derive(Clone, Debug)]
pub(crate) struct OutgoingRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
}

/// An answer with its whole body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// Why there was no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransportError {
    pub(crate) class: TransportClass,
    /// The name of the `error-code` of wasi:http 0.2, in lower case.
    pub(crate) code: &'static str,
}

/// What an author's error kind depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportClass {
    /// No answer in time.
    Timeout,
    /// The upstream cannot be reached, or broke off.
    Unavailable,
    /// The gateway refused to let the request out.
    Denied,
    /// The request or the answer breaks a rule or a limit.
    Broken,
}
