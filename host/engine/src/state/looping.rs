//! A `for_each` at work.

use dowel_core::{JsonText, StepError};
use std::sync::Arc;

/// A `for_each` at work.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopState {
    /// The list.
    pub items: Arc<[JsonText]>,
    /// How the items ended, those that have.
    pub ends: Vec<Option<ItemEnd>>,
    /// Every item before this one has ended.
    pub low: usize,
    /// How many items have ended, one way or the other.
    pub ended: usize,
    /// How many of them failed.
    pub failed: usize,
}

/// How an item ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemEnd {
    /// With the result of its last step.
    Succeeded(JsonText),
    /// With an error, and the loop goes on without it.
    Failed(StepError),
}

impl LoopState {
    /// A loop over `items` that has not begun any.
    pub fn new(items: Vec<JsonText>) -> Self {
        Self {
            ends: vec![None; items.len()],
            items: items.into(),
            low: 0,
            ended: 0,
            failed: 0,
        }
    }

    /// The items that may be at work: the first `parallel` that have not ended.
    pub fn window(&self, parallel: usize) -> impl Iterator<Item = usize> + '_ {
        (self.low..self.items.len())
            .filter(|index| self.ends[*index].is_none())
            .take(parallel)
    }

    /// Notes that an item has ended.
    pub(super) fn end_item(&mut self, index: usize, end: ItemEnd) {
        self.failed += usize::from(matches!(end, ItemEnd::Failed(_)));
        self.ends[index] = Some(end);
        self.ended += 1;
        while self.ends.get(self.low).is_some_and(Option::is_some) {
            self.low += 1;
        }
    }
}
