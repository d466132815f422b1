//! Time that only the simulation moves.

use dowel_core::Timestamp;
use dowel_core::port::{BoxFuture, Clock};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The clock of all hosts. Clones share the time.
#[derive(Clone)]
pub(crate) struct SimClock(Arc<Mutex<State>>);

struct State {
    now: Timestamp,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    next: u64,
}

impl SimClock {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State {
            now,
            sleepers: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Moves the time to `to`, never back, and wakes whoever slept until then.
    pub(crate) fn advance_to(&self, to: Timestamp) {
        let mut state = self.0.lock();
        state.now = state.now.max(to);
        let later = state.now.as_millis().saturating_add(1);
        let rest = state
            .sleepers
            .split_off(&(Timestamp::from_millis(later), 0));
        let due = std::mem::replace(&mut state.sleepers, rest);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    /// When the next sleeper is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let state = self.0.lock();
        state.sleepers.keys().next().map(|(at, _)| *at)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            clock: self.clone(),
            at,
            number: None,
        })
    }
}

struct Sleep {
    clock: SimClock,
    at: Timestamp,
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = clock.0.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let number = *self.number.get_or_insert_with(|| {
            state.next += 1;
            state.next
        });
        let waker = context.waker().clone();
        state.sleepers.insert((self.at, number), waker);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.clock.0.lock().sleepers.remove(&(self.at, number));
        }
    }
}
