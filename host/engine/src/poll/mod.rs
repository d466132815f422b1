//! Polls: the host reads a source of a connector, and each event becomes one run.
//!
//! The runs of a page, the claims of its events and the cursor behind it go to disk in
//! one batch; only then is the source told. So a crash at any point loses nothing, and
//! what is read again is recognised by the ids of the events.
//!
//! A source is read when its turn at the connection comes, as a call is made.
//!
//! Each poll has a task of its own: one slow source does not hold others up.

mod line;
mod list;
mod metrics;
mod position;
mod take;

pub use list::PollStatus;
pub use position::Failing;

pub(crate) use list::{Polls, list, refresh_metrics, reset};
pub(crate) use metrics::PollMetrics;

use crate::engine::{Schedules, Shared};
use crate::intake::{self, IntakeError};
use crate::plans::ActivePlan;
use dowel_core::code::run::POLL_STUCK;
use dowel_core::port::{SourcePage, SourceRequest, StoreError};
use dowel_core::{Digest, ErrorKind, FlowName, StepError};
use dowel_flow::plan::{Poll, TriggerKind};
use futures_util::FutureExt;
use line::Line;
use position::Stored;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Events of one page: as many runs begin in one batch.
const PAGE: u32 = 100;

/// When a poll looks again that intake or the store refused, or that is switched off.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Flow and trigger.
type Name = (FlowName, String);

/// A poll at work. It stops when this is dropped.
struct Follower {
    plan: Digest,
    _stop: DropGuard,
}

