//! Whether a request that came in is genuine: what a receiver claims, tried with every key
//! of the webhook. The keys never reach the guest.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use dowel_core::port::Secret;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Claims of one call. No style of signing needs as many; more would be guessing.
const MAX_CLAIMS: u32 = 16;

/// The furthest that a signed time may be away, whatever the guest says.
const MAX_TOLERANCE: Duration = Duration::from_secs(3600);

/// The longest signature that is looked at, in bytes.
const MAX_SIGNATURE: usize = 1024;

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    HmacSha256,
    HmacSha512,
    HmacSha1,
    Ed25519,
    Token,
}

/// How bytes are written as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Text,
    Hex,
    Base64,
}

/// Where the signature is.
pub(crate) enum Signature {
    Bytes(Vec<u8>),
    Header {
        name: String,
        prefix: String,
        encoding: Encoding,
    },
}

/// What a guest says about a request.
pub(crate) struct Claim {
    pub algorithm: Algorithm,
    pub signature: Signature,
    pub message: Vec<u8>,
    pub key: Encoding,
    /// Since 1970, if that is part of the message.
    pub signed_at: Option<Duration>,
    pub tolerance: Duration,
}

/// Why a claim is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    NoKey,
    Missing,
    Malformed,
    NoFit,
    OutsideTolerance,
    TooMany,
}

/// The proof of one request.
pub(crate) struct Proof {
    keys: Vec<Secret>,
    /// By lower-case names, with those that the guest does not see.
    headers: Vec<(String, String)>,
    /// When the request arrived, since 1970.
    at: Duration,
    claims: AtomicU32,
    verified: AtomicBool,
}

impl Proof {
    pub(crate) fn new(mut keys: Vec<Secret>, headers: Vec<(String, String)>, at: Duration) -> Self {
        // Anybody could sign with an empty key.
        keys.retain(|key| !key.expose().trim().is_empty());
        Self {
            keys,
            headers,
            at,
            claims: AtomicU32::new(0),
            verified: AtomicBool::new(false),
        }
    }

    /// Whether a claim has been believed.
    pub(crate) fn is_verified(&self) -> bool {
        self.verified.load(Ordering::Acquire)
    }

    /// Tries a claim.
    pub(crate) fn verify(&self, claim: &Claim) -> Result<(), Doubt> {
        if self.claims.fetch_add(1, Ordering::Relaxed) >= MAX_CLAIMS {
            return Err(Doubt::TooMany);
        }
        if self.keys.is_empty() {
            return Err(Doubt::NoKey);
        }
        let signature = self.signature(&claim.signature)?;
        if signature.is_empty() || signature.len() > MAX_SIGNATURE {
            return Err(Doubt::Malformed);
        }
        let mut fits = false;
        // All of them, also after one that fits.
        for secret in &self.keys {
            let key = decode(claim.key, secret.expose().trim());
            // A key that is not written as the connector says fits nothing.
            let key = key.filter(|key| !key.is_empty());
            fits |= key.is_some_and(|key| is_signed(claim, &key, &signature));
        }
        if !fits {
            return Err(Doubt::NoFit);
        }
        // Only now: a time that is not signed says nothing.
        if let Some(at) = claim.signed_at
            && self.at.abs_diff(at) > claim.tolerance.min(MAX_TOLERANCE)
        {
            return Err(Doubt::OutsideTolerance);
        }
        self.verified.store(true, Ordering::Release);
        Ok(())
    }

    fn signature(&self, signature: &Signature) -> Result<Vec<u8>, Doubt> {
        match signature {
            Signature::Bytes(bytes) => Ok(bytes.clone()),
            Signature::Header {
                name,
                prefix,
                encoding,
            } => {
                let mut headers = self.headers.iter();
                let found = headers.find(|(header, _)| header == name);
                let (_, value) = found.ok_or(Doubt::Missing)?;
                let text = value.strip_prefix(prefix.as_str());
                text.and_then(|text| decode(*encoding, text.trim()))
                    .ok_or(Doubt::Malformed)
            }
        }
    }
}

fn is_signed(claim: &Claim, key: &[u8], signature: &[u8]) -> bool {
    let fits = |algorithm| {
        let key = hmac::Key::new(algorithm, key);
        hmac::verify(&key, &claim.message, signature).is_ok()
    };
    match claim.algorithm {
        Algorithm::HmacSha256 => fits(hmac::HMAC_SHA256),
        Algorithm::HmacSha512 => fits(hmac::HMAC_SHA512),
        Algorithm::HmacSha1 => fits(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Algorithm::Ed25519 => {
            let key = UnparsedPublicKey::new(&ED25519, key);
            key.verify(&claim.message, signature).is_ok()
        }
        // Digests are compared, so that the time tells nothing of the length either.
        Algorithm::Token => {
            let [given, wanted] = [signature, key].map(|b| digest::digest(&digest::SHA256, b));
            constant_time::verify_slices_are_equal(given.as_ref(), wanted.as_ref()).is_ok()
        }
    }
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Text => Some(text.as_bytes().to_vec()),
        Encoding::Hex => {
            let pairs = text.as_bytes().chunks(2);
            let byte = |pair: &[u8]| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            };
            pairs.map(byte).collect()
        }
        Encoding::Base64 => {
            let is_url = text.contains(['-', '_']);
            let alphabet = if is_url { &URL_SAFE } else { &STANDARD };
            GeneralPurpose::new(alphabet, LENIENT).decode(text).ok()
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests;
