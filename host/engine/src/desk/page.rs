//! The desk's part of the batch that ends a turn of a run.

use super::audit::Draft;
use super::index;
use super::item::{Item, loop_id};
use crate::engine::Shared;
use crate::plans::ActivePlan;
use crate::state::{RunState, RunStatus, StepState};
use dowel_core::journal::{Command, Entry, Event};
use dowel_core::port::{Batch, StoreError};
use std::sync::Arc;

/// What the desk shows of a run, as it is stored.
pub(crate) struct DeskPage {
    plan: Arc<ActivePlan>,
    /// The run's own item.
    item: Option<Item>,
    /// What is to be recorded with the next batch.
    drafts: Vec<Draft>,
}

/// What a batch changes.
#[derive(Default)]
pub(crate) struct Change {
    item: Option<Item>,
    opened: Vec<Item>,
    closed: Vec<Item>,
}

impl std::fmt::Debug for DeskPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeskPage")
            .field("item", &self.item)
            .finish()
    }
}

impl DeskPage {
    /// Nothing has changed since `state` was read.
    pub(crate) fn new(plan: Arc<ActivePlan>, state: &RunState) -> Self {
        Self {
            item: Item::of(&plan, state),
            plan,
            drafts: Vec::new(),
        }
    }

    /// The plan that the run is on.
    pub(crate) fn plan(&self) -> &ActivePlan {
        &self.plan
    }

    /// The run goes on with another plan.
    pub(crate) fn move_to(&mut self, plan: Arc<ActivePlan>) {
        self.plan = plan;
    }

    /// Records a decision with the next batch.
    pub(crate) fn audit(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    /// The decisions that the next batch records.
    pub(crate) fn drafts(&self) -> Vec<Draft> {
        self.drafts.clone()
    }

    /// Adds what has changed to the batch.
    pub(crate) async fn add(
        &self,
        shared: &Shared,
        state: &RunState,
        entries: &[Entry],
        batch: &mut Batch,
    ) -> Result<Change, StoreError> {
        let mut change = Change {
            item: Item::of(&self.plan, state),
            ..Change::default()
        };
        if change.item != self.item {
            change.closed.extend(self.item.clone());
            change.opened.extend(change.item.clone());
        }
        for entry in entries {
            self.add_loop_item(shared, state, entry, &mut change)
                .await?;
        }
        for item in &change.closed {
            index::close(item, batch);
        }
        for item in &change.opened {
            index::open(item, batch)?;
        }
        Ok(change)
    }

    async fn add_loop_item(
        &self,
        shared: &Shared,
        state: &RunState,
        entry: &Entry,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        let store = shared.ports.store.as_ref();
        match &entry.event {
            Event::ItemFailed {
                path,
                index,
                step,
                error,
            } => {
                let item =
                    Item::of_loop(&self.plan, state, (path, *index), (step, error), entry.at);
                change.opened.push(item);
            }
            Event::Commanded(commanded) => match &commanded.command {
                Command::RetryItem { path, index } | Command::DiscardItem { path, index } => {
                    let id = loop_id(state, path, *index);
                    change.close(index::get(store, id).await?);
                }
                // The run that takes the place of this one does its items as well.
                Command::Rerun { .. } => self.close_all(shared, state, entry, change).await?,
                _ => {}
            },
            // The loop begins anew, and its items with it.
            Event::LoopEntered { .. } | Event::Cancelled {} | Event::Compensated { .. } => {
                self.close_all(shared, state, entry, change).await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn close_all(
        &self,
        shared: &Shared,
        state: &RunState,
        entry: &Entry,
        change: &mut Change,
    ) -> Result<(), StoreError> {
        if state.failed_items == 0 {
            return Ok(());
        }
        let again = match &entry.event {
            Event::LoopEntered { path, .. } => Some(path),
            _ => None,
        };
        let is_meant = |item: &Item| {
            let of = item.loop_item.as_ref().map(|(path, _)| path);
            again.is_none() || of == again
        };
        let items = index::of_loops(shared.ports.store.as_ref(), state.created.run).await?;
        for item in items.into_iter().filter(is_meant) {
            change.close(Some(item));
        }
        if again.is_none() {
            change.opened.retain(|item| item.loop_item.is_none());
        }
        Ok(())
    }

    /// The batch is written.
    pub(crate) fn written(&mut self, shared: &Shared, change: Change) {
        shared.desk.closed(&change.closed);
        shared.desk.opened(&change.opened);
        self.item = change.item;
        self.drafts.clear();
    }
}

impl Change {
    fn close(&mut self, item: Option<Item>) {
        self.closed.extend(item);
    }
}

/// Where a run stands, for the record of a decision.
pub(super) fn failed_step(state: &RunState) -> Option<String> {
    if let Some((_, Some(path))) = &state.error {
        return Some(path.to_string());
    }
    let mut steps = state.steps.iter();
    let failed = steps.find(|(_, step)| matches!(step, StepState::Failed(f) if !f.handled));
    failed
        .filter(|_| state.status == RunStatus::Parked)
        .map(|(path, _)| path.to_string())
}
