//! OpenID Connect: who somebody is, from an identity provider (OpenID Connect Core 1.0,
//! authorization code flow with PKCE).
//!
//! The identity comes from the provider's token endpoint by TLS and not through the
//! browser, so that TLS stands for its signature (section 3.1.3.7, item 6); without TLS
//! only providers on the same machine are taken.

mod bearer;

use anyhow::{Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dowel_core::Digest;
use dowel_core::port::{
    BoxFuture, Clock, Identity, IdentityError, IdentityProvider, LoginRequest, Machine, Secrets,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long an answer of the provider may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The largest answer of the provider, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// How far the provider's clock may be away, in seconds.
const LEEWAY_S: u64 = 60;

/// How the provider is used.
#[derive(Clone, Debug)]
pub(crate) struct OpenIdOptions {
    pub(crate) issuer: String,
    pub(crate) client: String,
    /// The name of the secret with the client's password.
    pub(crate) secret: String,
    /// The claim with the name that people act under.
    pub(crate) name_claim: String,
    /// The claim with the groups that people are in.
    pub(crate) groups_claim: String,
    pub(crate) scope: String,
    /// For whom programs have tokens made; none are taken without it.
    pub(crate) audience: Option<String>,
}

/// An identity provider that speaks OpenID Connect.
pub(crate) struct OpenId {
    options: OpenIdOptions,
    http: reqwest::Client,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    known: OnceCell<Metadata>,
    keys: bearer::Keys,
}

/// What the provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: Option<String>,
}

fn failed(reason: impl std::fmt::Display) -> IdentityError {
    IdentityError::Failed(format!("the identity provider: {reason}"))
}

fn refused(reason: impl Into<String>) -> IdentityError {
    IdentityError::Refused(reason.into())
}

/// Whether nobody on the way can change what is sent to this address.
fn is_safe(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    let is_local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && is_local)
}

impl OpenId {
    pub(crate) fn new(
        options: OpenIdOptions,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        if !is_safe(&options.issuer) {
            bail!("--oidc-issuer needs https: {}", options.issuer);
        }
        if options.audience.as_ref() == Some(&options.client) {
            bail!(
                "--oidc-audience is for tokens of programs and cannot be the client `{}`, for whom the identities of people are made",
                options.client
            );
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            options,
            http,
            secrets,
            clock,
            known: OnceCell::new(),
            keys: bearer::Keys::default(),
        })
    }

    async fn metadata(&self) -> Result<&Metadata, IdentityError> {
        self.known.get_or_try_init(|| self.discover()).await
    }

    async fn discover(&self) -> Result<Metadata, IdentityError> {
        let issuer = self.options.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let response = self.http.get(url).send().await.map_err(failed)?;
        let metadata: Metadata = serde_json::from_slice(&body(response).await?).map_err(failed)?;
        if metadata.issuer != self.options.issuer {
            return Err(failed(format!("it calls itself `{}`", metadata.issuer)));
        }
        let ends = [&metadata.authorization_endpoint, &metadata.token_endpoint];
        match ends.iter().find(|url| !is_safe(url)) {
            Some(url) => Err(failed(format!("`{url}` is no address with https"))),
            None => Ok(metadata),
        }
    }

    async fn url(&self, request: LoginRequest<'_>) -> Result<String, IdentityError> {
        let metadata = self.metadata().await?;
        let mut url = reqwest::Url::parse(&metadata.authorization_endpoint).map_err(failed)?;
        let challenge = URL_SAFE_NO_PAD.encode(Digest::of(request.verifier).bytes());
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client)
            .append_pair("redirect_uri", request.redirect)
            .append_pair("scope", &self.options.scope)
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    async fn identity(
        &self,
        request: LoginRequest<'_>,
        code: &str,
    ) -> Result<Identity, IdentityError> {
        let metadata = self.metadata().await?;
        let secret = self
            .secrets
            .get(&self.options.secret)
            .await
            .map_err(failed)?;
        let encoded = |text: &str| -> String {
            reqwest::Url::parse_with_params("http://x", [("x", text)])
                .ok()
                .and_then(|url| Some(url.query()?.strip_prefix("x=")?.to_owned()))
                .unwrap_or_default()
        };
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", request.redirect),
            ("code_verifier", request.verifier),
        ];
        let form: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        // RFC 6749, section 2.3.1: both parts are form-encoded first.
        let (client, password) = (encoded(&self.options.client), encoded(secret.expose()));
        let sent = self
            .http
            .post(&metadata.token_endpoint)
            .basic_auth(client, Some(password))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.join("&"));
        let response = sent.send().await.map_err(failed)?;
        let status = response.status();
        let answer: Value = serde_json::from_slice(&body(response).await?).unwrap_or_default();
        if !status.is_success() {
            let error = answer["error"].as_str().unwrap_or("no reason");
            return Err(refused(format!(
                "the identity provider refused the code: {error}"
            )));
        }
        let token = answer["id_token"].as_str();
        let token = token.ok_or_else(|| failed("it sent no `id_token`"))?;
        let claims = claims(token).ok_or_else(|| failed("its `id_token` cannot be read"))?;
        let now = self.clock.now().as_millis() / 1_000;
        read(&self.options, &claims, request.nonce, now)
    }
}

