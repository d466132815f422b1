//! The catalogue: what flows there are, who answers for them, what they promise and what
//! they use; and the lineage: which flow feeds which.

mod entry;
mod field;
mod lineage;
mod usage;

pub use entry::{CatalogueEntry, Emits, Uses, UsesOperation, Way};
pub use field::FieldLink;
pub use lineage::{Lineage, Link, LinkKind};
pub use usage::{Caller, UsedOperation, used_operations};

use crate::plan::Plan;

/// The catalogue of these flows, by name.
pub fn catalogue(plans: &[&Plan]) -> Vec<CatalogueEntry> {
    let mut entries: Vec<CatalogueEntry> =
        plans.iter().map(|plan| CatalogueEntry::of(plan)).collect();
    for (entry, plan) in entries.iter_mut().zip(plans) {
        entry.callers = usage::callers_of(plan, plans);
    }
    entries.sort_by(|a, b| a.flow.cmp(&b.flow));
    entries
}
