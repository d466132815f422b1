//! Who uses what: the flows that run a flow, and those that call an operation.

use crate::plan::{Plan, StepKind};
use dowel_core::deprecation::Deprecation;
use serde::Serialize;
use std::collections::BTreeMap;

/// A flow that uses something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Caller {
    /// The flow.
    pub flow: String,
    /// Its version.
    pub version: String,
    /// How many of its steps do.
    pub steps: usize,
}

/// An operation that flows call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UsedOperation {
    /// The connector.
    pub connector: String,
    /// Its version.
    pub version: String,
    /// The operation.
    pub operation: String,
    /// That it will go, if it will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// The flows that call it.
    pub callers: Vec<Caller>,
}

/// The operations that these flows call, by connector and name.
pub fn used_operations(plans: &[&Plan]) -> Vec<UsedOperation> {
    let mut found: BTreeMap<(String, String, String), UsedOperation> = BTreeMap::new();
    for plan in plans {
        for step in plan.all_steps() {
            let StepKind::Call(call) = &step.kind else {
                continue;
            };
            let Some(connector) = plan.connectors.get(&call.connection) else {
                continue;
            };
            let key = (
                connector.name.to_string(),
                connector.version.to_string(),
                call.operation.to_string(),
            );
            let (connector, version, operation) = key.clone();
            let used = found.entry(key).or_insert_with(|| UsedOperation {
                connector,
                version,
                operation,
                deprecated: call.deprecated.clone(),
                callers: Vec::new(),
            });
            count(&mut used.callers, plan);
        }
    }
    found.into_values().collect()
}

/// The flows that run a flow, by name.
pub(super) fn callers_of(flow: &Plan, plans: &[&Plan]) -> Vec<Caller> {
    let mut callers = Vec::new();
    for plan in plans {
        for step in plan.all_steps() {
            match &step.kind {
                StepKind::Run(run) if run.flow == flow.flow => count(&mut callers, plan),
                _ => {}
            }
        }
    }
    callers.sort();
    callers
}

fn count(callers: &mut Vec<Caller>, plan: &Plan) {
    let (flow, version) = (plan.flow.to_string(), plan.version.to_string());
    let mut known = callers.iter_mut();
    match known.find(|one| one.flow == flow && one.version == version) {
        Some(caller) => caller.steps += 1,
        None => callers.push(Caller {
            flow,
            version,
            steps: 1,
        }),
    }
}
