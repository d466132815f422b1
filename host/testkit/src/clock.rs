//! A clock that the test owns.

use dowel_core::Timestamp;
use dowel_core::port::{BoxFuture, Clock, Randomness};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// How often a sleeper lets everybody else go first before it moves the clock: work
/// that is ready at the current time happens at the current time.
const YIELDS: u32 = 64;

/// How often a sleeper lets one that is due earlier go first. A sleeper that nobody polls
/// any more must not stop time for the others.
const PATIENCE: u32 = 4096;

/// Time that stands still until somebody sleeps, and then jumps to the time of the
/// sleeper that is due first.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<Mutex<Shown>>);

#[derive(Debug)]
struct Shown {
    now: Timestamp,
    /// When each sleeper is due, by the number of the sleeper.
    sleepers: BTreeSet<(Timestamp, u64)>,
    next_sleeper: u64,
}

impl VirtualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Shown {
            now: start,
            sleepers: BTreeSet::new(),
            next_sleeper: 0,
        })))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut shown = self.0.lock();
        shown.now = shown.now.plus(by);
    }

    /// Whether somebody sleeps.
    pub fn has_sleepers(&self) -> bool {
        !self.0.lock().sleepers.is_empty()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            clock: self.clone(),
            at,
            polls: 0,
            number: None,
        })
    }
}

struct Sleep {
    clock: VirtualClock,
    at: Timestamp,
    polls: u32,
    /// Given by the first poll: who is never polled does not sleep.
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut shown = clock.0.lock();
        if shown.now >= self.at {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            shown.next_sleeper += 1;
            shown.next_sleeper
        });
        let me = (self.at, number);
        shown.sleepers.insert(me);
        self.polls += 1;
        let is_first = shown.sleepers.first() == Some(&me);
        let wait = if is_first { YIELDS } else { PATIENCE };
        if self.polls <= wait {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        shown.now = shown.now.max(self.at);
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.clock.0.lock().sleepers.remove(&(self.at, number));
        }
    }
}

/// Random bytes that are the same for the same seed.
#[derive(Debug, Default)]
pub struct SeededRandomness(AtomicU64);

impl SeededRandomness {
    /// Begins with `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .0
            .fetch_add(GAMMA, Ordering::Relaxed)
            .wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Randomness for SeededRandomness {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_order_of_their_times() {
        let clock = VirtualClock::at(Timestamp::from_millis(0));
        let late = clock.sleep_until(Timestamp::from_millis(7_200_000));
        let early = clock.sleep_until(Timestamp::from_millis(5));
        let order = Mutex::new(Vec::new());
        let wake = |sleep: BoxFuture<'static, ()>| async {
            sleep.await;
            order.lock().push(clock.now().as_millis());
        };
        tokio::join!(wake(late), wake(early));
        assert_eq!(*order.lock(), [5, 7_200_000]);
        assert!(!clock.has_sleepers());
        clock.advance(Duration::from_millis(1));
        assert_eq!(clock.now().as_millis(), 7_200_001);
    }

    #[tokio::test]
    async fn a_sleeper_that_is_not_polled_stops_nobody() {
        let clock = VirtualClock::at(Timestamp::from_millis(0));
        let mut left = clock.sleep_until(Timestamp::from_millis(1));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(left.as_mut().poll(&mut context).is_pending());
        clock.sleep_until(Timestamp::from_millis(9)).await;
        assert_eq!(clock.now().as_millis(), 9);
    }
}
