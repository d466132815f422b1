//! How much has come and ended in the last minutes, for who looks now.

use crate::engine::Engine;
use crate::state::RunStatus;
use dowel_core::Timestamp;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a slice is.
const SLICE: Duration = Duration::from_secs(1);

/// The time that is remembered.
const REMEMBERED: Duration = Duration::from_secs(300);

/// What happened in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throughput {
    /// Runs that were accepted.
    pub accepted: u64,
    /// Runs that succeeded in full.
    pub succeeded: u64,
    /// Runs that came to rest otherwise.
    pub failed: u64,
}

impl Throughput {
    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
    }
}

/// Slices of time in which something happened, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<VecDeque<(u64, Throughput)>>);

fn slice(at: Timestamp) -> u64 {
    at.as_millis() / dowel_core::time::millis(SLICE)
}

impl Lately {
    /// A run was accepted.
    pub(crate) fn accepted(&self, now: Timestamp) {
        self.count(now, |slice| slice.accepted += 1);
    }

    /// A run came to rest.
    pub(crate) fn ended(&self, now: Timestamp, status: RunStatus) {
        self.count(now, |slice| match status {
            RunStatus::Succeeded => slice.succeeded += 1,
            _ => slice.failed += 1,
        });
    }

    fn count(&self, now: Timestamp, change: impl FnOnce(&mut Throughput)) {
        let index = slice(now);
        let mut slices = self.0.lock();
        // A clock that was set back counts into the newest slice.
        match slices.back_mut() {
            Some((newest, counted)) if *newest >= index => return change(counted),
            _ => {}
        }
        let oldest = index.saturating_sub(slice_count(REMEMBERED));
        while slices.front().is_some_and(|(at, _)| *at <= oldest) {
            slices.pop_front();
        }
        let mut counted = Throughput::default();
        change(&mut counted);
        slices.push_back((index, counted));
    }

    fn within(&self, now: Timestamp, time: Duration) -> Throughput {
        let after = slice(now).saturating_sub(slice_count(time));
        let slices = self.0.lock();
        let mut all = Throughput::default();
        let recent = slices.iter().rev().take_while(|(at, _)| *at > after);
        recent.for_each(|(_, counted)| all.add(*counted));
        all
    }
}

fn slice_count(time: Duration) -> u64 {
    time.as_secs() / SLICE.as_secs()
}

/// What is under way on a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Runs that are at work or queued.
    pub working: u64,
    /// At how many of them intake takes no more.
    pub limit: u64,
    /// Runs that wait for a timer or an event.
    pub waiting: u64,
    /// Runs that wait for those before them in their concurrency key.
    pub queued: u64,
    /// Calls that are being made.
    pub calls: u64,
    /// Runs that wait because the store's disk is full.
    pub held_by_disk: u64,
}

impl Engine {
    /// What is under way on this host.
    pub fn queues(&self) -> Queues {
        let metrics = self.metrics();
        let count = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or_default();
        let working = self.working();
        Queues {
            working,
            limit: self.shared().options.max_backlog,
            waiting: self.unfinished().saturating_sub(working),
            queued: count(&metrics.queued),
            calls: count(&metrics.calls),
            held_by_disk: count(&metrics.held_by_disk),
        }
    }

    /// What this host took in and brought to rest in the time before now; at most the last
    /// five minutes are known.
    pub fn throughput(&self, time: Duration) -> Throughput {
        self.shared().lately.within(self.now(), time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1_000)
    }

    #[test]
    fn what_is_older_than_asked_for_is_not_counted_and_old_slices_go() {
        let lately = Lately::default();
        for second in 0..400 {
            lately.accepted(at(second));
        }
        lately.ended(at(399), RunStatus::Succeeded);
        lately.ended(at(100), RunStatus::Failed);
        let minute = lately.within(at(399), Duration::from_secs(60));
        assert_eq!(
            (minute.accepted, minute.succeeded, minute.failed),
            (60, 1, 1)
        );
        let all = lately.within(at(399), REMEMBERED);
        assert_eq!(all.accepted, 300);
        assert!(lately.0.lock().len() <= 300);
        assert_eq!(
            lately.within(at(500), Duration::from_secs(60)),
            Throughput::default()
        );
    }
}
