//! The catalogue: what flows there are, who answers for them, what they promise and what
//! they use; and the lineage: which flow feeds which.

mod entry;
mod field;
mod lineage;

pub use entry::{CatalogueEntry, Emits, Uses, UsesOperation, Way};
pub use field::FieldLink;
pub use lineage::{Lineage, Link, LinkKind};

use crate::plan::Plan;

/// The catalogue of these flows, by name.
pub fn catalogue(plans: &[&Plan]) -> Vec<CatalogueEntry> {
    let mut entries: Vec<CatalogueEntry> =
        plans.iter().map(|plan| CatalogueEntry::of(plan)).collect();
    entries.sort_by(|a, b| a.flow.cmp(&b.flow));
    entries
}
