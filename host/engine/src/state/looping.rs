//! A `for_each` at work.

use dowel_core::{JsonText, StepError};
use std::sync::Arc;

/// A list of results up to this size, in bytes of JSON, is part of the step's value.
pub(crate) const MAX_RESULTS_BYTES: usize = 256 << 10;

/// A `for_each` at work.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopState {
    /// The list, or the page at work.
    pub items: Arc<[JsonText]>,
    /// How the items ended, those that have.
    pub ends: Vec<Option<ItemEnd>>,
    /// Every item of the list before this one has ended.
    pub low: usize,
    /// How many items of the list have ended, one way or the other.
    pub ended: usize,
    /// How many items failed, of all pages.
    pub failed: usize,
    /// The index of the first item of the list: how many the pages before it had.
    pub offset: usize,
    /// The pages, where the items come page by page.
    pub paging: Option<Box<Paging>>,
}

/// The pages of a loop. Its size does not grow with their number.
#[derive(Clone, Debug, PartialEq)]
pub struct Paging {
    /// The input of the calls, without a cursor.
    pub input: JsonText,
    /// Pages that have been entered.
    pub number: u32,
    /// Whether the items of the last one are at work.
    pub is_open: bool,
    /// The cursor of the next page; none before the first and after the last one.
    pub next: Option<JsonText>,
    /// An earlier cursor: meeting it again means a circle (Brent's algorithm).
    pub marker: Option<JsonText>,
    /// Cursors since the marker was set, and how many before it is set anew.
    lap: (u32, u32),
    /// The results of the items so far, while they are few.
    pub results: Option<Vec<JsonText>>,
    results_bytes: usize,
    /// The items of earlier pages, where something inside may have to be undone.
    pub kept: Vec<JsonText>,
    keep: bool,
}

/// How an item ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemEnd {
    /// With the result of its last step.
    Succeeded(JsonText),
    /// With an error, and the loop goes on without it.
    Failed(StepError),
}

impl Paging {
    /// Whether the last page has been entered.
    pub const fn is_over(&self) -> bool {
        self.number > 0 && self.next.is_none()
    }
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
            offset: 0,
            paging: None,
        }
    }

    /// A loop over pages that has not fetched any.
    pub fn over_pages(input: JsonText) -> Self {
        let paging = Paging {
            input,
            number: 0,
            is_open: false,
            next: None,
            marker: None,
            lap: (0, 1),
            results: Some(Vec::new()),
            results_bytes: 0,
            kept: Vec::new(),
            keep: false,
        };
        Self {
            paging: Some(Box::new(paging)),
            ..Self::new(Vec::new())
        }
    }

    /// The items that may be at work: the first `parallel` that have not ended.
    pub fn window(&self, parallel: usize) -> impl Iterator<Item = usize> + '_ {
        (self.low..self.items.len())
            .filter(|index| self.ends[*index].is_none())
            .map(|index| index + self.offset)
            .take(parallel)
    }

    /// The item of this index over all pages, while it is there.
    pub fn item(&self, index: usize) -> Option<&JsonText> {
        match index.checked_sub(self.offset) {
            Some(local) => self.items.get(local),
            None => self.paging.as_ref()?.kept.get(index),
        }
    }

    /// How an item of the list has ended; `None` if there is no such item.
    pub(super) fn end_of(&self, index: usize) -> Option<&Option<ItemEnd>> {
        self.ends.get(index.checked_sub(self.offset)?)
    }

    /// Notes that an item has ended.
    pub(super) fn end_item(&mut self, index: usize, end: ItemEnd) {
        self.failed += usize::from(matches!(end, ItemEnd::Failed(_)));
        self.ends[index - self.offset] = Some(end);
        self.ended += 1;
        while self.ends.get(self.low).is_some_and(Option::is_some) {
            self.low += 1;
        }
    }

    /// Takes up the items of a page.
    pub(super) fn enter_page(&mut self, items: Vec<JsonText>, next: Option<&JsonText>, keep: bool) {
        self.ends = vec![None; items.len()];
        self.items = items.into();
        (self.low, self.ended) = (0, 0);
        if let Some(paging) = &mut self.paging {
            paging.number += 1;
            paging.is_open = true;
            paging.keep = keep;
            paging.next = next.cloned();
            paging.lap.0 += 1;
            if paging.lap.0 == paging.lap.1 {
                paging.lap = (0, paging.lap.1.saturating_mul(2));
                paging.marker = next.cloned();
            }
        }
    }

    /// Lets go of the page; whether nothing in it is needed any more.
    pub(super) fn end_page(&mut self) -> bool {
        let Some(paging) = &mut self.paging else {
            return false;
        };
        for end in &self.ends {
            let result = match end {
                Some(ItemEnd::Succeeded(result)) => result.clone(),
                _ => JsonText::null(),
            };
            paging.results_bytes += result.as_str().len();
            if let Some(results) = &mut paging.results {
                results.push(result);
            }
        }
        if paging.results_bytes > MAX_RESULTS_BYTES {
            paging.results = None;
        }
        if paging.keep {
            paging.kept.extend(self.items.iter().cloned());
        }
        paging.is_open = false;
        let keep = paging.keep;
        self.offset += self.items.len();
        self.items = Arc::new([]);
        self.ends = Vec::new();
        (self.low, self.ended) = (0, 0);
        !keep
    }
}
