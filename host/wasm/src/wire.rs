//! The seam behind the gateway: whoever watches requests leave, or answers them in the
//! place of the network. Everything that the gateway checks and adds comes before it, so
//! what is seen here is what an upstream would see.

use crate::gateway::Refusal;
use dowel_core::code::Code;
use dowel_core::port::BoxFuture;
use std::fmt::Debug;

/// A request as it leaves the host, credentials and keys included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    /// The method.
    pub method: String,
    /// The whole URL, normalised.
    pub url: String,
    /// Header lines; names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl WireRequest {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(own, _)| own == name);
        named.next().map(|(_, value)| value.as_str())
    }
}

/// An answer of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireAnswer {
    /// The status.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// The body, or as much of it as came.
    pub body: Vec<u8>,
    /// Whether the connection broke before the body was complete.
    pub torn: bool,
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFailure {
    /// The name has no address.
    Dns,
    /// Nobody accepts connections.
    Connect,
    /// The TLS handshake fails.
    Tls,
    /// The connection breaks after the request has left.
    Broken,
    /// No answer in time.
    NoAnswer,
}

impl WireFailure {
    pub(crate) fn refusal(self, host: &str) -> Refusal {
        let host = host.to_owned();
        match self {
            Self::Dns => Refusal::Dns { host },
            Self::Connect => Refusal::Connect { host },
            Self::Tls => Refusal::Tls { host },
            Self::Broken => Refusal::Broken { host },
            Self::NoAnswer => Refusal::NoAnswer { host },
        }
    }

    /// Whether the request has left.
    pub(crate) fn left(self) -> bool {
        matches!(self, Self::Broken | Self::NoAnswer)
    }
}

/// A request that the gateway did not let out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: Code,
    /// The same in a sentence, without any value of the payload.
    pub message: String,
}

/// Stands behind the gateway. For tests of connectors and for tools: a host that serves
/// has none. Bodies are collected before they are passed on, within the connection's
/// limit for answers.
pub trait Wire: Send + Sync + Debug {
    /// Answers in the place of the network; `None` lets the request out.
    fn answer<'a>(
        &'a self,
        request: &'a WireRequest,
    ) -> BoxFuture<'a, Option<Result<WireAnswer, WireFailure>>>;

    /// What the network answered to a request that was let out; `None` for no answer.
    fn saw(&self, request: &WireRequest, answer: Option<&WireAnswer>) {
        let _ = (request, answer);
    }

    /// A request that was not let out.
    fn refused(&self, refused: Refused) {
        let _ = refused;
    }

    /// A line that the guest wrote to its log, masked as in the log.
    fn logged(&self, line: &str) {
        let _ = line;
    }
}
