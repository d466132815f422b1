//! Assertions that are exchanged for access tokens (RFC 7523).

use super::endpoint::TokenError;
use dowel_core::oauth::{JwtAlgorithm, OAuth2, OAuthGrant};
use dowel_core::port::{Secret, SecretError};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// RFC 7523, section 2.1.
pub(super) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long an assertion counts, in seconds: enough for clocks that differ a little.
const LIFE_S: u64 = 300;

/// RFC 7523, section 3.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// A fresh assertion, signed with the key.
pub(super) fn sign(settings: &OAuth2, pem: &Secret) -> Result<Secret, TokenError> {
    let OAuthGrant::JwtBearer {
        issuer,
        subject,
        audience,
        key,
        key_id,
        algorithm,
    } = &settings.grant
    else {
        return Err(TokenError::Stopped);
    };
    let unusable = |reason: &str| SecretError::Unreadable {
        name: key.clone(),
        reason: reason.to_owned(),
    };
    let bytes = pem.expose().as_bytes();
    let (algorithm, read) = match algorithm {
        JwtAlgorithm::RS256 => (Algorithm::RS256, EncodingKey::from_rsa_pem(bytes)),
        JwtAlgorithm::ES256 => (Algorithm::ES256, EncodingKey::from_ec_pem(bytes)),
        JwtAlgorithm::EdDSA => (Algorithm::EdDSA, EncodingKey::from_ed_pem(bytes)),
    };
    let read = read.map_err(|_| unusable("it is no private key in PEM for this algorithm"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| unusable("the machine has no random numbers"))?;
    let claims = Claims {
        iss: issuer,
        sub: subject.as_ref().unwrap_or(issuer),
        aud: audience.as_ref().unwrap_or(&settings.token_url),
        iat: now,
        exp: now + LIFE_S,
        jti: format!("{:032x}", u128::from_be_bytes(id)),
        // Google and others read the scope from here.
        scope: (!settings.scopes.is_empty()).then(|| settings.scopes.join(" ")),
    };
    let mut header = Header::new(algorithm);
    header.kid.clone_from(key_id);
    let signed = encode(&header, &claims, &read);
    let signed = signed.map_err(|_| unusable("it cannot sign"))?;
    Ok(Secret::new(signed))
}