async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, IdentityError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER {
            return Err(failed("its answer is too long"));
        }
    }
    Ok(bytes)
}

/// What a token says (RFC 7519, section 3).
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Who it is, if the token is for this host and for this login.
fn read(
    options: &OpenIdOptions,
    claims: &Value,
    nonce: &str,
    now: u64,
) -> Result<Identity, IdentityError> {
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    if text("iss") != options.issuer {
        return Err(refused("the identity is of another issuer"));
    }
    let several = claims["aud"].as_array().is_some_and(|all| all.len() > 1);
    let is_for = |value: &Value| value.as_str() == Some(options.client.as_str());
    let is_ours = is_for(&claims["aud"])
        || claims["aud"]
            .as_array()
            .is_some_and(|all| all.iter().any(is_for));
    if !is_ours || (several && !is_for(&claims["azp"])) {
        return Err(refused("the identity is for another program"));
    }
    if claims["exp"]
        .as_u64()
        .is_none_or(|exp| exp + LEEWAY_S <= now)
    {
        return Err(refused("the identity has expired"));
    }
    if text("nonce") != nonce {
        return Err(refused("the identity is of another login"));
    }
    let name = text(&options.name_claim);
    if name.is_empty() {
        let claim = &options.name_claim;
        return Err(refused(format!("the identity has no `{claim}`")));
    }
    if options.name_claim == "email" && claims["email_verified"] != Value::Bool(true) {
        return Err(refused(
            "the provider has not verified the person's `email`",
        ));
    }
    let groups = claims[&options.groups_claim].as_array();
    let groups = groups.map(Vec::as_slice).unwrap_or_default().iter();
    Ok(Identity {
        name: name.to_owned(),
        groups: groups
            .filter_map(|group| Some(group.as_str()?.to_owned()))
            .collect::<BTreeSet<_>>(),
        issuer: options.issuer.clone(),
    })
}

impl IdentityProvider for OpenId {
    fn login_url<'a>(
        &'a self,
        request: LoginRequest<'a>,
    ) -> BoxFuture<'a, Result<String, IdentityError>> {
        Box::pin(self.url(request))
    }

    fn redeem<'a>(
        &'a self,
        request: LoginRequest<'a>,
        code: &'a str,
    ) -> BoxFuture<'a, Result<Identity, IdentityError>> {
        Box::pin(self.identity(request, code))
    }

    fn bearer<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Machine, IdentityError>> {
        Box::pin(self.machine(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options() -> OpenIdOptions {
        OpenIdOptions {
            issuer: "https://id.example.com".to_owned(),
            client: "dowel".to_owned(),
            secret: "oidc_client_secret".to_owned(),
            name_claim: "email".to_owned(),
            groups_claim: "groups".to_owned(),
            scope: "openid".to_owned(),
            audience: None,
        }
    }

    fn good() -> Value {
        json!({
            "iss": "https://id.example.com", "aud": "dowel", "exp": 2_000, "nonce": "n",
            "email": "ana@example.com", "email_verified": true, "groups": ["finance", 7],
        })
    }

    fn check(change: impl FnOnce(&mut Value)) -> Result<Identity, IdentityError> {
        let mut claims = good();
        change(&mut claims);
        read(&options(), &claims, "n", 1_900)
    }

    #[test]
    fn an_identity_is_for_this_host_and_this_login() {
        let ana = check(|_| {}).unwrap();
        assert_eq!(ana.name, "ana@example.com");
        assert_eq!(ana.groups, BTreeSet::from(["finance".to_owned()]));
        assert!(check(|c| c["aud"] = json!(["dowel"])).is_ok());
        let several = json!(["dowel", "other"]);
        assert!(check(|c| c["aud"] = several.clone()).is_err());
        assert!(
            check(|c| {
                c["aud"] = several;
                c["azp"] = json!("dowel");
            })
            .is_ok()
        );
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("other")),
            ("aud", Value::Null),
            ("exp", json!(1_840)),
            ("exp", json!("2000")),
            ("nonce", json!("m")),
            ("email", Value::Null),
            ("email_verified", json!(false)),
            ("email_verified", json!("true")),
        ] {
            let refused = check(|claims| claims[name] = value);
            assert!(matches!(refused, Err(IdentityError::Refused(_))), "{name}");
        }
    }

    #[test]
    fn only_addresses_that_nobody_can_change_are_safe() {
        for url in [
            "https://id.example.com",
            "http://127.0.0.1:9",
            "http://[::1]:9",
        ] {
            assert!(is_safe(url), "{url}");
        }
        for url in ["http://id.example.com", "ftp://127.0.0.1", "id.example.com"] {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn tokens_are_read() {
        let payload = URL_SAFE_NO_PAD.encode(good().to_string());
        assert_eq!(claims(&format!("x.{payload}.y")), Some(good()));
        assert_eq!(claims("x.y"), None);
        assert_eq!(claims("x.!.y"), None);
    }
}
