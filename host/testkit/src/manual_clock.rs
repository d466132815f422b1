//! A clock that stands still until the test moves it.

use dowel_core::Timestamp;
use dowel_core::port::{BoxFuture, Clock};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Time that only the test moves, for what has to be looked at between two times. Clones
/// share the time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    sleepers: Vec<(Timestamp, Waker)>,
}

impl ManualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: start,
            sleepers: Vec::new(),
        })))
    }

    /// Moves the time to `to`, never back, and wakes whoever slept until then.
    pub fn advance_to(&self, to: Timestamp) {
        let mut state = self.0.lock();
        state.now = state.now.max(to);
        let now = state.now;
        let (due, later) = std::mem::take(&mut state.sleepers)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        state.sleepers = later;
        drop(state);
        let due: Vec<(Timestamp, Waker)> = due;
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            clock: self.clone(),
            at,
        })
    }
}

struct Sleep {
    clock: ManualClock,
    at: Timestamp,
}

impl Future for Sleep {
    type Output = ();
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.0.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.sleepers.push((self.at, context.waker().clone()));
        Poll::Pending
    }
}
