//! The connection's credential: read when it is used, added only for the origins that
//! the connection names, never shown to the guest.

use super::headers::own_name;
use super::refusal::Refusal;
use super::target::{Target, normalise, port};
use super::{Gateway, signing};
use crate::load::BindReason;
use crate::redact::Worth;
use crate::text::base64;
use dowel_core::connection::{ApiKeyPlace, Auth, AuthMethod};
use dowel_core::oauth::OAuth2;
use dowel_core::port::Secret;
use dowel_core::signing::AwsSigV4;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;
use wasmtime_wasi_http::WasiBody;
use zeroize::Zeroizing;

/// A credential, ready to be added.
pub(crate) struct Credential {
    method: AuthMethod,
    origins: Vec<Origin>,
    /// The header that carries it, if one does.
    header: Option<HeaderName>,
}

/// `scheme://host:port`, normalised (RFC 6454, section 4).
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    fn of(url: &Url) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            port: port(url),
        }
    }

    fn is_of(&self, url: &Url) -> bool {
        self.scheme == url.scheme()
            && Some(self.host.as_str()) == url.host_str()
            && self.port == port(url)
    }
}

impl Credential {
    /// Checks the origins and the place.
    pub(crate) fn new(auth: &Auth) -> Result<Self, Vec<BindReason>> {
        let mut problems = Vec::new();
        let mut origins = Vec::new();
        for text in &auth.origins {
            match normalise(text) {
                Ok(url) if url.path() == "/" && url.query().is_none() => {
                    origins.push(Origin::of(&url));
                }
                _ => problems.push(BindReason::Origin(text.clone())),
            }
        }
        let header = match &auth.method {
            AuthMethod::Bearer { .. } | AuthMethod::Basic { .. } | AuthMethod::OAuth2(_) => {
                Some(AUTHORIZATION)
            }
            AuthMethod::ApiKey { place, .. } => match place {
                ApiKeyPlace::Header(name) => own_name(name)
                    .map_err(|problem| problems.push(problem))
                    .ok(),
                ApiKeyPlace::Query(_) => None,
            },
            AuthMethod::AwsSigV4(_) => Some(AUTHORIZATION),
            AuthMethod::Hmac(settings) => {
                let time = settings.timestamp_header.iter();
                for name in time {
                    if let Err(problem) = own_name(name) {
                        problems.push(problem);
                    }
                }
                own_name(&settings.header)
                    .map_err(|problem| problems.push(problem))
                    .ok()
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            method: auth.method.clone(),
            origins,
            header,
        })
    }

    /// The header that carries the credential.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// Names of the secrets that it is made from.
    pub(crate) fn secret_names(&self) -> Vec<&str> {
        self.method.secret_names()
    }

    /// What the value of one of its secrets is.
    pub(crate) fn worth(&self, name: &str) -> Worth {
        match &self.method {
            AuthMethod::Basic { username, .. } if username == name => Worth::Name,
            AuthMethod::AwsSigV4(AwsSigV4 { access_key_id, .. }) if access_key_id == name => {
                Worth::Name
            }
            AuthMethod::OAuth2(OAuth2 {
                client: Some(client),
                ..
            }) if client.id == name => Worth::Name,
            _ => Worth::Key,
        }
    }

