//! The polls as people see them, and the decision to begin anew.

use super::Name;
use super::position::{Failing, Stored};
use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::Shared;
use crate::intake::check_switches;
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::journal::HoldReason;
use dowel_core::port::StoreError;
use dowel_core::{FlowName, Timestamp};
use dowel_flow::plan::TriggerKind;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A poll of an active flow.
#[derive(Clone, Debug)]
pub struct PollStatus {
    /// The flow.
    pub flow: FlowName,
    /// The version that is active.
    pub version: semver::Version,
    /// The trigger's name.
    pub trigger: String,
    /// The connection.
    pub connection: ConnectionName,
    /// The source of its connector.
    pub source: OperationName,
    /// The time between two rounds.
    pub every: Duration,
    /// Up to where events have been taken.
    pub cursor: Option<String>,
    /// When that last moved.
    pub moved_at: Option<Timestamp>,
    /// When this host last read it without an error, and how many events there were.
    pub last_read: Option<(Timestamp, usize)>,
    /// When this host reads it again.
    pub next: Option<Timestamp>,
    /// What it waits for at its connection, if it does.
    pub waits: Option<HoldReason>,
    /// Since when reads fail, and why.
    pub failing: Option<Failing>,
}

/// What a host knows of its polls beside the store.
#[derive(Default)]
pub(crate) struct Polls {
    live: Mutex<BTreeMap<Name, Live>>,
    /// The polls whose age the metrics show.
    shown: Mutex<BTreeSet<Name>>,
}

#[derive(Clone, Default)]
struct Live {
    last_read: Option<(Timestamp, usize)>,
    next: Option<Timestamp>,
    /// Since when this host is to read it.
    since: Option<Timestamp>,
    waits: Option<HoldReason>,
    wanted: Arc<Notify>,
}

impl Polls {
    pub(super) fn read(&self, name: &Name, at: Timestamp, events: usize) {
        self.change(name, |live| live.last_read = Some((at, events)));
    }

    pub(super) fn next(&self, name: &Name, at: Timestamp) {
        self.change(name, |live| live.next = Some(at));
    }

    /// This host reads it from now on.
    pub(super) fn begins(&self, name: &Name, at: Timestamp) {
        self.change(name, |live| live.since = live.since.or(Some(at)));
    }

    /// It waits for its turn at its connection, or does not any more.
    pub(super) fn waits(&self, name: &Name, reason: Option<HoldReason>) {
        self.change(name, |live| live.waits = reason);
    }

    fn change(&self, name: &Name, change: impl FnOnce(&mut Live)) {
        change(self.live.lock().entry(name.clone()).or_default());
    }

    /// Waits until somebody wants the source to be read now.
    pub(super) async fn is_wanted(&self, name: &Name) {
        let wanted = self
            .live
            .lock()
            .entry(name.clone())
            .or_default()
            .wanted
            .clone();
        wanted.notified().await;
    }

    fn want(&self, name: &Name) {
        self.change(name, |live| live.wanted.notify_one());
    }

    fn of(&self, name: &Name) -> Live {
        self.live.lock().get(name).cloned().unwrap_or_default()
    }
}

/// All polls of active flows, by flow and trigger.
pub(crate) async fn list(shared: &Shared) -> Result<Vec<PollStatus>, StoreError> {
    let mut all = Vec::new();
    for plan in shared.plans.all() {
        for trigger in &plan.plan.triggers {
            let TriggerKind::Poll(poll) = &trigger.kind else {
                continue;
            };
            let name = (plan.plan.flow.clone(), trigger.name.clone());
            let stored = Stored::read(shared, (&name.0, &name.1), poll).await?;
            let live = shared.polls.of(&name);
            all.push(PollStatus {
                version: plan.plan.version.clone(),
                connection: poll.connection.clone(),
                source: poll.source.clone(),
                every: poll.every,
                cursor: stored.position.cursor,
                moved_at: stored.position.moved_at,
                last_read: live.last_read,
                next: live.next,
                waits: live.waits,
                failing: stored.position.failing,
                flow: name.0,
                trigger: name.1,
            });
        }
    }
    all.sort_by(|a, b| (&a.flow, &a.trigger).cmp(&(&b.flow, &b.trigger)));
    Ok(all)
}

/// Shows for how long each source has not been read. What somebody switched off is not
/// late.
pub(crate) fn refresh_metrics(shared: &Shared) {
    let now = shared.ports.clock.now();
    let off = shared.switches.connections_off();
    let mut shown = BTreeSet::new();
    for plan in shared.plans.all() {
        let flow = &plan.plan.flow;
        for trigger in &plan.plan.triggers {
            let TriggerKind::Poll(poll) = &trigger.kind else {
                continue;
            };
            let name = (flow.clone(), trigger.name.clone());
            shared.metrics.polls.begin_series(&name);
            let live = shared.polls.of(&name);
            let last = live.last_read.map(|(at, _)| at).or(live.since);
            let is_off = off.contains(&poll.connection)
                || check_switches(shared, flow, &trigger.name).is_err();
            if let Some(last) = last.filter(|_| !is_off) {
                shared.metrics.polls.show_age(&name, Some(now.since(last)));
                shown.insert(name);
            }
        }
    }
    let before = std::mem::replace(&mut *shared.polls.shown.lock(), shown.clone());
    for gone in before.difference(&shown) {
        shared.metrics.polls.show_age(gone, None);
    }
}

/// Moves a poll to a cursor, or to the beginning. Events that come again are recognised
/// as long as their ids are remembered. Whether there is such a poll.
pub(crate) async fn reset(
    shared: &Shared,
    (flow, trigger): (&FlowName, &str),
    cursor: Option<String>,
    deciding: Deciding,
) -> Result<bool, StoreError> {
    let plan = shared.plans.active(flow);
    let found = plan.as_ref().and_then(|plan| plan.plan.trigger(trigger));
    let Some(TriggerKind::Poll(poll)) = found.map(|trigger| &trigger.kind) else {
        return Ok(false);
    };
    let text = |cursor: &Option<String>| Standing::of(cursor.as_deref().unwrap_or("the beginning"));
    loop {
        let stored = Stored::read(shared, (flow, trigger), poll).await?;
        let mut position = stored.position.clone();
        position.cursor.clone_from(&cursor);
        position.moved_at = Some(shared.ports.clock.now());
        position.failing = None;
        let target = AuditTarget::Trigger(format!("{flow}/{trigger}"));
        let draft = Draft {
            origin: deciding.origin.clone(),
            reason: deciding.reason.clone(),
            flow: Some(flow.clone()),
            before: Some(text(&stored.position.cursor)),
            after: Some(text(&cursor)),
            ..Draft::new(&deciding.actor, "reset-source", target)
        };
        let batch = stored.moves(&position)?;
        match shared.desk.audit.commit(shared, batch, vec![draft]).await {
            Err(error) if stored.is_raced(&error) => {}
            written => break written?,
        }
    }
    shared.polls.want(&(flow.clone(), trigger.to_owned()));
    Ok(true)
}
