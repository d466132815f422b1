//! Warm instances of one component for one connection.

use crate::exports::Exports;
use crate::guest::GuestState;
use dowel_core::connection::{Connection, Isolation};
use parking_lot::Mutex;
use wasmtime::Store;

/// Calls after which an instance is replaced: slow leaks inside a guest stay bounded, which
/// [`MAX_GROWTH_BYTES`] sees to as well, and a new instance is a small part of their price.
const MAX_CALLS: u32 = 10_000;

/// Growth after which an instance is replaced: one large call must not hold its memory
/// for good.
const MAX_GROWTH_BYTES: usize = 16 << 20;

/// An instance and its store.
pub(crate) struct Instance {
    pub store: Store<GuestState>,
    pub exports: Exports,
    calls: u32,
    memory_at_first: usize,
}

impl Instance {
    pub(crate) fn new(store: Store<GuestState>, exports: Exports) -> Self {
        Self {
            memory_at_first: store.data().limits.used(),
            store,
            exports,
            calls: 0,
        }
    }

    /// Why no other call may use the instance; nothing where one may.
    fn spent(&mut self) -> Option<&'static str> {
        let state = self.store.data_mut();
        if self.calls >= MAX_CALLS {
            Some("calls")
        } else if state.limits.used() - self.memory_at_first > MAX_GROWTH_BYTES {
            Some("memory")
        } else {
            state.held()
        }
    }
}

/// Instances that wait for a call. The latest one is used first: its memory is warm.
pub(crate) struct Pool {
    #[allow(clippy::vec_box)] // Each call moves one out and in again.
    idle: Mutex<Vec<Box<Instance>>>,
    /// How many are kept.
    size: usize,
}

impl Pool {
    pub(crate) fn new(connection: &Connection) -> Self {
        let size = match connection.isolation {
            Isolation::Pooled => connection.limits.concurrency,
            Isolation::PerCall => 0,
        };
        Self {
            idle: Mutex::default(),
            size: usize::try_from(size).unwrap_or(usize::MAX),
        }
    }

    pub(crate) fn take(&self) -> Option<Box<Instance>> {
        self.idle.lock().pop()
    }

    /// Takes back an instance whose call returned by itself.
    pub(crate) fn put(&self, mut instance: Box<Instance>) {
        instance.calls += 1;
        if self.size == 0 {
            return;
        }
        if let Some(reason) = instance.spent() {
            tracing::debug!(reason, calls = instance.calls, "an instance is replaced");
            return;
        }
        let mut idle = self.idle.lock();
        if idle.len() < self.size {
            idle.push(instance);
        }
    }

    /// Lets go of all idle instances.
    pub(crate) fn drain(&self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
    }
}
