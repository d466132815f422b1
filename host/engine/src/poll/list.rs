//! The polls as people see them, and the decision to begin anew.

use super::Name;
use super::position::{Failing, Stored};
use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::Shared;
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::port::StoreError;
use dowel_core::{FlowName, Timestamp};
use dowel_flow::plan::TriggerKind;
use parking_lot::Mutex;
use std::collections::BTreeMap;
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
    /// Since when reads fail, and why.
    pub failing: Option<Failing>,
}

/// What a host knows of its polls beside the store.
#[derive(Default)]
pub(crate) struct Polls(Mutex<BTreeMap<Name, Live>>);

#[derive(Clone, Default)]
struct Live {
    last_read: Option<(Timestamp, usize)>,
    next: Option<Timestamp>,
    wanted: Arc<Notify>,
}

impl Polls {
    pub(super) fn read(&self, name: &Name, at: Timestamp, events: usize) {
        self.0.lock().entry(name.clone()).or_default().last_read = Some((at, events));
    }

    pub(super) fn next(&self, name: &Name, at: Timestamp) {
        self.0.lock().entry(name.clone()).or_default().next = Some(at);
    }

    /// Waits until somebody wants the source to be read now.
    pub(super) async fn is_wanted(&self, name: &Name) {
        let wanted = self
            .0
            .lock()
            .entry(name.clone())
            .or_default()
            .wanted
            .clone();
        wanted.notified().await;
    }

    fn want(&self, name: &Name) {
        self.0
            .lock()
            .entry(name.clone())
            .or_default()
            .wanted
            .notify_one();
    }

    fn of(&self, name: &Name) -> Live {
        self.0.lock().get(name).cloned().unwrap_or_default()
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
                failing: stored.position.failing,
                flow: name.0,
                trigger: name.1,
            });
        }
    }
    all.sort_by(|a, b| (&a.flow, &a.trigger).cmp(&(&b.flow, &b.trigger)));
    Ok(all)
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
