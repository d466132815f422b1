//! Signatures over webhooks, in the styles that the host knows.
//!
//! A style says which header holds the signature, which bytes are signed, and what makes
//! a message the same one as another. Everything else is here: every valid key is tried,
//! comparison takes the same time whatever was guessed, and times have to be near.

mod github;
mod shopify;
mod standard;
mod stripe;
#[cfg(test)]
mod tests;

use axum::http::HeaderMap;
use dowel_core::port::Secret;
use dowel_core::{Digest, Timestamp};
use dowel_engine::MessageKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;

/// How far a signed time may be from the host's, in either direction: what Standard
/// Webhooks and Stripe recommend.
pub(super) const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// For how long a message whose time is signed is remembered: longer than any sender
/// repeats it under the same id.
const TIMED_WINDOW: Duration = Duration::from_secs(3 * 24 * 3600);

/// For how long a message without a signed time is remembered. Nothing else tells a
/// recorded request that is sent again from a new one; a flow that has to know for longer
/// has a `dedupe` of its own.
const UNTIMED_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// The most signatures in one header that are looked at.
const MAX_SIGNATURES: usize = 8;

/// A style of signing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Standard Webhooks 1.0, symmetric signatures (`v1`).
    Standard,
    /// `X-Hub-Signature-256`.
    Github,
    /// `Stripe-Signature`.
    Stripe,
    /// `X-Shopify-Hmac-Sha256`.
    Shopify,
}

impl Scheme {
    /// Whether a sender only tries out the webhook, as GitHub does when one is set up.
    /// It is answered, and no run begins.
    pub(super) fn is_greeting(self, headers: &HeaderMap) -> bool {
        match self {
            Self::Github => headers.get("x-github-event").is_some_and(|e| e == "ping"),
            Self::Standard | Self::Stripe | Self::Shopify => false,
        }
    }
}

/// A request as it arrived.
pub(super) struct Message<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
}

/// What a style found in a request.
struct Claim {
    /// The bytes that are signed, in pieces.
    signed: Vec<Vec<u8>>,
    /// The signatures, any of which may be the right one.
    signatures: Vec<Vec<u8>>,
    /// When it was signed, in seconds since 1970, if that is part of what is signed.
    time: Option<i64>,
    /// What tells the message from others, out of what is signed.
    identity: String,
    /// Makes a key of a secret.
    key: fn(&Secret) -> Vec<u8>,
}

/// Why a request is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the header `{0}` is missing")]
    Missing(&'static str),
    #[error("the header `{0}` does not have the form that this style of signing asks for")]
    Malformed(&'static str),
    #[error("no signature fits the body and a valid key of this webhook")]
    NoFit,
    #[error("the request was signed {0} seconds away from the host's time; 300 are allowed")]
    OutsideTolerance(u64),
}

/// Checks a message against every key that is valid now.
pub(super) fn check(
    scheme: Scheme,
    message: &Message<'_>,
    secrets: &[Secret],
) -> Result<MessageKey, Refusal> {
    let claim = match scheme {
        Scheme::Standard => standard::read(message)?,
        Scheme::Github => github::read(message)?,
        Scheme::Stripe => stripe::read(message)?,
        Scheme::Shopify => shopify::read(message)?,
    };
    if !fits(&claim, secrets) {
        return Err(Refusal::NoFit);
    }
    // Only now: a time that is not signed says nothing.
    if let Some(time) = claim.time {
        let now = i64::try_from(message.now.as_millis() / 1000).unwrap_or(i64::MAX);
        let away = now.abs_diff(time);
        if away > TOLERANCE.as_secs() {
            return Err(Refusal::OutsideTolerance(away));
        }
    }
    let window = match claim.time {
        Some(_) => TIMED_WINDOW,
        None => UNTIMED_WINDOW,
    };
    Ok(MessageKey::new(claim.identity, window))
}

/// Tries all keys and signatures, also after one that fits.
fn fits(claim: &Claim, secrets: &[Secret]) -> bool {
    let mut found = false;
    for secret in secrets {
        let key = (claim.key)(secret);
        for signature in claim.signatures.iter().take(MAX_SIGNATURES) {
            found |= is_signed(&key, &claim.signed, signature);
        }
    }
    found
}

fn is_signed(key: &[u8], signed: &[Vec<u8>], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return false;
    };
    for piece in signed {
        mac.update(piece);
    }
    mac.verify_slice(signature).is_ok()
}

/// The secret's text is the key.
fn plain_key(secret: &Secret) -> Vec<u8> {
    secret.expose().as_bytes().to_vec()
}

/// The text of a header that has to be there.
fn header<'m>(message: &Message<'m>, name: &'static str) -> Result<&'m str, Refusal> {
    let value = message.headers.get(name).ok_or(Refusal::Missing(name))?;
    value.to_str().map_err(|_| Refusal::Malformed(name))
}

/// A time in whole seconds since 1970.
fn seconds(text: &str, name: &'static str) -> Result<i64, Refusal> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.ok_or(Refusal::Malformed(name))
}

/// The identity of a message that has none of its own among what is signed.
fn identity_of(body: &[u8]) -> String {
    Digest::of(body).to_string()
}

/// Bytes from hexadecimal digits, of either case.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}
