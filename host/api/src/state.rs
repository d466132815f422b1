//! What the handlers share.

use dowel_core::port::{Randomness, Secrets};
use dowel_engine::Engine;
use dowel_flow::environment::{EventAccess, HookSecrets};
use prometheus_client::registry::Registry;
use std::path::PathBuf;
use std::sync::Arc;

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
    /// The folder with the components that runs began with; a backup holds them as well.
    pub components: Option<PathBuf>,
}

impl Default for ApiOptions {
    /// One MiB, no webhook that needs a token, and no events from outside.
    fn default() -> Self {
        Self {
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            hook_secrets: HookSecrets::default(),
            events: EventAccess::Nobody,
            components: None,
        }
    }
}

/// What the handlers share.
pub struct ApiState {
    pub(crate) engine: Engine,
    pub(crate) options: ApiOptions,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) registry: Registry,
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
        Self {
            engine,
            options,
            secrets,
            randomness,
            registry,
        }
    }

    /// An id that ties an answer to the log lines about it.
    pub(crate) fn correlation_id(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.randomness.bytes()))
    }
}
