//! Which runs are due, and when. In memory; the truth is the active mark of each run
//! in the store, from which this queue is made anew at start.

use crate::metrics::Metrics;
use crate::state::RunState;
use dowel_core::{RunId, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tokio::sync::mpsc;

/// Work for the executor.
#[derive(Debug)]
pub(crate) enum Work {
    /// A run that was just accepted, with its state at hand.
    Begin(Box<RunState>),
    /// A run to be read from its journal.
    Resume(RunId),
    /// A run that is due later.
    Later(RunId, Timestamp),
}

/// The sending side: never blocks, its length is bounded by the backlog limit.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    sender: mpsc::UnboundedSender<Work>,
    metrics: Metrics,
}

/// The receiving side.
pub(crate) type Inbox = mpsc::UnboundedReceiver<Work>;

impl Queue {
    /// A new queue.
    pub(crate) fn new(metrics: Metrics) -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, metrics }, receiver)
    }

    pub(crate) fn begin(&self, state: RunState) {
        self.metrics.backlog.inc();
        self.put(Work::Begin(Box::new(state)));
    }

    pub(crate) fn resume(&self, run: RunId) {
        self.metrics.backlog.inc();
        self.put(Work::Resume(run));
    }

    pub(crate) fn later(&self, run: RunId, at: Timestamp) {
        self.metrics.waiting.inc();
        self.put(Work::Later(run, at));
    }

    fn put(&self, work: Work) {
        // The inbox is gone only when the engine has stopped; the run's active mark is
        // in the store, so the next start finds it.
        let _ = self.sender.send(work);
    }
}

/// Runs that wait for a timer, the next one on top.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Timestamp, RunId)>>);

impl Timers {
    /// The timers of these runs.
    pub(crate) fn new(mut due: Vec<(Timestamp, RunId)>) -> Self {
        // There may be hundreds of thousands, for days.
        due.shrink_to_fit();
        Self(due.into_iter().map(Reverse).collect())
    }

    pub(crate) fn add(&mut self, run: RunId, at: Timestamp) {
        self.0.push(Reverse((at, run)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one that is due.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<RunId> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, run))| run)
    }
}

/// When a run is due that waits for a message and nothing else.
pub(crate) const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// The value of an active mark: the run is due at once.
pub(crate) fn due_now() -> Vec<u8> {
    due_at(Timestamp::default())
}

/// The value of an active mark: the run is due at `at`.
pub(crate) fn due_at(at: Timestamp) -> Vec<u8> {
    at.as_millis().to_be_bytes().to_vec()
}

/// When an active mark says that its run is due; at once if it cannot be read.
pub(crate) fn read_due(value: &[u8]) -> Timestamp {
    Timestamp::from_millis(value.try_into().map(u64::from_be_bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_due_in_order() {
        let at = Timestamp::from_millis;
        let run = |n| RunId::new(at(n), [0; 10]);
        let mut timers = Timers::default();
        timers.add(run(2), at(20));
        timers.add(run(1), at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(20)), Some(run(1)));
        assert_eq!(timers.pop_due(at(20)), Some(run(2)));
        assert_eq!(timers.pop_due(at(20)), None);
        let mut timers = Timers::new(vec![(at(20), run(2)), (at(10), run(1))]);
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop_due(at(10)), Some(run(1)));
    }

    #[test]
    fn active_marks_round_trip() {
        assert_eq!(
            read_due(&due_at(Timestamp::from_millis(77))),
            Timestamp::from_millis(77)
        );
        assert_eq!(read_due(b"?"), Timestamp::default());
    }
}
