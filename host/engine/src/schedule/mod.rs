//! Schedules: each fire becomes exactly one run, whatever happens to the host.
//!
//! A fire belongs to a flow's name, its trigger and the planned time. The position of a
//! schedule, the run and the claim of the fire's key go to disk in one batch, so that a
//! fire is either done and moved past, or neither.

mod fire;
mod list;
mod metrics;
mod position;

pub use list::{FireStatus, ScheduleStatus};

pub(crate) use list::list;
pub(crate) use metrics::ScheduleMetrics;

use crate::engine::{Schedules, Shared};
use crate::inbox::{self, Message};
use crate::keys;
use crate::plans::ActivePlan;
use crate::summary;
use dowel_core::journal::{Actor, Command, Commanded};
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, FlowName, RunId, Timestamp};
use dowel_flow::plan::TriggerKind;
use dowel_flow::schedule::{Overlap, Schedule};
use futures_util::FutureExt;
use position::{Busy, Named, Position, Step};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// When a fire that could not be made is tried again: intake or the store refused it.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Positions that are read at a time.
const POSITIONS_PER_SCAN: usize = 1024;

/// Flow and trigger.
type Name = (FlowName, String);

/// The schedules at work, with what is known of each.
#[derive(Default)]
struct Clockwork {
    wheels: BTreeMap<Name, Wheel>,
}

/// One schedule at work.
struct Wheel {
    plan: Arc<ActivePlan>,
    trigger: String,
    /// The position as it is in the store.
    position: Position,
    bytes: Vec<u8>,
    /// Nothing to do before, unless the last run ends.
    wake: Option<Timestamp>,
    /// The run that was told to make room for a fire.
    cancelled: Option<RunId>,
}

/// Fires schedules until draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    if shared.options.schedules == Schedules::Still {
        return;
    }
    let draining = shared.draining.clone();
    while AssertUnwindSafe(turns(&shared))
        .catch_unwind()
        .await
        .is_err()
    {
        tracing::error!("the scheduler panicked; it begins again");
        let retry = shared.ports.clock.now().plus(RETRY_DELAY);
        tokio::select! {
            biased;
            () = sleep(&shared, Some(retry)) => {}
            () = draining.cancelled() => return,
        }
    }
}

async fn turns(shared: &Shared) {
    let mut ends = shared.ends.subscribe();
    let mut changes = shared.plans.changes();
    let draining = shared.draining.clone();
    let mut clockwork = Clockwork::default();
    let mut stale = true;
    while !shared.is_draining() {
        if stale {
            stale = clockwork.load(shared).await.is_err();
        }
        let mut wake = clockwork.turn(shared).await;
        if stale {
            let retry = shared.ports.clock.now().plus(RETRY_DELAY);
            wake = Some(wake.map_or(retry, |wake| wake.min(retry)));
        }
        tokio::select! {
            biased;
            () = sleep(shared, wake) => {}
            () = clockwork.a_run_ends(&mut ends) => {}
            _ = changes.changed() => stale = true,
            () = draining.cancelled() => break,
        }
    }
}

