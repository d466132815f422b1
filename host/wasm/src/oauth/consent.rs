//! A person's consent: authorization code with PKCE and a loopback redirect (RFC 6749,
//! section 4.1; RFC 7636; RFC 8252).

use super::Endpoint;
use super::endpoint::{Form, TokenError};
use crate::gateway::{Gateway, normalise};
use crate::load::BindReason;
use crate::text::base64url;
use dowel_core::Digest;
use dowel_core::connection::{AuthMethod, Connection};
use dowel_core::oauth::{OAuth2, OAuthGrant};
use dowel_core::port::{Secret, Secrets};
use std::sync::Arc;
use url::{Url, form_urlencoded};

/// A consent that a person is asked for.
pub struct Consent {
    settings: OAuth2,
    endpoint: Endpoint,
    secrets: Arc<dyn Secrets>,
    redirect: String,
    authorization_url: Url,
    refresh_token: String,
    /// Ties the answer to this question; used once.
    state: String,
    /// Proves that who asked is who redeems the code.
    verifier: Secret,
}

/// Why there is no consent. No text holds a value.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// The connection is not one that asks a person.
    #[error("the connection has no `oauth2_authorization_code`")]
    NotAsked,
    /// The connection's settings cannot be used.
    #[error("the connection cannot be used: {0}")]
    Connection(String),
    /// The answer belongs to another question.
    #[error("this answer belongs to another question")]
    OtherState,
    /// The person or the server said no.
    #[error("consent was not given: {0}")]
    Refused(String),
    /// The code could not be redeemed.
    #[error("{0}")]
    Token(String),
    /// The server gave no refresh token.
    #[error(
        "the server gave no refresh token: add the scope that it asks for, often `offline_access`"
    )]
    NoRefreshToken,
}

impl Consent {
    /// Prepares the question. `redirect` is where the browser is sent back to.
    ///
    /// # Errors
    /// The connection asks nobody, or its settings cannot be used.
    pub fn new(
        connection: &Connection,
        secrets: Arc<dyn Secrets>,
        redirect: String,
    ) -> Result<Self, ConsentError> {
        let auth = connection.auth.as_ref().map(|auth| &auth.method);
        let Some(AuthMethod::OAuth2(settings)) = auth else {
            return Err(ConsentError::NotAsked);
        };
        let OAuthGrant::AuthorizationCode {
            authorization_url,
            refresh_token,
        } = &settings.grant
        else {
            return Err(ConsentError::NotAsked);
        };
        let wrong = |text: &str| ConsentError::Connection(text.to_owned());
        let gateway = Gateway::new(connection, Arc::clone(&secrets)).map_err(|found| {
            let texts: Vec<String> = found.iter().map(BindReason::to_string).collect();
            wrong(&texts.join("; "))
        })?;
        let endpoint = gateway.token_endpoint(&settings.token_url);
        let endpoint = endpoint.map_err(ConsentError::Connection)?;
        let random = || -> Result<String, ConsentError> {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|_| wrong("no random numbers"))?;
            Ok(base64url(&bytes))
        };
        Ok(Self {
            endpoint,
            secrets,
            redirect,
            authorization_url: normalise(authorization_url).map_err(wrong)?,
            refresh_token: refresh_token.clone(),
            state: random()?,
            verifier: Secret::new(random()?),
            settings: settings.clone(),
        })
    }

    /// The name of the secret that the refresh token is stored as.
    pub fn refresh_token(&self) -> &str {
        &self.refresh_token
    }

    /// Where the person's browser goes.
    ///
    /// # Errors
    /// The client's identifier cannot be read.
    pub async fn url(&self) -> Result<String, ConsentError> {
        let mut url = self.authorization_url.clone();
        let challenge = base64url(Digest::of(self.verifier.expose()).bytes());
        let client = self.settings.client.as_ref();
        let client = client.ok_or(ConsentError::NotAsked)?;
        let id = self.secrets.get(&client.id).await;
        let id = id.map_err(|error| ConsentError::Token(error.to_string()))?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", id.expose())
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("state", &self.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !self.settings.scopes.is_empty() {
            query.append_pair("scope", &self.settings.scopes.join(" "));
        }
        if let Some(resource) = &self.settings.resource {
            query.append_pair("resource", resource);
        }
        drop(query);
        Ok(url.into())
    }

    /// Redeems the answer that the browser has brought, as a query. Returns the refresh
    /// token.
    ///
    /// # Errors
    /// The answer is another question's, says no, or its code is refused.
    pub async fn finish(&self, query: &str) -> Result<Secret, ConsentError> {
        let find = |wanted: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
        };
        let state = find("state").unwrap_or_default();
        if Digest::of(&state) != Digest::of(&self.state) {
            return Err(ConsentError::OtherState);
        }
        let Some(code) = find("code").map(Secret::new) else {
            let error = find("error").unwrap_or_default();
            let plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
            let error: String = error.chars().filter(plain).take(64).collect();
            return Err(ConsentError::Refused(error));
        };
        let mut form = Form::default();
        form.add("grant_type", "authorization_code");
        form.add("code", code.expose());
        form.add("redirect_uri", &self.redirect);
        form.add("code_verifier", self.verifier.expose());
        let client = self.settings.client.as_ref();
        let answer = self.endpoint.ask(form, client, self.secrets.as_ref()).await;
        let failed = |error: TokenError| ConsentError::Token(error.to_string());
        let answer = answer.map_err(failed)?;
        answer.refresh_token.ok_or(ConsentError::NoRefreshToken)
    }
}
