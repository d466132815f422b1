//! Keeps guests that compute a lot from having all processors.
//!
//! What guests compute is measured, for each connection and for all of them. While all
//! together take more than half of the machine, a connection that has more than a small
//! part of it goes on in a lane only. There is one lane less than there are processors,
//! so that calls of others, and everything else that the host does, find one free.

use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::ready;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long computing is remembered: the time after which a third of it still counts.
const MEMORY: Duration = Duration::from_secs(1);

/// Of the machine, all guests together: less is no pressure.
const PRESSURE: f64 = 0.5;

/// Of one processor: a connection that has no more is never held up.
const SMALL: f64 = 0.05;

/// Computing that is added up before it is remembered: nearly all calls take less by far.
const SETTLED: Duration = Duration::from_micros(200);

/// Processors that somebody has had lately, as of some time.
#[derive(Debug)]
struct Had(f64, Instant);

impl Default for Had {
    fn default() -> Self {
        Self(0.0, Instant::now())
    }
}

impl Had {
    /// Adds computing that has just ended; what is had now.
    fn add(&mut self, now: Instant, took: Duration) -> f64 {
        let Self(had, at) = *self;
        let passed = now.saturating_duration_since(at).as_secs_f64();
        let left = had * (-passed / MEMORY.as_secs_f64()).exp();
        let has = left + took.as_secs_f64() / MEMORY.as_secs_f64();
        *self = Self(has, now);
        has
    }
}

/// Processors that a connection has had lately.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    had: Mutex<Had>,
    /// What is not remembered yet, in nanoseconds.
    fresh: AtomicU64,
}

impl Usage {
    /// Notes computing that has just ended. What is to be added, once there is enough.
    fn note(&self, took: Duration) -> Option<Duration> {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let before = self.fresh.fetch_add(took, Ordering::Relaxed);
        let is_due = u128::from(before.saturating_add(took)) >= SETTLED.as_nanos();
        is_due.then(|| Duration::from_nanos(self.fresh.swap(0, Ordering::Relaxed)))
    }

    /// Adds computing that has just ended; what is had now.
    fn add(&self, now: Instant, took: Duration) -> f64 {
        self.had.lock().add(now, took)
    }
}

/// The lanes of one host.
#[derive(Debug)]
pub(crate) struct Lanes {
    free: Arc<Semaphore>,
    all: Mutex<Had>,
    /// Processors of guests from which on there is pressure.
    limit: f64,
    pressed: AtomicBool,
}

impl Lanes {
    /// For the processors of this machine.
    pub(crate) fn new() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn of(processors: usize) -> Self {
        let count = u32::try_from(processors).unwrap_or(u32::MAX);
        Self {
            free: Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))),
            all: Mutex::default(),
            limit: f64::from(count) * PRESSURE,
            pressed: AtomicBool::new(false),
        }
    }

    /// Does a guest's work, which was begun just now, and measures it for its connection.
    pub(crate) fn pace<'a, F: Future>(
        &'a self,
        own: &'a Usage,
        begun: Instant,
        mut work: Pin<&'a mut F>,
    ) -> impl Future<Output = F::Output> + use<'a, F> {
        let mut lane = None;
        let mut heavy =
            self.pressed.load(Ordering::Relaxed) && own.add(begun, Duration::ZERO) > SMALL;
        // A look at the clock costs as much as everything else here.
        let mut first = Some(begun).filter(|_| !heavy);
        poll_fn(move |context| {
            let permit = if heavy {
                let free = || Box::pin(Arc::clone(&self.free).acquire_owned());
                let permit = ready!(lane.get_or_insert_with(free).as_mut().poll(context));
                lane = None;
                // Never closed: without a permit the guest goes on as before.
                permit.ok()
            } else {
                None
            };
            let begun = first.take().unwrap_or_else(Instant::now);
            let done = work.as_mut().poll(context);
            drop(permit);
            let now = Instant::now();
            heavy = self.spend(own, now, now - begun);
            done
        })
    }

    /// Notes computing that has just ended; whether what follows needs a lane.
    fn spend(&self, own: &Usage, now: Instant, took: Duration) -> bool {
        let took = own.note(took);
        if let Some(took) = took {
            let all = self.all.lock().add(now, took);
            self.pressed.store(all > self.limit, Ordering::Relaxed);
        }
        if !self.pressed.load(Ordering::Relaxed) {
            if let Some(took) = took {
                own.add(now, took);
            }
            return false;
        }
        own.add(now, took.unwrap_or_default()) > SMALL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::future::join;
    use std::pin::pin;

    /// More than any small part.
    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn what_is_had_fades() {
        let usage = Usage::default();
        let begin = Instant::now();
        let has = usage.add(begin, Duration::from_millis(500));
        assert!((has - 0.5).abs() < 0.01, "{has}");
        let later = usage.add(begin + MEMORY, Duration::ZERO);
        assert!((later - 0.5 / std::f64::consts::E).abs() < 0.01, "{later}");
        assert!(usage.add(begin + MEMORY * 20, Duration::ZERO) < 1e-6);
    }

    #[test]
    fn short_computing_adds_up() {
        let usage = Usage::default();
        let short = SETTLED * 3 / 5;
        assert_eq!(usage.note(short), None);
        assert_eq!(usage.note(short), Some(short * 2));
        assert_eq!(usage.note(short), None, "it is counted once");
    }

    #[tokio::test]
    async fn under_pressure_heavy_connections_need_a_lane_and_light_ones_do_not() {
        let lanes = Lanes::of(2);
        let (heavy, light) = (Usage::default(), Usage::default());
        lanes.spend(&heavy, Instant::now(), LONG);
        assert!(lanes.pressed.load(Ordering::Relaxed));
        let taken = Arc::clone(&lanes.free).acquire_owned().await.unwrap();
        assert_eq!(
            lanes
                .pace(&light, Instant::now(), pin!(async { 1 }))
                .now_or_never(),
            Some(1)
        );
        let work = pin!(async { 2 });
        let mut held_up = pin!(lanes.pace(&heavy, Instant::now(), work));
        assert_eq!(held_up.as_mut().now_or_never(), None);
        drop(taken);
        assert_eq!(held_up.await, 2);
        assert_eq!(lanes.free.available_permits(), 1, "the lane is free again");
    }

    #[tokio::test]
    async fn heavy_ones_take_turns() {
        let lanes = Lanes::of(2);
        let (one, other) = (Usage::default(), Usage::default());
        for usage in [&one, &other] {
            lanes.spend(usage, Instant::now(), LONG);
        }
        let order = Mutex::new(Vec::new());
        let work = async |name| {
            for _ in 0..3 {
                order.lock().push(name);
                tokio::task::yield_now().await;
            }
        };
        let begun = Instant::now();
        let (first, second) = (pin!(work(1)), pin!(work(2)));
        join(
            lanes.pace(&one, begun, first),
            lanes.pace(&other, begun, second),
        )
        .await;
        assert_eq!(*order.lock(), [1, 2, 1, 2, 1, 2]);
    }

    #[tokio::test]
    async fn without_pressure_nobody_is_held_up() {
        let lanes = Lanes::of(64);
        let busy = Usage::default();
        lanes.spend(&busy, Instant::now(), LONG);
        let all = Arc::clone(&lanes.free).acquire_many_owned(63).await;
        assert_eq!(
            lanes
                .pace(&busy, Instant::now(), pin!(async { 1 }))
                .now_or_never(),
            Some(1)
        );
        drop(all);
    }
}