async fn sleep(shared: &Shared, until: Option<Timestamp>) {
    match until {
        Some(at) => shared.ports.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Clockwork {
    /// Takes up the schedules of the active plans, and pauses all others.
    async fn load(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let mut wheels = BTreeMap::new();
        for plan in shared.plans.all() {
            for trigger in &plan.plan.triggers {
                if let TriggerKind::Schedule(schedule) = &trigger.kind {
                    let name = (plan.plan.flow.clone(), trigger.name.clone());
                    let (position, bytes) = take_up(shared, &name, schedule).await?;
                    let wheel = Wheel {
                        plan: plan.clone(),
                        trigger: trigger.name.clone(),
                        position,
                        bytes,
                        wake: Some(Timestamp::default()),
                        cancelled: None,
                    };
                    wheels.insert(name, wheel);
                }
            }
        }
        self.wheels = wheels;
        self.pause_others(shared).await
    }

    async fn pause_others(&self, shared: &Shared) -> Result<(), StoreError> {
        for (key, bytes) in positions(shared).await? {
            let Some(name) = keys::schedule_at(&key) else {
                continue;
            };
            let Some(mut position) = read(&bytes).filter(|position| !position.paused) else {
                continue;
            };
            if !self.wheels.contains_key(&name) {
                position.paused = true;
                write(shared, key, Some(bytes), &position).await?;
            }
        }
        Ok(())
    }

    /// Does everything that is due. Says when to look again.
    async fn turn(&mut self, shared: &Shared) -> Option<Timestamp> {
        for (name, wheel) in &mut self.wheels {
            if wheel.wake.is_none_or(|at| at > shared.ports.clock.now()) {
                continue;
            }
            if let Err(error) = wheel.turn(shared).await {
                let (flow, trigger) = name;
                tracing::warn!(%flow, trigger, %error, "the schedule cannot fire now, it will");
                wheel.wake = Some(shared.ports.clock.now().plus(RETRY_DELAY));
            }
        }
        self.wheels.values().filter_map(|wheel| wheel.wake).min()
    }

    /// Waits until a run ends that a fire waits for.
    async fn a_run_ends(&mut self, ends: &mut tokio::sync::broadcast::Receiver<RunId>) {
        loop {
            let ended = match ends.recv().await {
                Ok(run) => Some(run),
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => std::future::pending().await,
            };
            let mut waited_for = false;
            for wheel in self.wheels.values_mut() {
                let last = wheel.position.last.map(|last| last.run);
                if !wheel.position.waiting.is_empty() && (ended.is_none() || ended == last) {
                    wheel.wake = Some(Timestamp::default());
                    waited_for = true;
                }
            }
            if waited_for {
                return;
            }
        }
    }
}

impl Wheel {
    fn named(&self) -> Option<Named<'_>> {
        let trigger = self.plan.plan.trigger(&self.trigger)?;
        let TriggerKind::Schedule(schedule) = &trigger.kind else {
            return None;
        };
        Some(Named {
            flow: &self.plan.plan.flow,
            trigger: &self.trigger,
            schedule,
            calendars: &self.plan.plan.calendars,
        })
    }

    /// Does everything that is due, one transaction at a time.
    async fn turn(&mut self, shared: &Shared) -> Result<(), fire::FireError> {
        loop {
            let busy = self.is_busy(shared).await?;
            let now = shared.ports.clock.now();
            let Some(named) = self.named() else {
                self.wake = None;
                return Ok(());
            };
            if shared.switches.is_trigger_off(named.flow, named.trigger) {
                let position = self.position.without_due(named, now);
                self.wake = position.next_due(named);
                if position != self.position {
                    self.commit(shared, position).await?;
                }
                return Ok(());
            }
            match self.position.step(named, now, busy) {
                Step::Wait(wake) => {
                    let makes_room = named.schedule.overlap == Overlap::CancelRunning;
                    self.wake = wake;
                    if makes_room && busy == Busy::Yes {
                        self.cancel_running(shared).await?;
                    }
                    return Ok(());
                }
                Step::Move(position) => self.commit(shared, position).await?,
                Step::Fire(planned, position) => {
                    let lag = now.since(named.due(planned));
                    let fired = fire::fire(shared, self, planned, position.clone()).await;
                    shared.metrics.schedules.lag(named.flow, named.trigger, lag);
                    match fired {
                        Ok((position, bytes)) => {
                            shared.metrics.schedules.fired(named.flow, named.trigger);
                            (self.position, self.bytes) = (position, bytes);
                        }
                        Err(error) => {
                            self.keep(shared, planned, position).await?;
                            return Err(error);
                        }
                    }
                }
            }
        }
    }

    /// A fire that was refused waits in the store, so that it is not taken for a missed
    /// one later.
    async fn keep(
        &mut self,
        shared: &Shared,
        planned: Timestamp,
        mut position: Position,
    ) -> Result<(), fire::FireError> {
        position.waiting.insert(0, planned);
        if position == self.position {
            return Ok(());
        }
        self.commit(shared, position).await
    }

    /// Tells the run of the last fire to make room for one that waits. The fire is made
    /// when that run has ended.
    async fn cancel_running(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let last = self.position.last.map(|last| last.run);
        let Some(run) = last.filter(|run| self.cancelled != Some(*run)) else {
            return Ok(());
        };
        if self.position.waiting.is_empty() {
            return Ok(());
        }
        let commanded = Commanded {
            actor: Actor(format!("schedule {}", self.trigger)),
            reason: Some("the next fire takes the place of this one".to_owned()),
            confirmed_by: None,
            origin: None,
            bulk: None,
            command: Command::Cancel { compensate: false },
        };
        let message = Message::Command(commanded);
        // Nobody waits for the verdict: a run that refuses has just ended.
        drop(inbox::send(shared, run, &message, Batch::default()).await?);
        self.cancelled = Some(run);
        Ok(())
    }

    async fn is_busy(&self, shared: &Shared) -> Result<Busy, StoreError> {
        let Some(last) = &self.position.last else {
            return Ok(Busy::No);
        };
        let summary = summary::get(shared.ports.store.as_ref(), last.run).await?;
        Ok(match summary {
            Some(summary) if !summary.status.is_at_rest() => Busy::Yes,
            _ => Busy::No,
        })
    }

    async fn commit(&mut self, shared: &Shared, position: Position) -> Result<(), fire::FireError> {
        if position.left_out != self.position.left_out
            && let Some(left_out) = position.left_out
        {
            let flow = &self.plan.plan.flow;
            let (after, until) = (left_out.after, left_out.until);
            tracing::warn!(%flow, trigger = self.trigger, %after, %until, "fires of the schedule are left out");
            shared.metrics.schedules.left_out(flow, &self.trigger);
        }
        let key = keys::schedule(&self.plan.plan.flow, &self.trigger);
        let before = self.bytes.clone();
        self.bytes = write(shared, key, Some(before), &position).await?;
        self.position = position;
        Ok(())
    }
}

/// The position of a schedule, made or moved where it has to be.
async fn take_up(
    shared: &Shared,
    (flow, trigger): &Name,
    schedule: &Schedule,
) -> Result<(Position, Vec<u8>), StoreError> {
    let key = keys::schedule(flow, trigger);
    let bytes = shared.ports.store.get(&key).await?;
    let (now, digest) = (shared.ports.clock.now(), digest(schedule)?);
    let position = match bytes.as_deref().and_then(read) {
        None => Position::new(digest, now),
        Some(position) if position.paused || position.schedule != digest => {
            position.restarted(digest, now)
        }
        Some(position) => return Ok((position, bytes.unwrap_or_default())),
    };
    let bytes = write(shared, key, bytes, &position).await?;
    Ok((position, bytes))
}

/// The identity of a schedule: whoever changes it plans anew.
fn digest(schedule: &Schedule) -> Result<Digest, StoreError> {
    serde_json::to_vec(schedule).map(Digest::of).map_err(broken)
}

#[allow(clippy::needless_pass_by_value)] // The signature that `map_err` calls.
fn broken(error: serde_json::Error) -> StoreError {
    StoreError::Failed(error.to_string().into())
}

fn read(bytes: &[u8]) -> Option<Position> {
    serde_json::from_slice(bytes).ok()
}

/// Writes a position if it is still the one that was read.
async fn write(
    shared: &Shared,
    key: Vec<u8>,
    before: Option<Vec<u8>>,
    position: &Position,
) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(position).map_err(broken)?;
    let mut batch = Batch::default();
    match before {
        Some(before) => batch.require_equal(key.clone(), before),
        None => batch.require_absent(key.clone()),
    };
    batch.put(key, bytes.clone());
    shared.ports.store.commit(batch).await?;
    Ok(bytes)
}

/// Every position in the store.
async fn positions(shared: &Shared) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
    let mut all = Vec::new();
    let mut scan = Scan::prefix(keys::SCHEDULE, POSITIONS_PER_SCAN);
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let more = rows.len() == POSITIONS_PER_SCAN;
        all.extend(rows);
        match all.last() {
            Some((key, _)) if more => scan = scan.after(key.clone()),
            _ => return Ok(all),
        }
    }
}
