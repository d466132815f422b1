//! The questions that are asked of events: those of the active flows, and those of
//! earlier versions whose runs may still wait.

use super::{DEFAULT_KEEP, keys};
use crate::engine::Shared;
use crate::plans::ActivePlan;
use dowel_core::cloud_event::TypePattern;
use dowel_core::expression::Program;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{Digest, FlowName, StepId, Timestamp};
use dowel_flow::plan::{Plan, Receive, StepKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{RwLock, RwLockReadGuard};

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 512;

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Receiver {
    /// CloudEvents `type`, or the beginning of one with `.*` behind it.
    event_type: String,
    /// One output, with the event as `.`.
    pub(super) program: Arc<Program>,
    /// The mapping guest that evaluates it.
    pub(super) guest: Digest,
    /// For how long events are kept for it.
    pub(super) keep: Duration,
    /// Who asks.
    pub(super) asked_by: Vec<(FlowName, StepId)>,
    /// Since when no active flow does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired: Option<Timestamp>,
}

/// The questions by their identity.
pub(super) type ById = BTreeMap<Digest, Receiver>;

/// The questions in memory. Whoever takes an event in holds the lock to the end, so that
/// no run begins to wait with a question that was not asked of the event.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    by_id: RwLock<ById>,
    /// Events that have arrived since the host began.
    arrived: AtomicU64,
}

impl Receiver {
    /// Whether the question is asked of events of a type.
    pub(super) fn is_for(&self, event_type: &str) -> bool {
        TypePattern::parse(&self.event_type).is_some_and(|pattern| pattern.matches(event_type))
    }

    fn of(plan: &Plan, step: &StepId, receive: &Receive) -> Self {
        Self {
            event_type: receive.event_type.clone(),
            program: receive.event.clone(),
            guest: plan.mapping,
            keep: plan.limits.deadline.unwrap_or(DEFAULT_KEEP),
            asked_by: vec![(plan.flow.clone(), step.clone())],
            retired: None,
        }
    }
}

/// The questions of some plans.
fn asked(plans: &[Arc<ActivePlan>]) -> ById {
    let mut all = ById::new();
    for plan in plans {
        for step in plan.plan.all_steps() {
            let StepKind::Receive(receive) = &step.kind else {
                continue;
            };
            let asked = Receiver::of(&plan.plan, &step.id, receive);
            match all.get_mut(&receive.receiver()) {
                None => drop(all.insert(receive.receiver(), asked)),
                Some(known) => {
                    known.keep = known.keep.max(asked.keep);
                    known.asked_by.extend(asked.asked_by);
                }
            }
        }
    }
    all
}

fn put(batch: &mut Batch, id: &Digest, receiver: &Receiver) -> Result<(), StoreError> {
    let bytes =
        serde_json::to_vec(receiver).map_err(|e| StoreError::Failed(e.to_string().into()))?;
    batch.put(keys::receiver(id), bytes);
    Ok(())
}

async fn load(store: &dyn Store) -> Result<ById, StoreError> {
    let mut all = ById::new();
    let mut scan = Scan::prefix(keys::RECEIVERS, ROWS_PER_SCAN);
    loop {
        let rows = store.scan(scan.clone()).await?;
        for (key, value) in &rows {
            match (keys::read_receiver(key), serde_json::from_slice(value)) {
                (Some(id), Ok(receiver)) => drop(all.insert(id, receiver)),
                _ => {
                    tracing::error!(key = %key.escape_ascii(), "what events are asked cannot be read");
                }
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(all),
        }
    }
}

impl Receivers {
    /// Makes the questions of the active plans known, and retires those that none of them
    /// asks any more.
    pub(crate) async fn activate(
        &self,
        store: &dyn Store,
        plans: &[Arc<ActivePlan>],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut current = self.by_id.write().await;
        let stored = load(store).await?;
        let mut batch = Batch::default();
        let mut all = asked(plans);
        for (id, receiver) in &mut all {
            let before = stored.get(id);
            // Runs of the version before may count on a longer time.
            receiver.keep = before.map_or(receiver.keep, |known| known.keep.max(receiver.keep));
            if before != Some(receiver) {
                put(&mut batch, id, receiver)?;
            }
        }
        for (id, mut receiver) in stored {
            if all.contains_key(&id) {
                continue;
            }
            if receiver.retired.is_none() {
                receiver.retired = Some(now);
                put(&mut batch, &id, &receiver)?;
            }
            all.insert(id, receiver);
        }
        if !batch.writes.is_empty() {
            store.commit(batch).await?;
        }
        *current = all;
        Ok(())
    }

    /// Makes sure that a question is asked before a run waits with it.
    pub(crate) async fn ensure(
        &self,
        shared: &Shared,
        plan: &Plan,
        step: &StepId,
        receive: &Receive,
    ) -> Result<(), StoreError> {
        let id = receive.receiver();
        if self.by_id.read().await.contains_key(&id) {
            return Ok(());
        }
        let mut current = self.by_id.write().await;
        let receiver = Receiver {
            retired: Some(shared.ports.clock.now()),
            ..Receiver::of(plan, step, receive)
        };
        let mut batch = Batch::default();
        put(&mut batch, &id, &receiver)?;
        shared.ports.store.commit(batch).await?;
        current.insert(id, receiver);
        Ok(())
    }

    /// The next number of arrival.
    pub(super) fn next_number(&self) -> u64 {
        self.arrived.fetch_add(1, Ordering::Relaxed)
    }

    /// The questions, held until an event is taken in.
    pub(crate) async fn hold(&self) -> RwLockReadGuard<'_, ById> {
        self.by_id.read().await
    }

    /// Forgets the questions that have been retired for as long as events are kept for
    /// them, unless somebody waits with one.
    pub(crate) async fn sweep(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let is_due = |receiver: &Receiver| {
            let retired = receiver.retired;
            retired.is_some_and(|at| at.plus(receiver.keep) <= now)
        };
        if !self.by_id.read().await.values().any(is_due) {
            return Ok(());
        }
        let mut current = self.by_id.write().await;
        let mut batch = Batch::default();
        let mut gone = Vec::new();
        for (id, _) in current.iter().filter(|(_, receiver)| is_due(receiver)) {
            let waiting = Scan::prefix(keys::waiting_with(id), 1).keys_only();
            if store.scan(waiting).await?.is_empty() {
                batch.delete(keys::receiver(id));
                gone.push(*id);
            }
        }
        if !gone.is_empty() {
            store.commit(batch).await?;
            current.retain(|id, _| !gone.contains(id));
        }
        Ok(())
    }
}