    /// Refuses a request in which the guest set the query parameter of the key.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Refusal> {
        let AuthMethod::ApiKey {
            place: ApiKeyPlace::Query(name),
            ..
        } = &self.method
        else {
            return Ok(());
        };
        if target
            .url
            .query_pairs()
            .any(|(key, _)| key == name.as_str())
        {
            return Err(Refusal::Forbidden {
                place: "query parameter",
                name: name.clone(),
            });
        }
        Ok(())
    }

    /// Whether the request goes to one of its origins.
    pub(crate) fn is_for(&self, target: &Target) -> bool {
        self.origins.iter().any(|origin| origin.is_of(&target.url))
    }

    /// Signs the request if the credential is a signature and it goes to one of its origins:
    /// the last that is done to it. Returns its body.
    pub(crate) async fn sign(
        &self,
        gateway: &Gateway,
        target: &Target,
        headers: &mut HeaderMap,
        body: WasiBody,
    ) -> Result<WasiBody, Refusal> {
        if !signing::signs(&self.method) || !self.is_for(target) {
            return Ok(body);
        }
        signing::signed(gateway, &self.method, target, headers, body).await
    }

    /// Adds the credential if the request goes to one of its origins.
    pub(crate) async fn add(
        &self,
        gateway: &Gateway,
        target: &mut Target,
        headers: &mut HeaderMap,
    ) -> Result<(), Refusal> {
        if !self.is_for(target) {
            return Ok(());
        }
        let (secrets, redactor) = (gateway.secrets.as_ref(), &gateway.redactor);
        let read = async |name: &str| -> Result<Secret, Refusal> {
            let secret = secrets.get(name).await?;
            redactor.learn(secret.expose(), self.worth(name));
            Ok(secret)
        };
        match &self.method {
            AuthMethod::Bearer { token } => {
                let value = format!("Bearer {}", read(token).await?.expose());
                headers.insert(AUTHORIZATION, sensitive(&value, token)?);
            }
            AuthMethod::Basic { username, password } => {
                let pair = format!(
                    "{}:{}",
                    read(username).await?.expose(),
                    read(password).await?.expose()
                );
                let encoded = base64(pair.as_bytes());
                redactor.learn(&encoded, Worth::Key);
                headers.insert(
                    AUTHORIZATION,
                    sensitive(&format!("Basic {encoded}"), password)?,
                );
            }
            AuthMethod::ApiKey { place, key } => {
                let secret = read(key).await?;
                match (place, &self.header) {
                    (ApiKeyPlace::Query(name), _) => {
                        let mut query = target.url.query_pairs_mut();
                        query.append_pair(name, secret.expose());
                    }
                    (ApiKeyPlace::Header(_), Some(name)) => {
                        headers.insert(name, sensitive(secret.expose(), key)?);
                    }
                    // `new` refuses a header place without a header name.
                    (ApiKeyPlace::Header(name), None) => {
                        return Err(Refusal::UnusableSecret(name.clone()));
                    }
                }
            }
            // Computed when the body is there.
            AuthMethod::AwsSigV4(_) | AuthMethod::Hmac(_) => {}
            AuthMethod::OAuth2(settings) => {
                if let Some(tokens) = &gateway.tokens {
                    let token = tokens.get().await?;
                    redactor.learn(token.expose(), Worth::Key);
                    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
                    headers.insert(AUTHORIZATION, sensitive(&value, &settings.token_url)?);
                }
            }
        }
        Ok(())
    }
}

fn sensitive(value: &str, secret: &str) -> Result<HeaderValue, Refusal> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| Refusal::UnusableSecret(secret.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        let auth = |origin: &str| Auth {
            method: AuthMethod::Bearer {
                token: "t".to_owned(),
            },
            origins: vec![origin.to_owned()],
        };
        let has = |origin: &str, url: &str| {
            let credential = Credential::new(&auth(origin)).unwrap();
            credential.origins[0].is_of(&normalise(url).unwrap())
        };
        assert!(has(
            "https://API.example.com:443",
            "https://api.example.com./v1"
        ));
        assert!(!has("https://api.example.com", "http://api.example.com/"));
        assert!(!has(
            "https://api.example.com",
            "https://api.example.com:444/"
        ));
        assert!(!has("https://example.com", "https://api.example.com/"));
        for bad in [
            "api.example.com",
            "https://u@h/",
            "https://h/path",
            "https://h/?q",
            "",
        ] {
            assert!(Credential::new(&auth(bad)).is_err(), "{bad}");
        }
    }
}
