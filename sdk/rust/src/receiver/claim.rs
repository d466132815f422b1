//! What a receiver says about the proof that a request carries.

use crate::{Error, ErrorKind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a signed time may be from the host's unless the claim says otherwise: what most
/// services recommend.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// How bytes are written as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// They are the text's own.
    Text,
    /// Hexadecimal digits of either case.
    Hex,
    /// Standard or for URLs, with padding or without.
    Base64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    HmacSha256,
    HmacSha512,
    HmacSha1,
    Ed25519,
    Token,
}

/// Where the proof is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Bytes(Vec<u8>),
    Header {
        name: String,
        prefix: String,
        encoding: Encoding,
    },
}

/// Why a request is not believed.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))] // The fake host knows two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    NoKey,
    Missing,
    Malformed,
    NoFit,
    OutsideTolerance,
    TooMany,
}

/// How a request proves that it comes from who it says, for [`Context::verify`]: the host
/// tries the keys of the webhook, which the connector never sees.
///
/// [`Context::verify`]: crate::Context::verify
///
/// ```
/// use dowel_sdk::{Claim, Encoding};
/// let claim = Claim::hmac_sha256(b"the body").in_header("x-signature", "sha256=", Encoding::Hex);
/// # let _ = claim;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub(crate) algorithm: Algorithm,
    pub(crate) proof: Proof,
    pub(crate) message: Vec<u8>,
    pub(crate) key: Encoding,
    pub(crate) signed_at: Option<SystemTime>,
    pub(crate) tolerance: Duration,
}

impl Claim {
    fn new(algorithm: Algorithm, message: &[u8]) -> Self {
        Self {
            algorithm,
            proof: Proof::Bytes(Vec::new()),
            message: message.to_vec(),
            key: Encoding::Text,
            signed_at: None,
            tolerance: TOLERANCE,
        }
    }

    /// HMAC with SHA-256 over these bytes.
    pub fn hmac_sha256(message: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::HmacSha256, message.as_ref())
    }

    /// HMAC with SHA-512 over these bytes.
    pub fn hmac_sha512(message: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::HmacSha512, message.as_ref())
    }

    /// HMAC with SHA-1 over these bytes, for services that know nothing better.
    pub fn hmac_sha1(message: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::HmacSha1, message.as_ref())
    }

    /// Ed25519 over these bytes. The secret of the webhook is the sender's public key.
    pub fn ed25519(message: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::Ed25519, message.as_ref())
    }

    /// The secret itself.
    pub fn token() -> Self {
        Self::new(Algorithm::Token, &[])
    }

    /// The host finds the proof in a header, behind a prefix such as `sha256=`. Headers that
    /// carry credentials can be named although the connector does not see them.
    pub fn in_header(mut self, name: &str, prefix: &str, encoding: Encoding) -> Self {
        self.proof = Proof::Header {
            name: name.to_ascii_lowercase(),
            prefix: prefix.to_owned(),
            encoding,
        };
        self
    }

    /// The connector has found the proof.
    pub fn with_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.proof = Proof::Bytes(bytes.into());
        self
    }

    /// How the secret writes the key; its text is the key unless this says otherwise.
    pub fn key(mut self, encoding: Encoding) -> Self {
        self.key = encoding;
        self
    }

    /// When the sender signed, where that is part of the message: it may be five minutes
    /// away from the host's time.
    pub fn signed_at(mut self, at: SystemTime) -> Self {
        self.signed_at = Some(at);
        self
    }

    /// How far the signed time may be away; an hour at most.
    pub fn within(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }
}

impl Doubt {
    /// What the sender is told. No `From`: a second way to an [`Error`] would keep the
    /// compiler from finding out what `?` gives in an author's closure.
    #[cold]
    pub(crate) fn error(self) -> Error {
        let (code, message) = match self {
            Self::NoKey => (
                "no-key",
                "the environment names no secret for this webhook, or it cannot be read",
            ),
            Self::Missing => ("signature-missing", "the request carries no signature"),
            Self::Malformed => (
                "signature-malformed",
                "the signature of the request does not have the form that it should have",
            ),
            Self::NoFit => (
                "signature-wrong",
                "no valid key of this webhook fits the request",
            ),
            Self::OutsideTolerance => (
                "outside-tolerance",
                "the request was signed too far away from the host's time",
            ),
            Self::TooMany => ("too-many-claims", "the receiver has tried too often"),
        };
        Error::new(ErrorKind::Unauthenticated, code, message)
    }
}

/// Seconds since 1970, as most senders write the time that they sign.
pub(crate) fn from_seconds(text: &str) -> Option<SystemTime> {
    let seconds: u64 = text.trim().parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