/// Polls sources until draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    if shared.options.schedules == Schedules::Still {
        return;
    }
    let mut changes = shared.plans.changes();
    let mut followers = BTreeMap::new();
    loop {
        followers = take_up(&shared, followers);
        tokio::select! {
            biased;
            () = shared.draining.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Goes on with the polls of the active plans, and stops all others.
fn take_up(shared: &Arc<Shared>, mut before: BTreeMap<Name, Follower>) -> BTreeMap<Name, Follower> {
    let mut followers = BTreeMap::new();
    for plan in shared.plans.all() {
        for trigger in &plan.plan.triggers {
            let TriggerKind::Poll(poll) = &trigger.kind else {
                continue;
            };
            let name = (plan.plan.flow.clone(), trigger.name.clone());
            let same = before.remove(&name).filter(|old| old.plan == plan.digest);
            let follower = same.unwrap_or_else(|| {
                let stop = shared.draining.child_token();
                let poller = Poller {
                    plan: plan.clone(),
                    name: name.clone(),
                    poll: poll.clone(),
                    line: Line::new(shared, &name),
                    stop: stop.clone(),
                };
                tokio::spawn(poller.follow(shared.clone()));
                Follower {
                    plan: plan.digest,
                    _stop: stop.drop_guard(),
                }
            });
            followers.insert(name, follower);
        }
    }
    followers
}

/// The poll of one trigger.
struct Poller {
    plan: Arc<ActivePlan>,
    name: Name,
    poll: Poll,
    line: Line,
    stop: CancellationToken,
}

/// How a turn ended that took what there was.
enum Turn {
    /// There is more.
    More,
    /// That was all for now.
    Done,
    /// The poll is to stop.
    Stopped,
}

/// Why a turn took nothing.
enum Trouble {
    /// The source failed.
    Source(StepError),
    /// The host takes nothing in now.
    Intake(IntakeError),
    /// Somebody else has moved the position.
    Raced,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Intake(error.into())
    }
}

impl Poller {
    async fn follow(self, shared: Arc<Shared>) {
        shared.polls.begins(&self.name, shared.ports.clock.now());
        self.read_on(&shared).await;
        self.line.leave(&shared);
        shared.polls.waits(&self.name, None);
    }

    async fn read_on(&self, shared: &Shared) {
        // What was committed before a crash may not have been acknowledged.
        let mut owes_ack = true;
        while !self.stop.is_cancelled() {
            let turn = AssertUnwindSafe(self.turn(shared, &mut owes_ack));
            let wait = match turn.catch_unwind().await {
                Ok(Ok(Turn::More)) => Duration::ZERO,
                Ok(Ok(Turn::Done)) => self.poll.every,
                Ok(Ok(Turn::Stopped)) => return,
                Ok(Err(trouble)) => self.recover(shared, trouble).await,
                Err(_) => {
                    tracing::error!(flow = %self.name.0, "a poll panicked; it begins again");
                    RETRY_DELAY
                }
            };
            let next = shared.ports.clock.now().plus(wait);
            shared.polls.next(&self.name, next);
            if wait.is_zero() {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = shared.polls.is_wanted(&self.name) => {}
                () = shared.ports.clock.sleep_until(next) => {}
            }
        }
    }

    /// Reads one page and takes it.
    async fn turn(&self, shared: &Shared, owes_ack: &mut bool) -> Result<Turn, Trouble> {
        let (flow, trigger) = (&self.name.0, self.name.1.as_str());
        let open =
            intake::check_open(shared).and_then(|()| intake::check_switches(shared, flow, trigger));
        open.map_err(Trouble::Intake)?;
        if shared
            .switches
            .connections_off()
            .contains(&self.poll.connection)
        {
            return Ok(Turn::Done);
        }
        let stored = Stored::read(shared, (flow, trigger), &self.poll).await?;
        if *owes_ack && let Some(cursor) = &stored.position.cursor {
            self.ack(shared, cursor).await;
        }
        *owes_ack = false;
        let page = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(Turn::Stopped),
            page = self.read(shared, &stored) => page,
        };
        let Some(page) = page else {
            return Ok(Turn::Stopped);
        };
        let page = page.map_err(Trouble::Source)?;
        self.check(&page, &stored)?;
        // Seen through whatever happens to this task: begun runs have to go to work.
        let taken = take::take(shared, (&self.plan, trigger, &self.poll), &stored, &page).await;
        match taken {
            Ok(taken) => shared.metrics.polls.taken(&self.name, taken),
            Err(IntakeError::Store(error)) if stored.is_raced(&error) => {
                return Err(Trouble::Raced);
            }
            Err(error) => return Err(Trouble::Intake(error)),
        }
        shared
            .polls
            .read(&self.name, shared.ports.clock.now(), page.events.len());
        if let Some(cursor) = &page.cursor {
            self.ack(shared, cursor).await;
        }
        Ok(if page.more { Turn::More } else { Turn::Done })
    }

    /// Reads a page when the turn at the connection comes. Nothing if the host lets nobody
    /// in any more.
    async fn read(
        &self,
        shared: &Shared,
        stored: &Stored,
    ) -> Option<Result<SourcePage, StepError>> {
        let line = &self.line;
        let permit = line.turn(shared, &self.name, &self.poll.connection).await?;
        // It may have been moved while this one stood in line; then the commit says so.
        let request = self.request(&stored.position.cursor);
        let page = shared.ports.invoker.read(request, PAGE).await;
        permit.report_read(&self.name.0, page.as_ref().err());
        Some(page)
    }

    /// Tells the source when the turn at the connection comes.
    async fn tell(&self, shared: &Shared, cursor: &str) -> Option<Result<(), StepError>> {
        let line = &self.line;
        let permit = line.turn(shared, &self.name, &self.poll.connection).await?;
        let request = self.request(&Some(cursor.to_owned()));
        let told = shared.ports.invoker.ack(request).await;
        permit.report_read(&self.name.0, told.as_ref().err());
        Some(told)
    }

    /// A page that says where the next one is. Otherwise the same events would be read for
    /// ever.
    fn check(&self, page: &SourcePage, stored: &Stored) -> Result<(), Trouble> {
        let moves = page.cursor.is_some() && page.cursor != stored.position.cursor;
        if moves || (page.events.is_empty() && !page.more) {
            return Ok(());
        }
        let message = format!(
            "the source `{}` gave events or said that there is more, and its cursor stayed",
            self.poll.source
        );
        let error = StepError::host(ErrorKind::Internal, POLL_STUCK, message);
        Err(Trouble::Source(error))
    }

    /// The source is told after the commit. Whatever becomes of it: the next read comes
    /// with the cursor.
    async fn ack(&self, shared: &Shared, cursor: &str) {
        let told = tokio::select! {
            biased;
            () = self.stop.cancelled() => return,
            told = self.tell(shared, cursor) => told,
        };
        if let Some(Err(error)) = told {
            let (flow, trigger) = &self.name;
            tracing::warn!(%flow, trigger, code = error.code, "a source was not told: {}", error.message);
        }
    }

    /// Writes down why nothing was taken. How long to wait.
    async fn recover(&self, shared: &Shared, trouble: Trouble) -> Duration {
        let (flow, trigger) = &self.name;
        let error = match trouble {
            Trouble::Raced => return Duration::ZERO,
            Trouble::Intake(error) => {
                tracing::debug!(%flow, trigger, %error, "the poll waits");
                return error.retry_after().unwrap_or(RETRY_DELAY).min(RETRY_DELAY);
            }
            Trouble::Source(error) => error,
        };
        shared.metrics.polls.failed(&self.name);
        let owner = self.plan.plan.owner.as_deref().unwrap_or_default();
        let (code, message) = (&error.code, &error.message);
        tracing::warn!(%flow, trigger, owner, code, "the source cannot be read: {message}");
        let retry_after = error.retry_after_ms.map(Duration::from_millis);
        let Ok(stored) = Stored::read(shared, (flow, trigger), &self.poll).await else {
            return RETRY_DELAY;
        };
        let position = stored.position.fails(&error, shared.ports.clock.now());
        if let Ok(batch) = stored.moves(&position) {
            // If it cannot be written the next failure is counted as the first.
            let _ = shared.ports.store.commit(batch).await;
        }
        position.wait(self.poll.every, retry_after)
    }

    fn request(&self, cursor: &Option<String>) -> SourceRequest {
        let pinned = self.plan.plan.connectors.get(&self.poll.connection);
        SourceRequest {
            connection: self.poll.connection.clone(),
            component: pinned.map_or_else(|| Digest::of(""), |pinned| pinned.digest),
            source: self.poll.source.clone(),
            params: self.poll.params.clone(),
            cursor: cursor.clone(),
            deadline: self.poll.deadline,
        }
    }
}
