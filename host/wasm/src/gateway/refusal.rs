//! Why the gateway did not deliver what a guest asked for.

use crate::oauth::TokenError;
use dowel_core::code::{Code, run as code};
use dowel_core::port::SecretError;
use dowel_core::{ErrorKind, StepError};
use wasmtime_wasi_http::Error as WasiError;

/// A request that was refused, or that did not get its whole answer. Shows the host at
/// most: a path or query may carry payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the environment allows the connection no {method} request to {origin} at this path")]
    NotGranted { method: String, origin: String },
    #[error("the connector's manifest names no {method} request to {origin} at this path")]
    NotNeeded { method: String, origin: String },
    #[error("{host} is not a public address, and the connection grants no such range")]
    PrivateAddress { host: String },
    #[error("the connector set the {place} `{name}`, which only the host may set")]
    Forbidden { place: &'static str, name: String },
    #[error("the connection's credential cannot be used: {0}")]
    Secret(#[from] SecretError),
    #[error("the secret `{0}` has characters that cannot be sent in a header")]
    UnusableSecret(String),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the answer of {host} has a body of more than {limit} bytes")]
    BodyTooLarge { host: String, limit: u64 },
    #[error("the answer of {host} has more than {limit} bytes of headers")]
    HeadersTooLarge { host: String, limit: usize },
    #[error("the name {host} cannot be resolved")]
    Dns { host: String },
    #[error("the TLS handshake with {host} failed")]
    Tls { host: String },
    #[error("{host} accepts no connection")]
    Connect { host: String },
    #[error("no connection to {host} in time")]
    ConnectTimeout { host: String },
    #[error("the request is not acceptable: {0}")]
    Url(&'static str),
    #[error("the connector has {limit} requests open at the same time, which is the most")]
    Busy { limit: u32 },
    #[error("the idempotency key is empty or not printable ASCII")]
    Key,
    #[error("the connection to {host} broke before the answer was complete")]
    Broken { host: String },
    #[error("{host} did not begin to answer in the time that the connector allows")]
    NoAnswer { host: String },
    #[error("the connector did not finish the body of the request")]
    Incomplete,
    #[error("the receiver has not verified the request that came in")]
    Unverified,
    #[error("the call is over")]
    Over,
}

impl Refusal {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NotGranted { .. } => code::EGRESS_NOT_GRANTED,
            Self::NotNeeded { .. } => code::EGRESS_NOT_NEEDED,
            Self::PrivateAddress { .. } => code::EGRESS_PRIVATE_ADDRESS,
            Self::Forbidden { .. } => code::EGRESS_FORBIDDEN_HEADER,
            Self::Secret(_) | Self::UnusableSecret(_) => code::EGRESS_SECRET,
            Self::Token(error) => error.code(),
            Self::BodyTooLarge { .. } | Self::HeadersTooLarge { .. } => code::EGRESS_TOO_LARGE,
            Self::Dns { .. } => code::EGRESS_DNS,
            Self::Tls { .. } => code::EGRESS_TLS,
            Self::Connect { .. } | Self::ConnectTimeout { .. } => code::EGRESS_CONNECT,
            Self::Url(_) => code::EGRESS_URL,
            Self::Busy { .. } => code::EGRESS_BUSY,
            Self::Key => code::EGRESS_KEY,
            Self::Broken { .. } => code::EGRESS_BROKEN,
            Self::NoAnswer { .. } => code::EGRESS_TIMEOUT,
            Self::Incomplete => code::EGRESS_INCOMPLETE,
            Self::Unverified => code::EGRESS_UNVERIFIED,
            Self::Over => code::CALL_DEADLINE,
        }
    }

    /// What a retry policy decides by.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NotGranted { .. } | Self::NotNeeded { .. } | Self::PrivateAddress { .. } => {
                ErrorKind::Forbidden
            }
            Self::Secret(SecretError::Unreadable { .. }) => ErrorKind::Unavailable,
            Self::Secret(_) | Self::UnusableSecret(_) => ErrorKind::Unauthenticated,
            Self::Token(error) => error.kind(),
            Self::BodyTooLarge { .. } | Self::HeadersTooLarge { .. } | Self::Key => {
                ErrorKind::InvalidInput
            }
            Self::Dns { .. } | Self::Tls { .. } | Self::Connect { .. } | Self::Broken { .. } => {
                ErrorKind::Unavailable
            }
            Self::ConnectTimeout { .. } | Self::NoAnswer { .. } | Self::Over => ErrorKind::Timeout,
            Self::Forbidden { .. }
            | Self::Url(_)
            | Self::Busy { .. }
            | Self::Incomplete
            | Self::Unverified => ErrorKind::Internal,
        }
    }

    /// The step's error if the call fails because of this; `report` is what the guest
    /// had to say about it.
    pub(crate) fn step_error(&self, report: Option<&str>) -> StepError {
        let message = match report {
            Some(report) if !report.is_empty() => format!("{self}; the connector says: {report}"),
            _ => self.to_string(),
        };
        StepError::host(self.kind(), self.code(), message)
    }

    /// The error code that the guest sees (`wasi:http/types.error-code`).
    pub(crate) fn for_guest(&self) -> WasiError {
        match self {
            Self::NotGranted { .. }
            | Self::NotNeeded { .. }
            | Self::Forbidden { .. }
            | Self::Unverified => WasiError::HttpRequestDenied,
            Self::PrivateAddress { .. } => WasiError::DestinationIpProhibited,
            Self::Secret(_) | Self::UnusableSecret(_) | Self::Token(_) | Self::Key => {
                WasiError::ConfigurationError
            }
            Self::BodyTooLarge { limit, .. } => WasiError::HttpResponseBodySize(Some(*limit)),
            Self::HeadersTooLarge { .. } => WasiError::HttpResponseHeaderSectionSize(None),
            Self::Dns { .. } => WasiError::DnsError {
                rcode: None,
                info_code: None,
            },
            Self::Tls { .. } => WasiError::TlsProtocolError,
            Self::Connect { .. } => WasiError::ConnectionRefused,
            Self::ConnectTimeout { .. } => WasiError::ConnectionTimeout,
            Self::Url(_) => WasiError::HttpRequestUriInvalid,
            Self::Busy { .. } => WasiError::ConnectionLimitReached,
            Self::Broken { .. } => WasiError::ConnectionTerminated,
            Self::NoAnswer { .. } | Self::Over => WasiError::HttpResponseTimeout,
            Self::Incomplete => WasiError::HttpRequestBodySize(None),
        }
    }
}
