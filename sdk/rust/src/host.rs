//! What the SDK needs from whoever runs the connector: the contract's host in a
//! component, the fake host in a test.

use crate::http::Method;
use crate::receiver::{Claim, Doubt};
use std::io::{self, Read, Write};
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
    fn send(
        &self,
        request: &OutgoingRequest,
        streams: &mut Streams<'_>,
    ) -> Result<Answer, SendError>;
    /// Begins a large body.
    #[cfg(not(target_arch = "wasm32"))]
    fn create_blob(&self) -> crate::Result<Box<dyn WriteBlob + '_>>;
    /// Opens a large body by its reference, in JSON.
    #[cfg(not(target_arch = "wasm32"))]
    fn open_blob(&self, reference: &str) -> crate::Result<Box<dyn ReadBlob + '_>>;
}

/// Bodies that never are in memory whole.
#[derive(Default)]
pub(crate) struct Streams<'a> {
    /// Where the request's body comes from, instead of from the request itself, and how
    /// long it is.
    pub(crate) upload: Option<(&'a mut dyn Read, u64)>,
    /// Where the body of an answer with status 2xx goes, instead of into the answer.
    pub(crate) download: Option<&'a mut dyn Write>,
}

/// Why nothing came of a request.
#[derive(Debug)]
pub(crate) enum SendError {
    /// There was no complete answer.
    Transport(TransportError),
    /// The other end of a stream failed.
    Stream(io::Error),
}

impl From<TransportError> for SendError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

/// A large body that is being written.
pub(crate) trait WriteBlob {
    /// Appends, 1 MiB at most.
    fn write(&mut self, bytes: &[u8]) -> crate::Result<()>;
    /// Ends it. Its reference, in JSON.
    fn finish(self: Box<Self>, media_type: &str, name: Option<&str>) -> crate::Result<String>;
}

/// A large body that is being read.
pub(crate) trait ReadBlob {
    /// The next bytes; none at the end.
    fn read(&mut self, limit: u32) -> crate::Result<Vec<u8>>;
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
