//! The one way out: every request of every guest ends here.
//!
//! For each request, in this order: the URL is parsed and normalised, the allow-lists
//! of both sides are asked, the guest's headers are checked, the address is checked
//! (literals here, names after resolution), credentials and trace headers are added,
//! and how far the request got is written down, whatever the guest says about it.

mod address;
mod body;
mod credential;
mod evidence;
mod exchange;
mod failure;
mod headers;
mod refusal;
mod resolve;
mod rule;
mod target;
mod wired;

pub(crate) use address::AddressGrants;
pub(crate) use evidence::{Ending, Evidence};
pub(crate) use exchange::exchange;
pub(crate) use refusal::Refusal;
pub(crate) use rule::Rule;
pub(crate) use target::normalise;

use crate::load::BindReason;
use crate::oauth::{Endpoint, Tokens};
use crate::redact::Redactor;
use credential::Credential;
use dowel_core::connection::{AuthMethod, Connection};
use dowel_core::port::Secrets;
use http::HeaderName;
use std::sync::Arc;
use std::time::Duration;

/// How long an unused connection to an upstream stays open. Shorter than the keep-alive
/// times of common servers (5 s and more), because a request on a connection that the
/// server is just closing counts as sent.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// Response header lines of one answer.
const MAX_RESPONSE_HEADERS: usize = 128;

/// What one connection may reach, and how.
pub(crate) struct Gateway {
    client: reqwest::Client,
    grants: Vec<Rule>,
    addresses: Arc<AddressGrants>,
    credential: Option<Credential>,
    /// Access tokens, where the credential is one that is asked for.
    tokens: Option<Arc<Tokens>>,
    idempotency_header: HeaderName,
    response_bytes: u64,
    secrets: Arc<dyn Secrets>,
    /// Secret values that were sent on this connection, for masking what comes back.
    pub redactor: Redactor,
}

impl Gateway {
    /// Checks the connection's grants and makes its client. Every problem is reported.
    pub(crate) fn new(
        connection: &Connection,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, Vec<BindReason>> {
        let mut problems = Vec::new();
        let mut grants = Vec::new();
        for rule in &connection.allow {
            match Rule::parse(rule) {
                Ok(rule) => grants.push(rule),
                Err(problem) => problems.push(problem),
            }
        }
        let addresses = Arc::new(
            AddressGrants::parse(&connection.private_addresses)
                .unwrap_or_else(|found| collect(found, &mut problems)),
        );
        let credential = connection
            .auth
            .as_ref()
            .and_then(|auth| match Credential::new(auth) {
                Ok(credential) => Some(credential),
                Err(found) => collect(found, &mut problems),
            });
        let idempotency_header = headers::own_name(&connection.idempotency_header)
            .map_err(|problem| problems.push(problem));
        let client = client(connection, &grants, Arc::clone(&addresses))
            .map_err(|problem| problems.push(problem));
        let tokens = client
            .as_ref()
            .ok()
            .and_then(|client| tokens(connection, client, &addresses, &secrets))
            .transpose()
            .map_err(|text| problems.push(BindReason::Origin(text)))
            .unwrap_or_default();
        let (Ok(idempotency_header), Ok(client), []) =
            (idempotency_header, client, problems.as_slice())
        else {
            return Err(problems);
        };
        Ok(Self {
            client,
            grants,
            addresses,
            credential,
            tokens,
            idempotency_header,
            response_bytes: connection.limits.response_bytes,
            secrets,
            redactor: Redactor::default(),
        })
    }

    /// A token endpoint, asked by the connection's own client.
    pub(crate) fn token_endpoint(&self, url: &str) -> Result<Endpoint, String> {
        Endpoint::new(url, self.client.clone(), Arc::clone(&self.addresses))
    }

    /// The first of the manifest's needs that no rule of the environment covers.
    pub(crate) fn ungranted<'a>(&self, needs: &'a [Rule]) -> Option<&'a Rule> {
        needs
            .iter()
            .find(|need| !self.grants.iter().any(|grant| grant.overlaps(need)))
    }

    /// Learns the current values of the connection's secrets, so that they can be
    /// masked even if the guest got them from elsewhere.
    pub(crate) async fn learn_secrets(&self) {
        let Some(credential) = &self.credential else {
            return;
        };
        for name in credential.secret_names() {
            if let Ok(secret) = self.secrets.get(name).await {
                self.redactor.learn(secret.expose(), credential.worth(name));
            }
        }
    }
}

fn collect<T: Default>(found: Vec<BindReason>, problems: &mut Vec<BindReason>) -> T {
    problems.extend(found);
    T::default()
}

/// The tokens of a connection that asks for some.
fn tokens(
    connection: &Connection,
    client: &reqwest::Client,
    addresses: &Arc<AddressGrants>,
    secrets: &Arc<dyn Secrets>,
) -> Option<Result<Arc<Tokens>, String>> {
    let AuthMethod::OAuth2(settings) = &connection.auth.as_ref()?.method else {
        return None;
    };
    let tokens = Tokens::new(
        connection.name.clone(),
        settings.clone(),
        client.clone(),
        Arc::clone(addresses),
        Arc::clone(secrets),
    );
    Some(tokens.map(Arc::new))
}

/// One client per connection: its resolver and its open connections are the
/// connection's own.
fn client(
    connection: &Connection,
    grants: &[Rule],
    addresses: Arc<AddressGrants>,
) -> Result<reqwest::Client, BindReason> {
    let idle = usize::try_from(connection.limits.concurrency).unwrap_or(usize::MAX);
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("dowel/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(resolve::Resolver::new(addresses))
        .connect_timeout(connection.limits.connect_timeout)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(idle)
        .http1_max_headers(MAX_RESPONSE_HEADERS)
        .tcp_nodelay(true);
    let asks_by_tls = matches!(
        connection.auth.as_ref().map(|auth| &auth.method),
        Some(AuthMethod::OAuth2(settings)) if settings.token_url.starts_with("https:")
    );
    if !asks_by_tls && !grants.iter().any(Rule::allows_tls) {
        // Nothing here speaks TLS: do not read the system's certificates for it.
        builder = builder.tls_certs_only([]);
    }
    builder
        .build()
        .map_err(|e| BindReason::Client(failure::describe(&e)))
}
