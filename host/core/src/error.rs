//! Errors as protocol: the kinds that retry policies, `catch` and the exception desk
//! speak about, and the record of how far a call got.

use crate::code::Code;
use crate::json::JsonText;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What went wrong, as far as a policy has to know. The same list as `error-kind`
/// in the connector contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request can never succeed as it is.
    InvalidInput,
    /// The credential is missing or no longer valid.
    Unauthenticated,
    /// The credential is valid and not allowed to do this.
    Forbidden,
    /// The thing does not exist.
    NotFound,
    /// The thing is in another state than assumed.
    Conflict,
    /// Too many requests.
    RateLimited,
    /// The upstream cannot answer now.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The effect may or may not have happened.
    UnknownOutcome,
    /// The upstream's business rules said no.
    Rejected,
    /// A defect in a connector, an expression or the host.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 11] = [
        Self::InvalidInput,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::RateLimited,
        Self::Unavailable,
        Self::Timeout,
        Self::UnknownOutcome,
        Self::Rejected,
        Self::Internal,
    ];

    /// The kind's name in flows, journals and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::UnknownOutcome => "unknown-outcome",
            Self::Rejected => "rejected",
            Self::Internal => "internal",
        }
    }

    /// Whether a step that says nothing about `retry` is tried again after this.
    pub const fn retried_by_default(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::Unavailable | Self::Timeout | Self::UnknownOutcome
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is not the name of an error kind.
#[derive(Debug, thiserror::Error)]
#[error("unknown error kind `{0}`")]
pub struct UnknownErrorKind(pub String);

impl FromStr for ErrorKind {
    type Err = UnknownErrorKind;
    fn from_str(text: &str) -> Result<Self, UnknownErrorKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| UnknownErrorKind(text.to_owned()))
    }
}

/// How far an attempt got, as the egress gateway saw it and not as the guest reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SendRecord {
    /// No request left the host: trying again is always safe.
    NotSent,
    /// A request left the host and no complete answer came back.
    Sent,
    /// Every request that left was answered.
    Answered,
}

/// Why a step failed. Carries types and positions, never values of the payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind} ({code}): {message}")]
pub struct StepError {
    /// What a policy decides by.
    pub kind: ErrorKind,
    /// `DWL-…` for errors of the host, the connector's own code otherwise.
    pub code: String,
    /// One sentence of what happened.
    pub message: String,
    /// More, from the connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<JsonText>,
    /// How long the upstream asked to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Where in the flow it happened: `file:line:column` and the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl StepError {
    /// An error that the host itself raises.
    pub fn host(kind: ErrorKind, code: Code, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.to_string(),
            message: message.into(),
            details: None,
            retry_after_ms: None,
            place: None,
        }
    }

    /// Whether the host raised it, and no connector.
    pub fn is_of_host(&self) -> bool {
        // No connector can have such a code.
        self.code.starts_with("DWL-")
    }

    /// The same error with its place in the flow.
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_match_serde() {
        for kind in ErrorKind::ALL {
            assert_eq!(kind.name().parse::<ErrorKind>().unwrap(), kind);
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert!("oops".parse::<ErrorKind>().is_err());
    }
}
