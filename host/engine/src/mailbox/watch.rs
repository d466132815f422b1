//! A run's side of the mailbox: where it has looked, and what the store says of its
//! waiting.

use super::{OpenReceive, keys};
use crate::engine::Shared;
use crate::plans::ActivePlan;
use crate::state::{ReceiveState, RunState, Slot};
use dowel_core::port::{Batch, Precondition, StoreError};
use std::collections::BTreeMap;

/// Whether a row is in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// It may be: the run was read from its journal, which does not say.
    Perhaps,
    /// It is.
    Stored,
}

/// The rows of a run by their keys.
pub(crate) type Rows = BTreeMap<Vec<u8>, Row>;

/// What a run knows about its slots.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The slots without an event for it, with the stamp before the look.
    looked: BTreeMap<Slot, Option<Vec<u8>>>,
    rows: Rows,
}

fn row_key(state: &RunState, waiting: &ReceiveState) -> Vec<u8> {
    keys::waiting(&waiting.slot(), state.created.run, waiting.seq)
}

impl Watch {
    /// Nothing is known yet.
    pub(crate) fn new(state: &RunState) -> Self {
        let open = state.open_receives();
        Self {
            looked: BTreeMap::new(),
            rows: open
                .map(|one| (row_key(state, one), Row::Perhaps))
                .collect(),
        }
    }

    /// Whether there is no event for the run in a slot, as far as it knows.
    pub(crate) fn has_looked(&self, slot: &Slot) -> bool {
        self.looked.contains_key(slot)
    }

    /// There was no event for the run in a slot.
    pub(crate) fn looked(&mut self, slot: Slot, stamp: Option<Vec<u8>>) {
        self.looked.insert(slot, stamp);
    }

    /// There may be an event in a slot.
    pub(crate) fn look_again(&mut self, slot: &Slot) {
        self.looked.remove(slot);
    }

    /// There may be events anywhere.
    pub(crate) fn look_everywhere(&mut self) {
        self.looked.clear();
    }

    /// The key of a row of which nobody knows whether it is in the store.
    pub(crate) fn doubtful(&self, state: &RunState, waiting: &ReceiveState) -> Option<Vec<u8>> {
        let key = row_key(state, waiting);
        (self.rows.get(&key) == Some(&Row::Perhaps)).then_some(key)
    }

    /// The row is in the store.
    pub(crate) fn is_stored(&mut self, key: Vec<u8>) {
        self.rows.insert(key, Row::Stored);
    }

    /// Whether the store has yet to learn that a step waits.
    pub(crate) fn is_behind(&self, state: &RunState) -> bool {
        let mut open = state.open_receives();
        open.any(|one| {
            self.has_looked(&one.slot())
                && self.rows.get(&row_key(state, one)) != Some(&Row::Stored)
        })
    }

    /// Puts what has changed into a batch, and gives the rows as they are with it. The
    /// batch conflicts with every event that was put into a slot since the look.
    pub(crate) fn add_to(
        &self,
        shared: &Shared,
        plan: &ActivePlan,
        state: &RunState,
        batch: &mut Batch,
    ) -> Result<Rows, StoreError> {
        let mut rows = Rows::new();
        for open in state.open_receives() {
            let (key, slot) = (row_key(state, open), open.slot());
            match (self.rows.get(&key), self.looked.get(&slot)) {
                (Some(Row::Stored), _) => {
                    rows.insert(key, Row::Stored);
                }
                (_, Some(stamp)) => {
                    let place = keys::event_stamp(&slot);
                    batch.preconditions.push(match stamp {
                        Some(stamp) => Precondition::Equals(place, stamp.clone()),
                        None => Precondition::Absent(place),
                    });
                    let random = shared.ports.randomness.bytes();
                    batch.put(keys::waiting_stamp(&slot), random.to_vec());
                    let bytes = serde_json::to_vec(&OpenReceive::of(plan, state, open))
                        .map_err(|e| StoreError::Failed(e.to_string().into()))?;
                    batch.put(key.clone(), bytes);
                    rows.insert(key, Row::Stored);
                }
                (known, None) => rows.extend(known.map(|row| (key, *row))),
            }
        }
        for gone in self.rows.keys().filter(|key| !rows.contains_key(*key)) {
            batch.delete(gone.clone());
        }
        Ok(rows)
    }

    /// The batch is written.
    pub(crate) fn written(&mut self, rows: Rows) {
        self.rows = rows;
    }

    /// Whether a batch was refused because an event came meanwhile.
    pub(crate) fn is_outrun(key: &[u8]) -> bool {
        keys::is_event_stamp(key)
    }
}
