//! Warm instances.

use crate::instance::Instance;
use dowel_core::Digest;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Instances that wait for work, and the right to run one.
pub(crate) struct Pool {
    permits: Semaphore,
    warm: Mutex<Vec<Instance>>,
}

impl Pool {
    pub(crate) fn new(instances: u32) -> Self {
        Self {
            permits: Semaphore::new(usize::try_from(instances.max(1)).unwrap_or(1)),
            warm: Mutex::new(Vec::new()),
        }
    }

    /// The right to run one instance; `None` if the pool is closed, which it never is.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }

    /// The instance of this guest that was used last: its memory is warmest. Without
    /// one, the longest idle instance of another guest makes room for a fresh one.
    pub(crate) fn take(&self, guest: &Digest) -> Option<Instance> {
        let mut warm = self.warm.lock();
        if let Some(index) = warm.iter().rposition(|instance| instance.digest == *guest) {
            return Some(warm.remove(index));
        }
        if !warm.is_empty() {
            warm.remove(0);
        }
        None
    }

    /// Keeps an instance whose call returned.
    pub(crate) fn give_back(&self, instance: Instance) {
        if instance.reusable() {
            self.warm.lock().push(instance);
        }
    }
}
