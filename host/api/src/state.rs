//! What the handlers share.

use crate::access::{Limits, Logins};
use dowel_core::connection::Connection;
use dowel_core::port::{IdentityProvider, Randomness, Secrets};
use dowel_engine::Engine;
use dowel_flow::environment::{EventAccess, HookSecrets};
use ipnet::IpNet;
use parking_lot::RwLock;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// The largest payload, in bytes, unless the host is told otherwise.
pub(crate) const DEFAULT_MAX_BODY_BYTES: usize = 1 << 20;

/// How requests are handled.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// The largest payload, in bytes.
    pub max_body_bytes: usize,
    /// The secrets that the senders of webhooks prove themselves by.
    pub hook_secrets: HookSecrets,
    /// Who may send events to `/events`.
    pub events: EventAccess,
    /// The connections of the environment: what the desk shows of them holds no secrets.
    pub connections: Vec<Connection>,
    /// The folder with the components that runs began with; a backup holds them as well.
    pub components: Option<PathBuf>,
    /// Proxies whose word about the caller's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The address under which people reach the desk, without a slash at its end.
    pub public_url: Option<String>,
    /// Where the desk links to.
    pub links: Links,
}

/// Addresses elsewhere that the desk links to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The page of a commit, with `{commit}` in its place.
    pub commit: Option<String>,
    /// The page of a trace, with `{trace}` in its place.
    pub trace: Option<String>,
}

impl Default for ApiOptions {
    /// One MiB, no webhook that needs a token, and no events from outside.
    fn default() -> Self {
        Self {
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            hook_secrets: HookSecrets::default(),
            events: EventAccess::Nobody,
            connections: Vec::new(),
            components: None,
            trusted_proxies: Vec::new(),
            public_url: None,
            links: Links::default(),
        }
    }
}

/// Who may send what from outside; another environment file changes it.
#[derive(Clone, Debug)]
pub struct Senders {
    /// The secrets that the senders of webhooks prove themselves by.
    pub hook_secrets: HookSecrets,
    /// Who may send events to `/events`.
    pub events: EventAccess,
}

/// What the handlers share.
pub struct ApiState {
    pub(crate) engine: Engine,
    pub(crate) options: ApiOptions,
    senders: RwLock<Arc<Senders>>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) registry: Registry,
    /// Where people sign in elsewhere.
    pub(crate) identity: Option<Arc<dyn IdentityProvider>>,
    /// Logins there that have begun.
    pub(crate) logins: Logins,
    /// Failed attempts to sign in.
    pub(crate) limits: Limits,
    /// Room for streams of events.
    pub(crate) streams: Arc<Semaphore>,
    /// Unfinished runs, as they were counted last.
    pub(crate) counting: crate::status::Counting,
    /// Where the admin listener is, once it listens.
    admin_url: OnceLock<String>,
}

impl ApiState {
    /// Binds handlers to an engine.
    pub fn new(
        engine: Engine,
        options: ApiOptions,
        secrets: Arc<dyn Secrets>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        let mut registry = Registry::default();
        engine.metrics().register(&mut registry);
        let senders = Senders {
            hook_secrets: options.hook_secrets.clone(),
            events: options.events.clone(),
        };
        Self {
            senders: RwLock::new(Arc::new(senders)),
            engine,
            options,
            secrets,
            randomness,
            registry,
            identity: None,
            logins: Logins::default(),
            limits: Limits::default(),
            streams: Arc::new(Semaphore::new(crate::follow::MAX_STREAMS)),
            counting: crate::status::Counting::default(),
            admin_url: OnceLock::new(),
        }
    }

    /// The same, where people sign in by an identity provider as well.
    pub fn with_identity(mut self, provider: Option<Arc<dyn IdentityProvider>>) -> Self {
        self.identity = provider;
        self
    }

    /// 256 random bits in hexadecimal digits.
    pub(crate) fn secret(&self) -> String {
        let half = || u128::from_be_bytes(self.randomness.bytes());
        format!("{:032x}{:032x}", half(), half())
    }

    /// The admin listener listens here.
    pub fn listens_at(&self, address: SocketAddr) {
        // The first address stays.
        let _ = self.admin_url.set(format!("http://{address}"));
    }

    /// The address under which people reach the desk.
    pub(crate) fn desk_url(&self) -> Option<&str> {
        let own = || self.admin_url.get().map(String::as_str);
        self.options.public_url.as_deref().or_else(own)
    }

    /// Whether people reach the desk by HTTPS: cookies are for that alone then.
    pub(crate) fn is_secure(&self) -> bool {
        let url = self.options.public_url.as_deref();
        url.is_some_and(|url| url.starts_with("https://"))
    }

    /// Who may send what, now.
    pub(crate) fn senders(&self) -> Arc<Senders> {
        self.senders.read().clone()
    }

    /// Takes up what another environment file says about senders.
    pub fn change_senders(&self, senders: Senders) {
        *self.senders.write() = Arc::new(senders);
    }

    /// The id that ties an answer to the log lines about it: that of the request.
    pub(crate) fn correlation_id(&self) -> String {
        let new = || format!("{:032x}", u128::from_be_bytes(self.randomness.bytes()));
        crate::request::current().unwrap_or_else(new)
    }
}
