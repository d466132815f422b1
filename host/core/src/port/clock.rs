//! Time and randomness, so that the simulation owns them.

use super::BoxFuture;
use crate::time::Timestamp;

/// The wall clock and its timers.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// Completes at `at`, or at once if that is past. May be late, never early.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;
}

/// Random bits for ids and jitter.
pub trait Randomness: Send + Sync {
    /// Sixteen random bytes, cryptographically strong outside of the simulation.
    fn bytes(&self) -> [u8; 16];
}
