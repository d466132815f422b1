//! Access tokens of a connection (OAuth 2.0): asked for once for all who wait, kept in
//! memory, renewed before they end, and once more when an upstream refuses one.

mod assertion;
mod consent;
mod endpoint;

pub use consent::{Consent, ConsentError};
pub(crate) use endpoint::{Endpoint, TokenError};

use crate::gateway::AddressGrants;
use dowel_core::ConnectionName;
use dowel_core::oauth::{OAuth2, OAuthGrant};
use dowel_core::port::{Secret, SecretError, Secrets};
use endpoint::{Answer, Form};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long before its end a token is renewed: the longest that a request and its retry
/// are under way, usually.
const BEFORE_END: Duration = Duration::from_secs(60);

/// How long a token counts whose end the server does not tell; a refusal ends it earlier.
const UNTOLD: Duration = Duration::from_secs(600);

/// How long a failure is told to the next who ask, instead of asking the server again.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// The tokens of one connection.
pub(crate) struct Tokens {
    connection: ConnectionName,
    settings: OAuth2,
    endpoint: Endpoint,
    secrets: Arc<dyn Secrets>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    failed: Option<(Instant, TokenError)>,
    /// The refresh token that was sent last, and the one that came for it and could not be
    /// stored.
    unstored: Option<(Secret, Secret)>,
}

struct Token {
    value: Secret,
    /// When a new one is asked for.
    renew: Instant,
    /// When it counts no longer.
    end: Instant,
}

