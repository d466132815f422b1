//! Errors as the contract knows them.

use crate::Json;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What an operation returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a retry policy has to know. The contract's `error-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    /// A defect in the connector, or an answer that makes no sense.
    Internal,
}

impl ErrorKind {
    /// The kind's name in flows and journals.
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
}

/// Why an operation failed.
///
/// The message is one sentence for a person and holds neither credentials nor values of
/// the payload; those may stand in the details, which the host masks.
///
/// ```
/// use dowel_sdk::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::Rejected, "credit-limit", "the customer's credit is used up");
/// assert_eq!(error.to_string(), "rejected (credit-limit): the customer's credit is used up");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    code: Cow<'static, str>,
    message: String,
    details: Option<Json>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of a kind. The code is stable and `kebab-case`, for programs.
    pub fn new(
        kind: ErrorKind,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
            details: None,
            retry_after: None,
        }
    }

    /// Input that can never succeed.
    pub fn invalid_input(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, code, message)
    }

    /// A business rule of the upstream said no.
    pub fn rejected(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Rejected, code, message)
    }

    /// A defect, or an answer that makes no sense.
    pub fn internal(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, code, message)
    }

    /// The same error with another kind.
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same error with another code.
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// The same error with details for programs and operators.
    pub fn with_details(mut self, details: Json) -> Self {
        self.details = Some(details);
        self
    }

    /// The same error with the time that the upstream asked to wait.
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// What a policy decides by.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The machine-readable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The details.
    pub fn details(&self) -> Option<&Json> {
        self.details.as_ref()
    }

    /// How long the upstream asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.kind.name(), self.code, self.message)
    }
}

impl std::error::Error for Error {}
