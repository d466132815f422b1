//! What the catalogue says of a flow.

use super::usage::Caller;
use crate::contract::emitted;
use crate::picture::trigger_text;
use crate::plan::{Plan, StepKind, Trigger};
use dowel_core::JsonText;
use dowel_core::deprecation::Deprecation;
use dowel_core::manifest::Effect;
use dowel_core::units::format_duration;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What the catalogue says of a flow.
#[derive(Clone, Debug, Serialize)]
pub struct CatalogueEntry {
    /// The flow.
    pub flow: String,
    /// Its version.
    pub version: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The runbook, relative to the repository.
    pub runbook: Option<String>,
    /// What it promises, by name: `within`, `resolve`, `success`.
    pub sla: BTreeMap<&'static str, String>,
    /// That it will go, if it will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// The flows that run it, in the state that the catalogue is of.
    pub callers: Vec<Caller>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// What begins a run.
    pub triggers: Vec<Way>,
    /// JSON Schema of what a run yields.
    pub output_schema: Option<JsonText>,
    /// The events that it emits.
    pub emits: Vec<Emits>,
    /// The connections that it uses.
    pub uses: Vec<Uses>,
    /// The flows that it runs, as `flow@range`.
    pub runs: BTreeSet<String>,
    /// The groups that it asks.
    pub asks: BTreeSet<String>,
    /// The types of the events that its steps wait for.
    pub waits_for: BTreeSet<String>,
    /// Digest of the flow's files.
    pub digest: String,
}

/// A way in which a run begins.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    /// The trigger's name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// What is said about it, such as `webhook POST /hooks/orders`.
    pub detail: String,
    /// JSON Schema of the payload.
    pub schema: Option<JsonText>,
}

/// Events that a flow emits.
#[derive(Clone, Debug, Serialize)]
pub struct Emits {
    /// CloudEvents `type`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The keys that their data always has, where the flow writes them as a map.
    pub keys: Option<BTreeSet<String>>,
}

/// A connection that a flow uses.
#[derive(Clone, Debug, Serialize)]
pub struct Uses {
    /// The connection.
    pub connection: String,
    /// The connector behind it.
    pub connector: String,
    /// The connector's version.
    pub version: String,
    /// The connector's digest.
    pub digest: String,
    /// The operations that are called.
    pub operations: Vec<UsesOperation>,
}

/// An operation that a flow calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UsesOperation {
    /// The operation.
    pub operation: String,
    /// Whether it changes anything upstream.
    pub writes: bool,
}

impl CatalogueEntry {
    /// What the catalogue says of a plan.
    pub fn of(plan: &Plan) -> Self {
        let sla = plan.sla.unwrap_or_default();
        let promises = [
            ("within", sla.within.map(format_duration)),
            ("resolve", sla.resolve.map(format_duration)),
            ("success", sla.success.map(|share| share.to_string())),
        ];
        let promises = promises.into_iter();
        let mut entry = Self {
            flow: plan.flow.to_string(),
            version: plan.version.to_string(),
            owner: plan.owner.clone(),
            description: plan.description.clone(),
            runbook: plan.runbook.clone(),
            sla: promises
                .filter_map(|(name, text)| Some((name, text?)))
                .collect(),
            deprecated: plan.deprecated.clone(),
            callers: Vec::new(),
            labels: plan.labels.clone(),
            triggers: plan.triggers.iter().map(way).collect(),
            output_schema: plan.output_schema.clone(),
            emits: emitted(plan)
                .into_iter()
                .map(|(event_type, keys)| Emits { event_type, keys })
                .collect(),
            uses: uses(plan),
            runs: BTreeSet::new(),
            asks: BTreeSet::new(),
            waits_for: BTreeSet::new(),
            digest: plan.source.to_string(),
        };
        for step in plan.all_steps() {
            match &step.kind {
                StepKind::Run(run) => {
                    entry.runs.insert(format!("{}@{}", run.flow, run.range));
                }
                StepKind::Approve(ask) => {
                    let further = ask.escalate.iter().flat_map(|one| &one.groups);
                    let groups = ask.groups.iter().chain(further);
                    entry.asks.extend(groups.map(|group| group.to_string()));
                }
                StepKind::Receive(wait) => {
                    entry.waits_for.insert(wait.event_type.clone());
                }
                _ => {}
            }
        }
        entry
    }
}

fn way(trigger: &Trigger) -> Way {
    Way {
        name: trigger.name.clone(),
        kind: trigger.kind.name(),
        detail: trigger_text(trigger),
        schema: trigger.schema.clone(),
    }
}

fn uses(plan: &Plan) -> Vec<Uses> {
    let mut called: BTreeMap<&str, BTreeSet<UsesOperation>> = BTreeMap::new();
    for step in plan.all_steps() {
        if let StepKind::Call(call) = &step.kind {
            let operation = UsesOperation {
                operation: call.operation.to_string(),
                writes: call.effect == Effect::Write,
            };
            let connection = called.entry(call.connection.as_str()).or_default();
            connection.insert(operation);
        }
    }
    let uses = |(name, connector): (
        &dowel_core::ConnectionName,
        &dowel_core::journal::PinnedConnector,
    )| Uses {
        connection: name.to_string(),
        connector: connector.name.to_string(),
        version: connector.version.to_string(),
        digest: connector.digest.to_string(),
        operations: called
            .remove(name.as_str())
            .unwrap_or_default()
            .into_iter()
            .collect(),
    };
    plan.connectors.iter().map(uses).collect()
}
