//! Time and randomness of the operating system.

use dowel_core::Timestamp;
use dowel_core::port::{BoxFuture, Clock, Randomness};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest sleep in one go: after it the wall clock is looked at again, so that a
/// clock that was set is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The wall clock.
pub(crate) struct SystemClock;

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(dowel_core::time::millis(since))
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while now() < at {
                tokio::time::sleep(at.since(now()).min(LONGEST_SLEEP)).await;
            }
        })
    }
}

/// The operating system's random bytes.
pub(crate) struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn bytes(&self) -> [u8; 16] {
        uuid::Uuid::new_v4().into_bytes()
    }
}
