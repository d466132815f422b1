//! What is different in a flow.

use super::facet::Facets;
use super::step;
use crate::contract::{Bump, Class, ContractChange, actual, compare_contracts, due};
use crate::picture::{schedule_text, template_text};
use crate::plan::{Plan, Respond, RetryPolicy, Trigger, TriggerKind};
use dowel_core::ConnectionName;
use dowel_core::units::format_duration;
use serde::Serialize;
use std::collections::BTreeSet;

/// How something is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It is another one.
    Changed,
    /// It stands elsewhere.
    Moved,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// Of what, such as `step customer`.
    pub subject: String,
    /// How.
    pub kind: Kind,
    /// Which part of it, such as `retry.attempts`; empty for all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A connector behind a connection that is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectorChange {
    /// The connection.
    pub connection: String,
    /// `name@version digest`, as it was.
    pub from: Option<String>,
    /// As it is.
    pub to: Option<String>,
}

/// What is different in a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowChange {
    /// The flow.
    pub flow: String,
    /// How.
    pub kind: Kind,
    /// Its version, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its version, as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What the change asks of those who make it.
    pub class: Class,
    /// Which part of the version has to be raised.
    pub due: Bump,
    /// Which part was raised; nothing if the version is an older one.
    pub raised: Option<Bump>,
    /// Changes of the contract, the gravest first.
    pub contract: Vec<ContractChange>,
    /// Triggers, among them schedules, that are different.
    pub triggers: Vec<Detail>,
    /// Steps that are different, in the order of the flow.
    pub steps: Vec<Detail>,
    /// What else is different.
    pub settings: Vec<Detail>,
    /// Connectors that are different.
    pub connectors: Vec<ConnectorChange>,
}

/// Compares two versions of a flow, either of which may not be there; nothing if they do
/// the same and say the same.
pub fn compare_flow(old: Option<&Plan>, new: Option<&Plan>) -> Option<FlowChange> {
    match (old, new) {
        (Some(old), Some(new)) => changed(old, new),
        (None, Some(new)) => Some(FlowChange {
            to: Some(new.version.to_string()),
            triggers: whole(Kind::Added, new),
            ..bare(new, Kind::Added, Class::Compatible)
        }),
        (Some(old), None) => Some(FlowChange {
            from: Some(old.version.to_string()),
            triggers: whole(Kind::Removed, old),
            ..bare(old, Kind::Removed, Class::Breaking)
        }),
        (None, None) => None,
    }
}

fn bare(plan: &Plan, kind: Kind, class: Class) -> FlowChange {
    FlowChange {
        flow: plan.flow.to_string(),
        kind,
        from: None,
        to: None,
        class,
        due: Bump::None,
        raised: None,
        contract: Vec::new(),
        triggers: Vec::new(),
        steps: Vec::new(),
        settings: Vec::new(),
        connectors: Vec::new(),
    }
}

/// The triggers of a flow that comes or goes.
fn whole(kind: Kind, plan: &Plan) -> Vec<Detail> {
    let detail = |trigger: &Trigger| {
        let text = Some(crate::picture::trigger_text(trigger));
        let (from, to) = match kind {
            Kind::Removed => (text, None),
            _ => (None, text),
        };
        Detail {
            subject: format!("trigger {}", trigger.name),
            kind,
            what: String::new(),
            from,
            to,
        }
    };
    plan.triggers.iter().map(detail).collect()
}

fn changed(old: &Plan, new: &Plan) -> Option<FlowChange> {
    let contract = compare_contracts(old, new);
    let change = FlowChange {
        from: Some(old.version.to_string()),
        to: Some(new.version.to_string()),
        due: due(old, new, &contract),
        raised: actual(&old.version, &new.version),
        triggers: triggers(old, new),
        steps: step::compare(&old.steps, &new.steps),
        settings: settings(old).compare(&settings(new), "flow"),
        connectors: connectors(old, new),
        ..bare(
            new,
            Kind::Changed,
            contract.first().map_or(Class::Compatible, |one| one.class),
        )
    };
    let change = FlowChange { contract, ..change };
    let is_same = old.version == new.version
        && change.contract.is_empty()
        && change.triggers.is_empty()
        && change.steps.is_empty()
        && change.settings.is_empty()
        && change.connectors.is_empty();
    (!is_same).then_some(change)
}

fn triggers(old: &Plan, new: &Plan) -> Vec<Detail> {
    let names = old.triggers.iter().chain(&new.triggers);
    let names: BTreeSet<&str> = names.map(|trigger| trigger.name.as_str()).collect();
    let mut details = Vec::new();
    for name in names {
        let subject = format!("trigger {name}");
        match (old.trigger(name), new.trigger(name)) {
            (Some(before), Some(after)) => {
                details.extend(trigger(before).compare(&trigger(after), &subject));
            }
            (before, after) => details.push(Detail {
                subject,
                kind: match before {
                    Some(_) => Kind::Removed,
                    None => Kind::Added,
                },
                what: String::new(),
                from: before.map(crate::picture::trigger_text),
                to: after.map(crate::picture::trigger_text),
            }),
        }
    }
    details
}

