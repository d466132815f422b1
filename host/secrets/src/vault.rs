//! Secrets of a server that speaks the HTTP API of HashiCorp Vault, key/value engine
//! version 2: `GET /v1/<mount>/data/<path>/<name>`. The field `value` is the secret, the
//! field `previous`, if there is one, is valid as well.

use crate::{Error, unreadable};
use dowel_core::port::{Secret, SecretError};
use dowel_core::secret::VaultSource;
use parking_lot::Mutex;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How long a value is used before the server is asked again: what a rotation takes to be
/// seen, against a request for each call.
const FRESH: Duration = Duration::from_secs(15);

/// How long the last value goes on while the server does not answer.
const STALE: Duration = Duration::from_secs(600);

/// How long an answer of the server may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 << 10;

/// Where the engine is mounted unless something else is said.
const MOUNT: &str = "secret";

/// How long an answer counts.
#[derive(Clone, Copy)]
struct Times {
    fresh: Duration,
    stale: Duration,
}

/// A server with secrets.
pub(crate) struct Vault {
    times: Times,
    http: reqwest::Client,
    base: Url,
    token_file: PathBuf,
    namespace: Option<String>,
    known: Mutex<HashMap<String, Known>>,
}

/// What the server said last.
struct Known {
    at: Instant,
    values: Vec<Secret>,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    /// `null` where the newest version was deleted.
    data: Option<Fields>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Fields {
    value: String,
    previous: Option<String>,
}

impl Vault {
    pub(crate) fn new(source: &VaultSource, base: &Path) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::Source {
            key: "vault.url",
            reason: format!("`{}` {reason}", source.url),
        };
        let mut url = Url::parse(&source.url).map_err(|_| wrong("is no address"))?;
        if !is_safe(&url) {
            return Err(wrong("is no address with https"));
        }
        let mount = source.mount.as_deref().unwrap_or(MOUNT);
        let path = source.path.as_deref().unwrap_or_default();
        url.path_segments_mut()
            .map_err(|()| wrong("is no address"))?
            .pop_if_empty()
            .push("v1")
            .extend(mount.split('/').filter(|part| !part.is_empty()))
            .push("data")
            .extend(path.split('/').filter(|part| !part.is_empty()));
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Self {
            http,
            base: url,
            token_file: base.join(&source.token_file),
            namespace: source.namespace.clone(),
            known: Mutex::default(),
            times: Times {
                fresh: FRESH,
                stale: STALE,
            },
        })
    }

    /// The values of a secret, the newest first; none if the server has no such secret.
    pub(crate) async fn values(&self, name: &str) -> Result<Option<Vec<Secret>>, SecretError> {
        if let Some(values) = self.known(name, self.times.fresh) {
            return Ok(Some(values));
        }
        match self.ask(name).await {
            Ok(Some(values)) => {
                let known = Known {
                    at: Instant::now(),
                    values: values.clone(),
                };
                self.known.lock().insert(name.to_owned(), known);
                Ok(Some(values))
            }
            Ok(None) => {
                self.known.lock().remove(name);
                Ok(None)
            }
            Err(Failure::Down(reason)) => match self.known(name, self.times.stale) {
                Some(values) => Ok(Some(values)),
                None => Err(unreadable(name, reason)),
            },
            Err(Failure::Refused(reason)) => {
                self.known.lock().remove(name);
                Err(unreadable(name, reason))
            }
        }
    }

    fn known(&self, name: &str, age: Duration) -> Option<Vec<Secret>> {
        let known = self.known.lock();
        let known = known.get(name).filter(|known| known.at.elapsed() < age)?;
        Some(known.values.clone())
    }

    async fn ask(&self, name: &str) -> Result<Option<Vec<Secret>>, Failure> {
        let token = std::fs::read_to_string(&self.token_file);
        let token = Zeroizing::new(token.map_err(|error| {
            let kind = error.kind();
            Failure::Refused(format!("{}: {kind}", self.token_file.display()))
        })?);
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(name);
        }
        let mut header = reqwest::header::HeaderValue::from_str(token.trim())
            .map_err(|_| Failure::Refused("the token is no text for a header".to_owned()))?;
        header.set_sensitive(true);
        let mut request = self.http.get(url).header("X-Vault-Token", header);
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let down = |error: reqwest::Error| {
            let error = error.without_url();
            Failure::Down(format!("the Vault does not answer: {error}"))
        };
        let mut response = request.send().await.map_err(down)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(Failure::Down(format!("the Vault answered {status}")));
            }
            status => return Err(Failure::Refused(format!("the Vault answered {status}"))),
        }
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        while let Some(chunk) = response.chunk().await.map_err(down)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let reason = "the Vault's answer is too large";
                return Err(Failure::Refused(reason.to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        // What the parser says might quote the text.
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            Failure::Refused("the secret in the Vault has no text `value`".to_owned())
        })?;
        Ok(answer.data.data.map(|fields| {
            let all = [Some(&fields.value), fields.previous.as_ref()];
            all.into_iter().flatten().map(Secret::new).collect()
        }))
    }
}

/// Why there is no answer.
enum Failure {
    /// The server may answer again.
    Down(String),
    /// The server said no: what was known is void.
    Refused(String),
}

/// Whether nobody else on the way can read: TLS, or the same machine.
fn is_safe(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && is_local)
}

#[cfg(test)]
mod tests;