impl Tokens {
    pub(crate) fn new(
        connection: ConnectionName,
        settings: OAuth2,
        client: reqwest::Client,
        addresses: Arc<AddressGrants>,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, String> {
        Ok(Self {
            connection,
            endpoint: Endpoint::new(&settings.token_url, client, addresses)?,
            settings,
            secrets,
            state: Mutex::default(),
        })
    }

    /// The token for a request that goes out now. Whoever asks while one is fetched waits
    /// for that one.
    pub(crate) async fn get(self: &Arc<Self>) -> Result<Secret, TokenError> {
        {
            let state = self.state.lock().await;
            if let Some(known) = state.known(Instant::now()) {
                return known;
            }
        }
        let tokens = Arc::clone(self);
        // In a task of its own: a call that is stopped half-way must not lose the refresh
        // token that comes with the answer.
        let fetched = tokio::spawn(async move {
            let mut state = tokens.state.lock().await;
            if let Some(known) = state.known(Instant::now()) {
                return known;
            }
            tokens.renew(&mut state).await
        });
        fetched.await.unwrap_or(Err(TokenError::Stopped))
    }

    /// An upstream has refused this token, or the one of now: it is not used again.
    pub(crate) async fn refused(&self, used: Option<&Secret>) {
        let mut state = self.state.lock().await;
        let is_current = |token: &Token| used.is_none_or(|used| token.value == *used);
        if state.token.as_ref().is_some_and(is_current) {
            state.token = None;
        }
    }

    async fn renew(&self, state: &mut State) -> Result<Secret, TokenError> {
        let asked = Instant::now();
        match self.ask(state).await {
            Ok(answer) => {
                let life = answer.expires_in.map_or(UNTOLD, Duration::from_secs);
                // A short life is used for its larger part.
                let early = BEFORE_END.min(life / 4);
                state.token = Some(Token {
                    value: answer.access_token.clone(),
                    renew: asked + (life - early),
                    end: asked + life,
                });
                state.failed = None;
                tracing::debug!(
                    connection = %self.connection,
                    seconds = life.as_secs(),
                    "an access token was fetched"
                );
                Ok(answer.access_token)
            }
            Err(error) => {
                tracing::warn!(
                    connection = %self.connection,
                    owner = self.settings.owner,
                    code = %error.code(),
                    %error,
                    "the credential of a connection cannot be renewed"
                );
                let error = self.addressed(error);
                state.failed = Some((Instant::now(), error.clone()));
                match state.token.as_ref().filter(|t| Instant::now() < t.end) {
                    // It was asked for early: there is time to try again.
                    Some(token) => Ok(token.value.clone()),
                    None => Err(error),
                }
            }
        }
    }

    /// Who has to do something about a refusal, and what.
    fn addressed(&self, error: TokenError) -> TokenError {
        let TokenError::Refused { host, reason, .. } = error else {
            return error;
        };
        let who = self.settings.owner.as_deref().unwrap_or("its owner");
        let what = match self.settings.grant {
            OAuthGrant::AuthorizationCode { .. } => {
                format!("run `dowel connection authorize {}`", self.connection)
            }
            OAuthGrant::ClientCredentials | OAuthGrant::JwtBearer { .. } => {
                "check the client and its key at the authorization server".to_owned()
            }
        };
        TokenError::Refused {
            host,
            reason,
            mend: format!("; {who} has to {what}"),
        }
    }

    async fn ask(&self, state: &mut State) -> Result<Answer, TokenError> {
        let mut form = Form::default();
        match &self.settings.grant {
            OAuthGrant::ClientCredentials => form.add("grant_type", "client_credentials"),
            OAuthGrant::JwtBearer { key, .. } => {
                let key = self.secrets.get(key).await?;
                let assertion = assertion::sign(&self.settings, &key)?;
                form.add("grant_type", assertion::GRANT_TYPE);
                form.add("assertion", assertion.expose());
            }
            OAuthGrant::AuthorizationCode { refresh_token, .. } => {
                return self.refresh(state, refresh_token).await;
            }
        }
        self.send(form).await
    }

    async fn refresh(&self, state: &mut State, name: &str) -> Result<Answer, TokenError> {
        let stored = self.secrets.get(name).await.map_err(|error| match error {
            SecretError::Missing(_) => TokenError::Refused {
                host: self.endpoint.host().to_owned(),
                reason: "nobody has given consent yet".to_owned(),
                mend: String::new(),
            },
            error => error.into(),
        })?;
        let newer = state.unstored.take().filter(|(sent, _)| *sent == stored);
        let current = newer.as_ref().map_or(&stored, |(_, newer)| newer);
        let mut form = Form::default();
        form.add("grant_type", "refresh_token");
        form.add("refresh_token", current.expose());
        let answer = match self.send(form).await {
            Ok(answer) => answer,
            Err(error) => {
                state.unstored = newer;
                return Err(error);
            }
        };
        match &answer.refresh_token {
            Some(rotated) if rotated != current => {
                if let Err(error) = self.secrets.put(name, rotated.clone()).await {
                    tracing::error!(
                        connection = %self.connection,
                        secret = name,
                        %error,
                        "a new refresh token cannot be stored, and is lost at the next restart"
                    );
                    state.unstored = Some((stored, rotated.clone()));
                }
            }
            Some(_) | None => state.unstored = newer,
        }
        Ok(answer)
    }

    async fn send(&self, mut form: Form) -> Result<Answer, TokenError> {
        if !self.settings.scopes.is_empty() {
            form.add("scope", &self.settings.scopes.join(" "));
        }
        if let Some(resource) = &self.settings.resource {
            form.add("resource", resource);
        }
        let client = self.settings.client.as_ref();
        self.endpoint.ask(form, client, self.secrets.as_ref()).await
    }
}

impl State {
    /// What is known without asking: a token that is good for long enough, or a failure of
    /// just now.
    fn known(&self, now: Instant) -> Option<Result<Secret, TokenError>> {
        let token = self.token.as_ref();
        if let Some(token) = token.filter(|token| now < token.renew) {
            return Some(Ok(token.value.clone()));
        }
        let (at, error) = self.failed.as_ref()?;
        if now.saturating_duration_since(*at) >= FAILED_FOR {
            return None;
        }
        Some(match token.filter(|token| now < token.end) {
            Some(token) => Ok(token.value.clone()),
            None => Err(error.clone()),
        })
    }
}