fn trigger(trigger: &Trigger) -> Facets {
    let mut facets = Facets::default();
    facets.put("kind", trigger.kind.name());
    match &trigger.kind {
        TriggerKind::Webhook {
            path,
            method,
            verify,
            headers,
            respond,
        } => {
            facets.put("path", format!("{method} /hooks{path}"));
            facets.put("verify", word(verify));
            facets.put("headers", headers.join(", "));
            if let Respond::Completed { within, program } = respond {
                facets.put("respond.within", format_duration(*within));
                let outputs = program.outputs.iter();
                for (name, output) in ["respond.status", "respond.body"].iter().zip(outputs) {
                    facets.put(*name, template_text(output));
                }
            }
        }
        TriggerKind::Receiver(receiver) => {
            facets.put("path", format!("/hooks{}", receiver.path));
            let (connection, name) = (&receiver.connection, &receiver.receiver);
            facets.put("receiver", format!("{connection}.{name}"));
            facets.put("with", receiver.params.to_string());
        }
        TriggerKind::Manual => {}
        TriggerKind::Event {
            event_type,
            source,
            filter,
        } => {
            facets.put("type", event_type);
            facets.put_some("source", source.clone());
            facets.program("filter", filter.as_deref());
        }
        TriggerKind::Schedule(schedule) => {
            facets.put("when", schedule_text(schedule));
            facets.put("misfire", word(&schedule.misfire));
            facets.put("overlap", word(&schedule.overlap));
            facets.put("jitter", format_duration(schedule.jitter));
        }
        TriggerKind::Poll(poll) => {
            facets.put("source", format!("{}.{}", poll.connection, poll.source));
            facets.put("with", poll.params.to_string());
            facets.put("every", format_duration(poll.every));
        }
    }
    facets.put("sensitive", trigger.sensitive.join(", "));
    facets
}

/// A choice by its name in the language.
pub(super) fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn settings(plan: &Plan) -> Facets {
    let mut facets = Facets::default();
    facets.put_some("owner", plan.owner.clone());
    facets.put_some("description", plan.description.clone());
    facets.put_some("runbook", plan.runbook.clone());
    facets.put_some(
        "deprecated",
        plan.deprecated.as_ref().map(ToString::to_string),
    );
    facets.put_some("synthetic", plan.synthetic.then(|| "yes".to_owned()));
    for (name, label) in &plan.labels {
        facets.put(format!("labels.{name}"), label);
    }
    if let Some(sla) = &plan.sla {
        facets.put_some("sla.within", sla.within.map(format_duration));
        facets.put_some("sla.resolve", sla.resolve.map(format_duration));
        facets.put_some("sla.success", sla.success.map(|share| share.to_string()));
    }
    facets.put_some("timeout", plan.limits.timeout.map(format_duration));
    facets.put_some("deadline", plan.limits.deadline.map(format_duration));
    if let Some(dedupe) = &plan.dedupe {
        facets.program("dedupe.key", Some(&dedupe.key));
        facets.put("dedupe.window", format_duration(dedupe.window));
    }
    if let Some(concurrency) = &plan.concurrency {
        facets.program("concurrency.key", Some(&concurrency.keys));
        facets.put("concurrency.limit", concurrency.limit.to_string());
        facets.put("concurrency.when_full", word(&concurrency.when_full));
        facets.put("concurrency.while_parked", word(&concurrency.while_parked));
    }
    let kinds: Vec<&str> = plan
        .on_failure
        .compensate
        .iter()
        .map(|kind| kind.name())
        .collect();
    facets.put("on_failure.compensate", kinds.join(", "));
    facets.put("on_failure.notify", plan.on_failure.notify.join(", "));
    if let Some(state) = &plan.state {
        for (value, next) in state.values.iter().zip(&state.next.outputs) {
            facets.put(
                format!("state.{}.initial", value.name),
                value.initial.as_str(),
            );
            facets.put(format!("state.{}.next", value.name), template_text(next));
        }
    }
    facets.program("output", plan.output.as_deref());
    for (name, calendar) in &plan.calendars {
        let digest = dowel_core::Digest::of(word(calendar));
        facets.put(format!("calendars.{name}"), short(&digest.to_string()));
    }
    facets
}

fn connectors(old: &Plan, new: &Plan) -> Vec<ConnectorChange> {
    let names = old.connectors.keys().chain(new.connectors.keys());
    let names: BTreeSet<_> = names.collect();
    let pinned = |plan: &Plan, name: &ConnectionName| {
        let connector = plan.connectors.get(name)?;
        let digest = short(&connector.digest.to_string());
        Some(format!("{}@{} {digest}", connector.name, connector.version))
    };
    let change = |name: &ConnectionName| {
        let (from, to) = (pinned(old, name), pinned(new, name));
        (from != to).then(|| ConnectorChange {
            connection: name.to_string(),
            from,
            to,
        })
    };
    names.into_iter().filter_map(change).collect()
}

/// As much of a digest as people compare.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}

/// When and how something is tried again.
pub(super) fn retry(retry: &RetryPolicy) -> Facets {
    let mut facets = Facets::default();
    let kinds: Vec<&str> = retry.kinds.iter().map(|kind| kind.name()).collect();
    facets.put("kinds", kinds.join(", "));
    facets.put("attempts", retry.attempts.to_string());
    facets.put("delay", format_duration(retry.delay));
    facets.put("factor", retry.factor.to_string());
    facets.put("max_delay", format_duration(retry.max_delay));
    facets.put("jitter", word(&retry.jitter));
    facets.put_some("max_elapsed", retry.max_elapsed.map(format_duration));
    if let Some(calendar) = &retry.calendar {
        let digest = dowel_core::Digest::of(word(calendar));
        facets.put("calendar", short(&digest.to_string()));
    }
    facets
}
