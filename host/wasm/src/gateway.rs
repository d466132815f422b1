//! The one way out: every request of every guest ends here.
//!
//! For each request, in this order: the URL is parsed and normalised, the allow-lists
//! of both sides are asked, the guest's headers are checked, the address is checked
//! (literals here, names after resolution), credentials and trace headers are added,
//! and how far the request got is written down, whatever the guest says about it.

mod address;
mod body;
mod client;
mod credential;
mod evidence;
mod exchange;
mod failure;
mod headers;
mod refusal;
mod resolve;
mod rule;
mod signing;
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
use client::Client;
use credential::Credential;
use dowel_core::connection::{AuthMethod, Connection};
use dowel_core::port::Secrets;
use http::HeaderName;
use std::sync::Arc;

/// What one connection may reach, and how.
pub(crate) struct Gateway {
    client: Client,
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
        let client = Client::new(connection, &grants, Arc::clone(&addresses))
            .map_err(|problem| problems.push(problem));
        let tokens = client
            .as_ref()
            .ok()
            .and_then(|client| tokens(connection, client.plain(), &addresses, &secrets))
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
        let client = self.client.plain().clone();
        Endpoint::new(url, client, Arc::clone(&self.addresses))
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
