//! Programs show a token that the identity provider has signed for this host (RFC 9068).

use super::{LEEWAY_S, OpenId, body, failed, is_safe, refused};
use dowel_core::Timestamp;
use dowel_core::port::{IdentityError, Machine};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Mutex;

/// For how long the provider's keys are kept: one that it takes back counts no longer.
const KEPT: Duration = Duration::from_secs(600);

/// How often they are asked for because a token names one that is not known: whoever sends
/// such tokens may not make the host ask without end.
const ASKED_EVERY: Duration = Duration::from_secs(5);

/// The kinds of signatures that are taken. None by a secret that both sides know: the
/// provider's public keys must never be taken for one.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The longest name of a program, in bytes.
const MAX_NAME: usize = 200;

/// The provider's keys, as they were last asked for.
#[derive(Default)]
pub(super) struct Keys(Mutex<Option<Known>>);

struct Known {
    /// When they were asked for, whatever came of it.
    asked: Timestamp,
    /// When they were got.
    got: Timestamp,
    set: JwkSet,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    client_id: Option<String>,
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

impl OpenId {
    /// Who shows this token.
    pub(super) async fn machine(&self, token: &str) -> Result<Machine, IdentityError> {
        let Some(audience) = &self.options.audience else {
            return Err(refused(
                "this host takes no tokens of the identity provider",
            ));
        };
        let header = decode_header(token).map_err(|_| refused("the token is no signed JWT"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused(
                "the token is not signed by a key of the identity provider",
            ));
        }
        let key = self.key(header.kid.as_deref(), header.alg).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.options.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        let claims = decode::<Claims>(token, &key, &validation)
            .map_err(|error| refused(told(&error)))?
            .claims;
        let name = claims.client_id.or(claims.sub).unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_graphic();
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
            return Err(refused(
                "the token has no `client_id` and no `sub` that can be a name",
            ));
        }
        let groups = claims.others.get(&self.options.groups_claim);
        let groups = groups.and_then(Value::as_array).into_iter().flatten();
        Ok(Machine {
            name,
            groups: groups
                .filter_map(|group| Some(group.as_str()?.to_owned()))
                .collect::<BTreeSet<_>>(),
            issuer: self.options.issuer.clone(),
        })
    }

    /// The key that a token names. Keys are kept for a while, and asked for anew where one
    /// is not known: providers exchange them.
    async fn key(&self, id: Option<&str>, alg: Algorithm) -> Result<DecodingKey, IdentityError> {
        // One asks, the others wait for the answer.
        let mut known = self.keys.0.lock().await;
        let now = self.clock.now();
        let is_fresh = |keys: &Known| now.since(keys.got) < KEPT;
        let may_ask = |keys: &Known| now.since(keys.asked) >= ASKED_EVERY;
        let found = known.as_ref().filter(|keys| is_fresh(keys));
        if let Some(key) = found.and_then(|keys| find(&keys.set, id, alg)) {
            return Ok(key);
        }
        if known.as_ref().is_none_or(may_ask) {
            match self.ask_for_keys().await {
                Ok(set) => {
                    *known = Some(Known {
                        asked: now,
                        got: now,
                        set,
                    });
                }
                Err(error) => {
                    if let Some(keys) = known.as_mut() {
                        keys.asked = now;
                    }
                    return Err(error);
                }
            }
        }
        let found = known.as_ref().filter(|keys| is_fresh(keys));
        found
            .and_then(|keys| find(&keys.set, id, alg))
            .ok_or_else(|| {
                refused("the token is signed by a key that the identity provider does not have")
            })
    }

    async fn ask_for_keys(&self) -> Result<JwkSet, IdentityError> {
        let metadata = self.metadata().await?;
        let address = metadata.jwks_uri.as_deref();
        let address = address.filter(|address| is_safe(address));
        let address = address.ok_or_else(|| failed("it names no keys at an address with https"))?;
        let response = self.http.get(address).send().await.map_err(failed)?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(failed(format!("its keys cannot be had: {status}")));
        }
        serde_json::from_slice(&body(response).await?).map_err(failed)
    }
}

/// The key of a set by its id; without one the only key that fits.
fn find(set: &JwkSet, id: Option<&str>, alg: Algorithm) -> Option<DecodingKey> {
    let fits = |key: &&Jwk| {
        let named = key.common.key_algorithm;
        let is_for_signatures = key
            .common
            .public_key_use
            .as_ref()
            .is_none_or(|used| *used == jsonwebtoken::jwk::PublicKeyUse::Signature);
        let is_named = named.is_none_or(|named| format!("{named:?}") == format!("{alg:?}"));
        is_for_signatures && is_named
    };
    let mut keys = set.keys.iter().filter(fits);
    let key = match id {
        Some(id) => keys.find(|key| key.common.key_id.as_deref() == Some(id))?,
        None => {
            let only = keys.next()?;
            keys.next().is_none().then_some(only)?
        }
    };
    DecodingKey::from_jwk(key).ok()
}

fn told(error: &jsonwebtoken::errors::Error) -> String {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => "the token has expired".to_owned(),
        ErrorKind::ImmatureSignature => "the token does not count yet".to_owned(),
        ErrorKind::InvalidIssuer => "the token is of another issuer".to_owned(),
        ErrorKind::InvalidAudience => "the token is for another program".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("the token has no `{claim}`"),
        _ => "the token is not signed by the identity provider".to_owned(),
    }
}
