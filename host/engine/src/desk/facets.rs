//! What an index tells of an item, so that a list looks at those it shows and no others.

use super::item::{Item, ItemClass, without_indexes};
use dowel_core::{ErrorKind, Timestamp};
use serde::{Deserialize, Serialize};

/// What lists are filtered by. Stored, and versioned like the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facets {
    #[serde(rename = "x")]
    pub(super) class: ItemClass,
    #[serde(rename = "s", default, skip_serializing_if = "String::is_empty")]
    pub(super) step: String,
    #[serde(rename = "c")]
    pub(super) code: String,
    #[serde(rename = "k")]
    pub(super) kind: ErrorKind,
    #[serde(rename = "d")]
    pub(super) due: Timestamp,
}

impl Facets {
    pub(super) fn of(item: &Item) -> Self {
        Self {
            class: item.class,
            step: item
                .step
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            code: item.code.clone(),
            kind: item.kind,
            due: item.due_at,
        }
    }

    /// Whether the item's step is this one, with the indexes of items or without.
    pub(super) fn is_step(&self, step: &str) -> bool {
        self.step == step || without_indexes(&self.step) == step
    }
}
