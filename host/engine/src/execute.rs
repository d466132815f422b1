//! The executor: gives every due run a task of its own, up to a limit.

mod attempts;
mod barrier;
mod begin;
mod call;
mod child;
mod drive;
mod kept;
mod lease;
mod messages;
mod output;
mod page;
mod receive;
mod room;
mod turn;

use crate::engine::Shared;
use crate::inbox;
use crate::journal::{self, JournalError};
use crate::keys;
use crate::leases::Claim;
use crate::live::Seat;
use crate::queue::{self, Inbox, Timers, Work};
use crate::state::RunState;
use dowel_core::port::StoreError;
use dowel_core::{RunId, Timestamp};
use drive::{DriveError, Driver, Exit};
use futures_util::FutureExt;
use page::Page;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;

/// When a run is tried again after the store refused to take its turn.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// When a run is tried again whose task panicked, or whose journal cannot be read: a
/// defect that should not be met thousands of times an hour.
const DEFECT_RETRY_DELAY: Duration = Duration::from_secs(60);

/// Works until draining begins, then lets the open runs stop.
pub(crate) async fn work(shared: Arc<Shared>, mut inbox: Inbox, mut timers: Timers) {
    let tasks = TaskTracker::new();
    let draining = shared.draining.clone();
    while !shared.is_draining() {
        let due = timers.next().unwrap_or(Timestamp::from_millis(u64::MAX));
        let work = tokio::select! {
            biased;
            work = inbox.recv() => work,
            () = shared.ports.clock.sleep_until(due), if timers.next().is_some() => None,
            () = draining.cancelled() => break,
        };
        match work {
            Some(Work::Later(run, at)) => timers.add(run, at),
            Some(Work::Begin(state)) => spawn(&shared, &tasks, Source::State(state)).await,
            Some(Work::Resume(run)) => spawn(&shared, &tasks, Source::Journal(run)).await,
            None => {}
        }
        while let Some(run) = timers.pop_due(shared.ports.clock.now()) {
            shared.metrics.waiting.dec();
            shared.metrics.backlog.inc();
            spawn(&shared, &tasks, Source::Journal(run)).await;
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Where a run's state comes from.
enum Source {
    State(Box<RunState>),
    Journal(RunId),
}

impl Source {
    fn run(&self) -> RunId {
        match self {
            Self::State(state) => state.created.run,
            Self::Journal(run) => *run,
        }
    }
}

async fn spawn(shared: &Arc<Shared>, tasks: &TaskTracker, source: Source) {
    let run = source.run();
    let Some(seat) = shared.live.begin(run) else {
        // Its driver is told, and whoever waits here waits for nothing.
        shared.metrics.backlog.dec();
        return;
    };
    // The semaphore is never closed, so a slot always comes.
    let Ok(slot) = shared.slots.clone().acquire_owned().await else {
        return;
    };
    let shared = shared.clone();
    tasks.spawn(async move {
        let driven = AssertUnwindSafe(drive(&shared, source, seat, slot))
            .catch_unwind()
            .await;
        shared.metrics.backlog.dec();
        let was_woken = shared.live.end(run);
        let later = |delay| {
            let at = shared.ports.clock.now().plus(delay);
            shared.queue.later(run, at);
        };
        match driven {
            Ok(Ok(exit)) => after(&shared, run, exit, was_woken),
            Ok(Err(error)) => {
                tracing::error!(%run, %error, "the run cannot go on now");
                later(match error {
                    // It stays unreadable until somebody mends it.
                    DriveError::Journal(
                        JournalError::Blob { .. } | JournalError::Malformed { .. },
                    ) => DEFECT_RETRY_DELAY,
                    _ => STORE_RETRY_DELAY,
                });
            }
            Err(_) => {
                shared.protect.forget(run, |_| false);
                tracing::error!(%run, "the run's task panicked; it is tried again later");
                later(DEFECT_RETRY_DELAY);
            }
        }
    });
}

async fn drive(
    shared: &Arc<Shared>,
    source: Source,
    seat: Arc<Seat>,
    slot: OwnedSemaphorePermit,
) -> Result<Exit, DriveError> {
    let run = source.run();
    // Before anything is read of the run: what is read then is not older than the lease.
    let lease = match shared.leases.claim(shared, run).await? {
        Claim::Ours(lease) => lease,
        Claim::Theirs(until) => return Ok(Exit::Theirs(until)),
    };
    let (state, due, may_have_messages) = match source {
        // Intake has written that it is due at once.
        Source::State(state) => (*state, Some(Timestamp::default()), false),
        Source::Journal(run) => {
            let mark = shared.ports.store.get(&keys::active(run)).await?;
            let due = mark.as_deref().map(queue::read_due);
            let entries = journal::load(shared.ports.store.as_ref(), run).await?;
            if entries.is_empty() {
                // Somebody told a run something that was removed meanwhile.
                inbox::empty(shared, run).await?;
                return Ok(Exit::Rest);
            }
            let state =
                RunState::fold(&entries).map_err(|source| JournalError::Illegal { run, source })?;
            (state, due, true)
        }
    };
    let plan = shared
        .plans
        .pinned(shared.ports.store.as_ref(), state.plan())
        .await?;
    let page = Page::new(plan.clone(), &state, due, lease);
    let driver = Driver::new(shared.clone(), plan, state, page, seat, slot);
    match driver.run(may_have_messages).await {
        Err(DriveError::Store(StoreError::Conflict(key))) if shared.leases.are_needed() => {
            let key = key.escape_ascii();
            tracing::warn!(%run, %key, "another host works on the run");
            let again = shared.ports.clock.now().plus(STORE_RETRY_DELAY);
            Ok(Exit::Theirs(again))
        }
        exit => exit,
    }
}

fn after(shared: &Shared, run: RunId, exit: Exit, was_woken: bool) {
    if exit == Exit::Rest {
        // Nobody has to listen.
        let _ = shared.ends.send(run);
    }
    match exit {
        Exit::Drained => {}
        Exit::Theirs(until) => shared.queue.later(run, until),
        _ if was_woken => shared.queue.resume(run),
        Exit::WaitUntil(at) | Exit::Held(Some(at)) => shared.queue.later(run, at),
        Exit::Rest | Exit::WaitForMessage | Exit::Held(None) | Exit::Barred => {}
    }
}
