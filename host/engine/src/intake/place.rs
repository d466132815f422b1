//! A new run's place among the runs of its concurrency key, held from before it is
//! written: what arrives meanwhile comes after it.

use crate::engine::Shared;
use crate::key_lines::{Joined, KeyLines, Wanted, limit_value};
use crate::queue::Queue;
use dowel_core::RunId;
use dowel_core::journal::KeyPlace;
use dowel_core::port::Batch;
use dowel_flow::plan::{Plan, WhenFull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A place, where the flow limits the runs of a key.
#[derive(Clone)]
pub(super) enum Place {
    /// The flow limits nothing.
    Free,
    /// So many are at work already, among them this run, and the flow wants no more.
    /// Whether they are on disk.
    Full { before: RunId, is_sure: bool },
    /// In line.
    Taken(Arc<Taken>),
}

/// A place in line, given up again unless it is kept.
pub(super) struct Taken {
    lines: Arc<KeyLines>,
    queue: Queue,
    run: RunId,
    place: KeyPlace,
    behind: Option<RunId>,
    is_kept: AtomicBool,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.is_kept.load(Ordering::Acquire) {
            for next in self.lines.leave(self.run) {
                self.queue.resume(next);
            }
        }
    }
}

impl Place {
    /// Takes the place at the end of the line.
    pub(super) fn take(shared: &Shared, plan: &Plan, key: Option<&str>, run: RunId) -> Self {
        let (Some(concurrency), Some(key)) = (&plan.concurrency, key) else {
            return Self::Free;
        };
        let wanted = Wanted {
            limit: concurrency.limit,
            at_once: concurrency.when_full == WhenFull::Drop,
        };
        match shared.key_lines.join(&plan.flow, key, run, wanted) {
            Joined::Full { before, is_sure } => Self::Full { before, is_sure },
            Joined::Place { number, behind } => Self::Taken(Arc::new(Taken {
                lines: shared.key_lines.clone(),
                queue: shared.queue.clone(),
                run,
                place: KeyPlace {
                    key: key.to_owned(),
                    number,
                    limit: concurrency.limit,
                    while_parked: concurrency.while_parked,
                },
                behind,
                is_kept: AtomicBool::new(false),
            })),
        }
    }

    /// What the journal says of it.
    pub(super) fn in_journal(&self) -> Option<KeyPlace> {
        match self {
            Self::Taken(taken) => Some(taken.place.clone()),
            Self::Free | Self::Full { .. } => None,
        }
    }

    /// The run right before it, if it has to wait.
    pub(super) fn behind(&self) -> Option<RunId> {
        match self {
            Self::Taken(taken) => taken.behind,
            Self::Free | Self::Full { .. } => None,
        }
    }

    /// A run in whose favour this one is dropped.
    pub(super) const fn full(&self) -> Option<RunId> {
        match self {
            Self::Full { before, .. } => Some(*before),
            Self::Free | Self::Taken(_) => None,
        }
    }

    /// Whether the event may be dropped: only in favour of runs that are on disk, or of
    /// one that is written in the same batch.
    pub(super) fn may_be_dropped(&self, begun: impl Fn(RunId) -> bool) -> bool {
        match self {
            Self::Full { before, is_sure } => *is_sure || begun(*before),
            Self::Free | Self::Taken(_) => true,
        }
    }

    /// Adds the place to the run's first batch.
    pub(super) fn write(&self, batch: &mut Batch) {
        if let Self::Taken(taken) = self
            && let Some(row) = taken.lines.row(taken.run)
        {
            batch.put(row, limit_value(taken.place.limit));
        }
    }

    /// The first batch is written. Whether the run may go now.
    pub(super) fn keep(&self) -> bool {
        match self {
            Self::Taken(taken) => {
                taken.is_kept.store(true, Ordering::Release);
                taken.lines.confirm(taken.run)
            }
            Self::Free | Self::Full { .. } => true,
        }
    }
}
