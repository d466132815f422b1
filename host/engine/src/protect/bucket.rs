//! A token bucket: at most so many calls in so much time. Pure: time is an argument,
//! and the arithmetic is exact.

use dowel_core::connection::Rate;
use dowel_core::{Timestamp, time};
use std::time::Duration;

/// The longest pause that one answer may ask for: a hostile or broken upstream must not
/// stop a connection for the day. The call itself waits as long as it was told.
pub(crate) const MAX_PAUSE: Duration = Duration::from_secs(15 * 60);

/// Tokens of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: Option<Rate>,
    /// In shares of a token: one token is as many shares as the period has
    /// milliseconds, so that each millisecond brings exactly `calls` shares.
    level: u64,
    filled_at: Timestamp,
    pause: Option<Pause>,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    since: Timestamp,
    length: Duration,
}

impl Bucket {
    /// A full bucket; without a rate it never runs dry.
    pub(crate) fn new(rate: Option<Rate>, now: Timestamp) -> Self {
        let mut bucket = Self {
            rate,
            level: 0,
            filled_at: now,
            pause: None,
        };
        bucket.level = bucket.capacity();
        bucket
    }

    /// Whether a token is there; otherwise the first moment at which one will be.
    pub(crate) fn ready(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.fill(now);
        let until = self.paused_until(now);
        let missing = self.token().saturating_sub(self.level);
        if missing == 0 {
            return until.map_or(Ok(()), Err);
        }
        let wait = missing.div_ceil(self.calls().max(1));
        let refilled = now.plus(Duration::from_millis(wait));
        Err(until.map_or(refilled, |until| until.max(refilled)))
    }

    /// Takes a token that [`Bucket::ready`] has seen.
    pub(crate) fn take(&mut self) {
        self.level = self.level.saturating_sub(self.token());
    }

    /// Lets nothing through for a while: the upstream asked for it. A longer pause that
    /// is at work already stays. Returns how long it is.
    pub(crate) fn pause(&mut self, now: Timestamp, length: Duration) -> Duration {
        let length = length.min(MAX_PAUSE);
        let until = now.plus(length);
        if self.paused_until(now).is_none_or(|before| before < until) {
            self.pause = Some(Pause { since: now, length });
        }
        length
    }

    /// When the pause ends, if there is one.
    pub(crate) fn paused_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        let pause = self.pause.as_mut()?;
        // A clock that was put back must not make the pause longer than it was.
        pause.since = pause.since.min(now);
        let until = pause.since.plus(pause.length);
        if until > now {
            return Some(until);
        }
        self.pause = None;
        None
    }

    /// Whole tokens at hand; `None` without a rate.
    pub(crate) fn tokens(&mut self, now: Timestamp) -> Option<u64> {
        self.rate?;
        self.fill(now);
        Some(self.level / self.token().max(1))
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = time::millis(now.since(self.filled_at));
        let more = passed.saturating_mul(self.calls());
        self.level = self.level.saturating_add(more).min(self.capacity());
        // Also when the clock was put back: time goes on from there.
        self.filled_at = now;
    }

    fn calls(&self) -> u64 {
        self.rate.map_or(0, |rate| u64::from(rate.calls))
    }

    /// Shares of one token.
    fn token(&self) -> u64 {
        self.rate.map_or(0, |rate| time::millis(rate.per))
    }

    fn capacity(&self) -> u64 {
        self.token().saturating_mul(self.calls())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn bucket(rate: &str) -> Bucket {
        Bucket::new(Some(rate.parse().unwrap()), at(1_000))
    }

    /// Takes as many as there are.
    fn drain(bucket: &mut Bucket, now: Timestamp) -> u64 {
        let mut taken = 0;
        while bucket.ready(now).is_ok() {
            bucket.take();
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut bucket = bucket("10/s");
        assert_eq!(drain(&mut bucket, at(1_000)), 10);
        assert_eq!(bucket.ready(at(1_000)), Err(at(1_100)));
        assert_eq!(drain(&mut bucket, at(1_099)), 0);
        assert_eq!(drain(&mut bucket, at(1_100)), 1);
        assert_eq!(drain(&mut bucket, at(1_000_000)), 10, "it holds no more");
    }

    #[test]
    fn without_a_rate_only_a_pause_stops() {
        let mut bucket = Bucket::new(None, at(1_000));
        for _ in 0..1_000 {
            assert_eq!(bucket.ready(at(1_000)), Ok(()));
            bucket.take();
        }
        assert_eq!(bucket.tokens(at(1_000)), None);
        bucket.pause(at(1_000), Duration::from_secs(5));
        bucket.pause(at(2_000), Duration::from_secs(1));
        assert_eq!(bucket.ready(at(2_500)), Err(at(6_000)), "the longer one");
        assert_eq!(bucket.ready(at(6_000)), Ok(()));
        assert_eq!(bucket.pause(at(0), Duration::MAX), MAX_PAUSE);
    }

    #[test]
    fn a_clock_that_is_put_back_stops_nobody() {
        let mut bucket = bucket("1/s");
        drain(&mut bucket, at(10_000_000));
        bucket.pause(at(10_000_000), Duration::from_secs(2));
        assert_eq!(bucket.ready(at(5_000)), Err(at(7_000)));
        assert_eq!(bucket.ready(at(7_000)), Ok(()));
    }

    proptest! {
        /// In any stretch of time there are at most a full bucket and what flowed in.
        #[test]
        fn never_more_than_the_rate(
            calls in 1_u32..50,
            per in prop::sample::select(vec![1_000_u64, 60_000, 3_600_000]),
            steps in prop::collection::vec((0_u64..5_000, 0_u32..20), 1..60),
        ) {
            let rate = Rate { calls, per: Duration::from_millis(per) };
            let mut bucket = Bucket::new(Some(rate), at(0));
            let mut now = 0;
            let mut taken: Vec<(u64, u64)> = Vec::new();
            for (passed, wanted) in steps {
                now += passed;
                let mut got = 0;
                for _ in 0..wanted {
                    match bucket.ready(at(now)) {
                        Ok(()) => { bucket.take(); got += 1; }
                        Err(until) => {
                            // The promise is exact: not a millisecond before, and then.
                            let mut later = bucket.clone();
                            prop_assert!(later.ready(at(until.as_millis() - 1)).is_err());
                            prop_assert!(later.ready(until).is_ok());
                            break;
                        }
                    }
                }
                taken.push((now, got));
            }
            for from in 0..taken.len() {
                let mut sum = 0;
                for (until, got) in &taken[from..] {
                    sum += got;
                    let flowed = (until - taken[from].0) * u64::from(calls);
                    prop_assert!(sum * per <= u64::from(calls) * per + flowed);
                }
            }
        }
    }
}
