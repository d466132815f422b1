//! What belongs to one call: who makes it, what it may reach, and what it left behind.

use crate::connection::{Bound, Use};
use crate::gateway::{Evidence, Gateway, Rule};
use crate::guest::LogBudget;
use crate::proof::Proof;
use crate::wire::Wire;
use dowel_core::port::Blobs;
use dowel_core::{RunId, StepPath};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One call, as its host functions and its requests see it.
pub(crate) struct CallScope {
    pub run: RunId,
    pub step: StepPath,
    pub idempotency_key: String,
    /// Whether requests carry the key: the operation is `keyed`.
    pub keyed: bool,
    pub traceparent: Option<String>,
    /// `None`: nothing may be reached at all.
    pub granted: Option<Granted>,
    pub evidence: Evidence,
    pub log: Mutex<LogBudget>,
    /// Who stands behind the gateway; nobody but the network where a host serves.
    pub wire: Option<Arc<dyn Wire>>,
    /// Of the request that came in; only receivers have one.
    pub proof: Option<Proof>,
    /// Where large bodies are kept; `None` where there is no run to keep them.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// How many bytes of them the call has written.
    pub blob_bytes: AtomicU64,
}

/// A connection, and the component that is called through it.
pub(crate) struct Granted {
    pub bound: Arc<Bound>,
    pub used: Arc<Use>,
}

impl Granted {
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.bound.gateway
    }

    /// What the component needs of the connection.
    pub(crate) fn needs(&self) -> &[Rule] {
        &self.used.needs
    }
}

impl CallScope {
    /// A call that may reach nothing.
    pub(crate) fn closed(run: RunId, step: StepPath) -> Self {
        Self {
            run,
            step,
            idempotency_key: String::new(),
            keyed: false,
            traceparent: None,
            granted: None,
            evidence: Evidence::default(),
            log: Mutex::default(),
            wire: None,
            proof: None,
            blobs: None,
            blob_bytes: AtomicU64::new(0),
        }
    }

    /// Counts bytes of blobs that the call is about to write. The limit, if that is too
    /// much.
    pub(crate) fn count_blob(&self, bytes: usize) -> Result<(), u64> {
        let granted = self.granted.as_ref();
        let limit = granted.map_or(0, |granted| granted.bound.connection.limits.blob_bytes);
        let before = self.blob_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        match before.saturating_add(bytes as u64) <= limit {
            true => Ok(()),
            false => Err(limit),
        }
    }

    /// The connection's name, for logs.
    pub(crate) fn connection(&self) -> &str {
        let granted = self.granted.as_ref();
        granted.map_or("", |granted| granted.bound.connection.name.as_str())
    }
}

/// The call that an instance is working on; shared with its output streams.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Arc<CallScope>>>);

impl Slot {
    pub(crate) fn set(&self, scope: Option<Arc<CallScope>>) {
        *self.0.lock() = scope;
    }

    pub(crate) fn get(&self) -> Option<Arc<CallScope>> {
        self.0.lock().clone()
    }
}
