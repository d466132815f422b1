//! The HTTP client of a connection: its resolver, its open connections and its
//! certificates are the connection's own.

use super::address::AddressGrants;
use super::refusal::Refusal;
use super::rule::Rule;
use super::{failure, resolve};
use crate::load::BindReason;
use dowel_core::Digest;
use dowel_core::connection::{AuthMethod, ClientCertificate, Connection};
use dowel_core::port::{Secret, SecretError, Secrets};
use reqwest::{Certificate, ClientBuilder, Identity};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// How long an unused connection to an upstream stays open. Shorter than the keep-alive
/// times of common servers (5 s and more), because a request on a connection that the
/// server is just closing counts as sent.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// Response header lines of one answer.
const MAX_RESPONSE_HEADERS: usize = 128;

/// The client of a connection.
pub(crate) struct Client {
    plain: reqwest::Client,
    /// Where the host shows a certificate.
    own: Option<Own>,
}

/// What a client with a certificate is made of, and the one that was made last.
struct Own {
    names: ClientCertificate,
    recipe: Recipe,
    made: Mutex<Option<(Digest, reqwest::Client)>>,
}

/// What every client of the connection is made of.
#[derive(Clone)]
struct Recipe {
    idle: usize,
    connect_timeout: Duration,
    addresses: Arc<AddressGrants>,
    authorities: Vec<Certificate>,
    speaks_tls: bool,
}

impl Client {
    /// Checks the authorities, and makes the client that shows no certificate.
    pub(crate) fn new(
        connection: &Connection,
        grants: &[Rule],
        addresses: Arc<AddressGrants>,
    ) -> Result<Self, BindReason> {
        let tls = connection.tls.as_ref();
        let authorities = match tls.and_then(|tls| tls.ca.as_deref()) {
            None => Vec::new(),
            Some(pem) => authorities(pem)?,
        };
        let asks_by_tls = matches!(
            connection.auth.as_ref().map(|auth| &auth.method),
            Some(AuthMethod::OAuth2(settings)) if settings.token_url.starts_with("https:")
        );
        let recipe = Recipe {
            idle: usize::try_from(connection.limits.concurrency).unwrap_or(usize::MAX),
            connect_timeout: connection.limits.connect_timeout,
            addresses,
            authorities,
            speaks_tls: asks_by_tls || grants.iter().any(Rule::allows_tls),
        };
        let plain = recipe.builder().build();
        let names = tls.and_then(|tls| tls.client.clone());
        Ok(Self {
            plain: plain.map_err(|e| BindReason::Client(failure::describe(&e)))?,
            own: names.map(|names| Own {
                names,
                recipe,
                made: Mutex::new(None),
            }),
        })
    }

    /// The one that shows no certificate, for token endpoints.
    pub(crate) fn plain(&self) -> &reqwest::Client {
        &self.plain
    }

    /// The one for requests of guests. A certificate that was exchanged counts from the
    /// next request on.
    pub(crate) async fn get(&self, secrets: &dyn Secrets) -> Result<reqwest::Client, Refusal> {
        match &self.own {
            None => Ok(self.plain.clone()),
            Some(own) => own.get(secrets).await,
        }
    }
}

impl Own {
    async fn get(&self, secrets: &dyn Secrets) -> Result<reqwest::Client, Refusal> {
        let certificate = secrets.get(&self.names.certificate).await?;
        let key = secrets.get(&self.names.key).await?;
        let pem = Zeroizing::new(format!("{}\n{}\n", certificate.expose(), key.expose()));
        let digest = Digest::of(pem.as_bytes());
        let mut made = self.made.lock().await;
        if let Some((known, client)) = &*made
            && *known == digest
        {
            return Ok(client.clone());
        }
        let client = self.make(&Secret::new(pem.as_str()))?;
        *made = Some((digest, client.clone()));
        Ok(client)
    }

    fn make(&self, pem: &Secret) -> Result<reqwest::Client, Refusal> {
        // What the parser says might quote the text.
        let unusable = || SecretError::Unreadable {
            name: self.names.key.clone(),
            reason: format!(
                "it and `{}` are not a certificate and its private key, in PEM",
                self.names.certificate
            ),
        };
        let identity = Identity::from_pem(pem.expose().as_bytes()).map_err(|_| unusable())?;
        let client = self.recipe.builder().identity(identity).build();
        Ok(client.map_err(|_| unusable())?)
    }
}

impl Recipe {
    fn builder(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("dowel/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(resolve::Resolver::new(Arc::clone(&self.addresses)))
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(self.idle)
            .http1_max_headers(MAX_RESPONSE_HEADERS)
            .tcp_nodelay(true);
        if !self.speaks_tls {
            // Nothing here speaks TLS: do not read the system's certificates for it.
            return builder.tls_certs_only([]);
        }
        builder.tls_certs_merge(self.authorities.iter().cloned())
    }
}

fn authorities(pem: &str) -> Result<Vec<Certificate>, BindReason> {
    let found = Certificate::from_pem_bundle(pem.as_bytes());
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| BindReason::Client("`tls.ca` holds no certificate in PEM".to_owned()))
}
