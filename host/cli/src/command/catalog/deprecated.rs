//! `dowel catalog --deprecated`: what will go, and who still uses it.

use dowel_core::deprecation::Deprecation;
use dowel_flow::catalogue::{Caller, CatalogueEntry, UsedOperation, used_operations};
use dowel_flow::plan::Plan;
use serde::Serialize;
use std::fmt::Write;

/// What will go.
#[derive(Debug, Serialize)]
pub(super) struct Deprecated {
    flows: Vec<CatalogueEntry>,
    operations: Vec<UsedOperation>,
}

impl Deprecated {
    pub(super) fn of(mut flows: Vec<CatalogueEntry>, plans: &[&Plan]) -> Self {
        flows.retain(|entry| entry.deprecated.is_some());
        let mut operations = used_operations(plans);
        operations.retain(|one| one.deprecated.is_some());
        Self { flows, operations }
    }

    /// One line for each thing.
    pub(super) fn table(&self) -> String {
        let flows = self.flows.iter().map(|entry| {
            let name = format!("flow {}@{}", entry.flow, entry.version);
            (name, &entry.deprecated, &entry.callers)
        });
        let operations = self.operations.iter().map(|one| {
            let name = format!("{}@{} {}", one.connector, one.version, one.operation);
            (name, &one.deprecated, &one.callers)
        });
        let mut text = String::new();
        for (name, deprecation, callers) in flows.chain(operations) {
            if let Some(deprecation) = deprecation {
                let _ = writeln!(text, "{}", row(&name, deprecation, callers));
            }
        }
        if text.is_empty() {
            return "nothing is deprecated".to_owned();
        }
        let head = format!(
            "{:<34}  {:<10}  {:<10}  {:<16}  {}",
            "WHAT", "SINCE", "UNTIL", "USE", "USED BY"
        );
        format!("{head}\n{text}")
    }
}

fn row(name: &str, deprecation: &Deprecation, callers: &[Caller]) -> String {
    let until = deprecation.until.map(|until| until.to_string());
    let callers: Vec<String> = callers.iter().map(caller_text).collect();
    let callers = match callers.as_slice() {
        [] => "nobody".to_owned(),
        callers => callers.join(", "),
    };
    format!(
        "{name:<34}  {:<10}  {:<10}  {:<16}  {callers}",
        deprecation.since.to_string(),
        until.as_deref().unwrap_or("-"),
        deprecation.instead.as_deref().unwrap_or("-"),
    )
}

pub(super) fn caller_text(caller: &Caller) -> String {
    let Caller {
        flow,
        version,
        steps,
    } = caller;
    format!("{flow}@{version} ({steps} step(s))")
}
