//! The token endpoint (RFC 6749, section 3.2): what is sent there, and what it says.

use crate::gateway::{AddressGrants, normalise};
use crate::text;
use dowel_core::ErrorKind;
use dowel_core::code::{Code, run as code};
use dowel_core::oauth::{ClientPlace, OAuthClient};
use dowel_core::port::{Secret, SecretError, Secrets};
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};
use zeroize::Zeroizing;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 << 10;

/// The longest error that is repeated from an answer.
const MAX_REASON: usize = 64;

/// Why there is no token. No text holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// The server said no.
    #[error("{host} gives no access token: {reason}{mend}")]
    Refused {
        /// Who.
        host: String,
        /// Its error code, or what else is wrong.
        reason: String,
        /// Who has to do what, with a semicolon before it.
        mend: String,
    },
    /// The server cannot be asked now.
    #[error("{host} cannot be asked for an access token: {reason}")]
    Unavailable {
        /// Who.
        host: String,
        /// Why.
        reason: String,
    },
    /// A secret that the request needs.
    #[error("the connection's credential cannot be used: {0}")]
    Secret(#[from] SecretError),
    /// The host stops.
    #[error("the host stops")]
    Stopped,
}

impl TokenError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Refused { .. } => code::TOKEN_REFUSED,
            Self::Unavailable { .. } | Self::Stopped => code::TOKEN_UNAVAILABLE,
            Self::Secret(_) => code::EGRESS_SECRET,
        }
    }

    /// What a retry policy decides by.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } | Self::Secret(SecretError::Missing(_)) => {
                ErrorKind::Unauthenticated
            }
            Self::Unavailable { .. } | Self::Stopped | Self::Secret(_) => ErrorKind::Unavailable,
        }
    }
}

/// Parameters of a request, form-encoded; wiped when dropped.
#[derive(Default)]
pub(super) struct Form(Zeroizing<String>);

impl Form {
    pub(super) fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&encoded(value));
    }
}

fn encoded(value: &str) -> Zeroizing<String> {
    Zeroizing::new(url::form_urlencoded::byte_serialize(value.as_bytes()).collect())
}

/// What the endpoint gives (RFC 6749, section 5.1).
pub(super) struct Answer {
    pub(super) access_token: Secret,
    /// Seconds.
    pub(super) expires_in: Option<u64>,
    pub(super) refresh_token: Option<Secret>,
}

#[derive(Deserialize)]
struct Body {
    access_token: Zeroized,
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Seconds>,
    refresh_token: Option<Zeroized>,
}

/// A text that is wiped when it is dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Zeroized(Zeroizing<String>);

impl From<String> for Zeroized {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

/// Some servers write the number as a text, or with a fraction.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Whole(u64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Failure {
    error: Option<String>,
}

/// The endpoint.
pub(crate) struct Endpoint {
    url: Url,
    client: reqwest::Client,
    addresses: Arc<AddressGrants>,
}

impl Endpoint {
    pub(crate) fn new(
        url: &str,
        client: reqwest::Client,
        addresses: Arc<AddressGrants>,
    ) -> Result<Self, String> {
        let url = normalise(url).map_err(|_| url.to_owned())?;
        Ok(Self {
            url,
            client,
            addresses,
        })
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    fn unavailable(&self, reason: impl Into<String>) -> TokenError {
        TokenError::Unavailable {
            host: self.host().to_owned(),
            reason: reason.into(),
        }
    }

    fn refused(&self, reason: impl Into<String>) -> TokenError {
        TokenError::Refused {
            host: self.host().to_owned(),
            reason: reason.into(),
            mend: String::new(),
        }
    }

    pub(super) async fn ask(
        &self,
        mut form: Form,
        client: Option<&OAuthClient>,
        secrets: &dyn Secrets,
    ) -> Result<Answer, TokenError> {
        let literal = match self.url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if literal.is_some_and(|address| !self.addresses.permits(address)) {
            return Err(self.refused("its address is private, and the connection grants none such"));
        }
        let mut authorization = None;
        if let Some(client) = client {
            let id = secrets.get(&client.id).await?;
            let password = match &client.secret {
                Some(name) => Some(secrets.get(name).await?),
                None => None,
            };
            match (client.place, password) {
                (ClientPlace::Header, Some(password)) => {
                    authorization = Some(self.basic(&id, &password)?);
                }
                (_, password) => {
                    form.add("client_id", id.expose());
                    if let Some(password) = password {
                        form.add("client_secret", password.expose());
                    }
                }
            }
        }
        let mut request = self
            .client
            .post(self.url.clone())
            .timeout(TIMEOUT)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.0.as_bytes().to_vec());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| {
            // The client's own text may hold the address with a query.
            self.unavailable(match error.is_timeout() {
                true => "it does not answer in time",
                false => "it accepts no connection",
            })
        })?;
        self.read(response).await
    }

    /// RFC 6749, section 2.3.1: both parts are form-encoded first.
    fn basic(&self, id: &Secret, password: &Secret) -> Result<HeaderValue, TokenError> {
        let (id, password) = (encoded(id.expose()), encoded(password.expose()));
        let pair = Zeroizing::new(format!("{}:{}", *id, *password));
        let value = Zeroizing::new(format!("Basic {}", text::base64(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| self.refused("the client cannot be written in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, TokenError> {
        let status = response.status();
        let mut body = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(self.refused("its answer is too large")),
                Ok(None) => break,
                Err(_) => return Err(self.unavailable("its answer broke off")),
            }
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.unavailable(format!("it answers {}", status.as_u16())));
        }
        if !status.is_success() {
            let failure = serde_json::from_slice::<Failure>(&body).ok();
            let reason = failure.and_then(|failure| failure.error).map(|e| word(&e));
            let reason = reason.filter(|reason| !reason.is_empty());
            let status = || format!("it answers {}", status.as_u16());
            return Err(self.refused(reason.unwrap_or_else(status)));
        }
        let body: Body = serde_json::from_slice(&body)
            .map_err(|_| self.refused("its answer is not that of a token endpoint"))?;
        let bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
        if !body.token_type.as_ref().is_none_or(bearer) {
            return Err(self.refused("its tokens are not bearer tokens"));
        }
        let secret = |text: Zeroized| Secret::new(text.0.as_str());
        Ok(Answer {
            access_token: secret(body.access_token),
            expires_in: match body.expires_in {
                Some(Seconds::Whole(seconds)) => Some(seconds),
                Some(Seconds::Text(text)) => text.parse().ok(),
                Some(Seconds::Other(_)) | None => None,
            },
            refresh_token: body.refresh_token.map(secret),
        })
    }
}

/// An error code as RFC 6749, section 5.2, has them; whatever else stands there is not
/// repeated.
fn word(error: &str) -> String {
    let letters = error.chars().take(MAX_REASON);
    letters
        .filter(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(*letter))
        .collect()
}
