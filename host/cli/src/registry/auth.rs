//! Proving oneself to a registry: Basic, or a token that it sends us to fetch.

use super::Reference;
use anyhow::{Context as _, Result, bail};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// Environment variables with the account.
const USER: &str = "DOWEL_REGISTRY_USER";
const PASSWORD: &str = "DOWEL_REGISTRY_PASSWORD";

/// What requests carry.
#[derive(Default)]
pub(crate) enum Authorization {
    #[default]
    None,
    Basic {
        user: String,
        password: String,
    },
    Bearer(String),
}

impl Authorization {
    pub(crate) fn add(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::None => request,
            Self::Basic { user, password } => request.basic_auth(user, Some(password)),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }

    /// Gets what the registry asks for.
    pub(crate) async fn answer(
        &mut self,
        client: &Client,
        reference: &Reference,
        challenge: &str,
    ) -> Result<()> {
        let account = std::env::var(USER).ok().zip(std::env::var(PASSWORD).ok());
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            let (user, password) = account.with_context(|| {
                let host = &reference.host;
                format!("{host} wants an account: give it as {USER} and {PASSWORD}")
            })?;
            *self = Self::Basic { user, password };
            return Ok(());
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            bail!(
                "{} asks for a way to log in that is not known",
                reference.host
            );
        }
        *self = Self::Bearer(token(client, reference, parameters, account).await?);
        Ok(())
    }
}

async fn token(
    client: &Client,
    reference: &Reference,
    parameters: &str,
    account: Option<(String, String)>,
) -> Result<String> {
    let realm = parameter(parameters, "realm").context("the registry names no token server")?;
    let mut realm = reqwest::Url::parse(&realm).context("the registry's token server is no URL")?;
    // The password goes there: never in the clear, but to where the registry is itself.
    let is_own = reference.url("").starts_with(&format!(
        "{}://{}",
        realm.scheme(),
        realm.host_str().unwrap_or_default()
    ));
    if realm.scheme() != "https" && !is_own {
        bail!("the registry's token server does not speak TLS");
    }
    for name in ["service", "scope"] {
        if let Some(value) = parameter(parameters, name) {
            realm.query_pairs_mut().append_pair(name, &value);
        }
    }
    let mut request = client.get(realm);
    if let Some((user, password)) = account {
        request = request.basic_auth(user, Some(password));
    }
    let answer = request
        .send()
        .await
        .context("the registry's token server cannot be reached")?;
    if !answer.status().is_success() {
        bail!("the registry's token server says {}", answer.status());
    }
    let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
    let token = answer["token"].as_str().or(answer["access_token"].as_str());
    token
        .map(str::to_owned)
        .context("the registry's token server gives no token")
}

/// A parameter of a challenge: `name="value"` (RFC 9110, section 11.2).
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while let Some((key, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"')?;
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn challenges_are_read() {
        let text = r#"realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#;
        assert_eq!(parameter(text, "service").unwrap(), "r.example");
        assert_eq!(
            parameter(text, "scope").unwrap(),
            "repository:a/b:pull,push"
        );
        assert_eq!(parameter(text, "error"), None);
    }
}
