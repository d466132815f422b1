//! What has moved lately: which runs got new entries, for those who follow them.
//!
//! One ring for all readers, with the place of each in the reader's hands. A slow reader
//! costs nothing and misses the oldest ones, which it is told.

use crate::engine::{Engine, Shared};
use crate::state::RunStatus;
use dowel_core::{FlowName, RunId, Timestamp};
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::watch;

/// How many are kept.
const KEPT: usize = 4096;

/// A run got new entries in its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its number since the host started, from 1.
    pub number: u64,
    /// The run.
    pub run: RunId,
    /// Its flow.
    pub flow: FlowName,
    /// Where it stands now.
    pub status: RunStatus,
    /// When.
    pub at: Timestamp,
}

/// What a reader finds after the place at which it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What moved, in order.
    pub moves: Vec<Move>,
    /// Whether older ones are gone that the reader has not seen.
    pub has_missed: bool,
    /// The number of the last one there is: where to go on.
    pub last: u64,
}

/// The ring.
#[derive(Debug)]
pub(crate) struct Moves {
    ring: Mutex<Ring>,
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<Move>,
    last: u64,
}

impl Default for Moves {
    fn default() -> Self {
        Self {
            ring: Mutex::default(),
            news: watch::Sender::new(0),
        }
    }
}

impl Moves {
    /// A run has new entries, and they are on disk.
    pub(crate) fn add(&self, run: RunId, flow: &FlowName, status: RunStatus, at: Timestamp) {
        let number = {
            let mut ring = self.ring.lock();
            ring.last += 1;
            let number = ring.last;
            if ring.kept.len() == KEPT {
                ring.kept.pop_front();
            }
            ring.kept.push_back(Move {
                number,
                run,
                flow: flow.clone(),
                status,
                at,
            });
            number
        };
        self.news.send_replace(number);
    }

    fn after(&self, place: u64) -> Moved {
        let ring = self.ring.lock();
        let first = ring
            .kept
            .front()
            .map_or(ring.last + 1, |oldest| oldest.number);
        let from = usize::try_from((place + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        Moved {
            moves: ring.kept.iter().skip(from).cloned().collect(),
            // A place after the last one is of another life of the host.
            has_missed: place + 1 < first || place > ring.last,
            last: ring.last,
        }
    }
}

impl Shared {
    async fn moved_after(&self, place: u64) -> Option<Moved> {
        let mut news = self.moves.news.subscribe();
        tokio::select! {
            biased;
            () = self.draining.cancelled() => None,
            // The sender lives as long as `self`.
            _ = news.wait_for(|last| *last != place) => Some(self.moves.after(place)),
        }
    }
}

impl Engine {
    /// The number of the last move there is.
    pub fn last_move(&self) -> u64 {
        self.shared().moves.ring.lock().last
    }

    /// Waits until something moves after this place; nothing when the host is about to
    /// stop. Only what this host works on moves here.
    pub async fn moved_after(&self, place: u64) -> Option<Moved> {
        self.shared().moved_after(place).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(moves: &Moves, number: u64) {
        let at = Timestamp::from_millis(number);
        let flow = "orders".parse().unwrap();
        moves.add(RunId::new(at, [1; 10]), &flow, RunStatus::Running, at);
    }

    fn numbers(moved: &Moved) -> Vec<u64> {
        moved.moves.iter().map(|one| one.number).collect()
    }

    #[test]
    fn a_reader_goes_on_at_its_place() {
        let moves = Moves::default();
        assert_eq!(moves.after(0).last, 0);
        (1..=3).for_each(|number| add(&moves, number));
        assert_eq!(numbers(&moves.after(0)), [1, 2, 3]);
        assert_eq!(numbers(&moves.after(2)), [3]);
        assert_eq!(numbers(&moves.after(3)), [0; 0]);
        assert!(!moves.after(0).has_missed);
    }

    #[test]
    fn a_slow_reader_is_told_that_it_missed_some_and_the_ring_does_not_grow() {
        let moves = Moves::default();
        let all = KEPT as u64 + 10;
        (1..=all).for_each(|number| add(&moves, number));
        let slow = moves.after(3);
        assert!(slow.has_missed);
        assert_eq!(slow.moves.len(), KEPT);
        assert_eq!((slow.moves[0].number, slow.last), (11, all));
        assert!(!moves.after(10).has_missed, "the next one is still there");
    }

    #[test]
    fn a_place_of_another_life_of_the_host_is_noticed() {
        let moves = Moves::default();
        add(&moves, 1);
        let moved = moves.after(77);
        assert!(moved.has_missed);
        assert_eq!(moved.last, 1);
    }
}
