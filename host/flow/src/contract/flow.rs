//! Compares the contracts of two versions of a flow.

use super::promise::Promise;
use super::schema::{Difference, compare, lower};
use super::{Class, Direction};
use crate::picture::fields;
use crate::plan::{Plan, Receiver, StepKind, Trigger, TriggerKind};
use dowel_core::JsonText;
use dowel_core::expression::Program;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One way in which a newer version of a flow keeps or breaks the contract of the older.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ContractChange {
    /// What it asks of those who make it.
    pub class: Class,
    /// Which part of the contract, such as `trigger shop` or `output`.
    pub part: String,
    /// Where in the value, as a JSON Pointer with `*` for every item or other key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// The rule or promise by name, as in the documentation.
    pub rule: &'static str,
    /// One sentence.
    pub message: String,
}

/// Compares the contracts of two versions, the gravest changes first.
pub fn compare_contracts(old: &Plan, new: &Plan) -> Vec<ContractChange> {
    let mut changes = Vec::new();
    triggers(&mut changes, old, new);
    shared(&mut changes, old, new);
    output(&mut changes, old, new);
    events(&mut changes, old, new);
    changes.sort_by(|a, b| b.class.cmp(&a.class).then_with(|| a.cmp(b)));
    changes
}

fn promise(part: &str, promise: Promise, detail: &str) -> ContractChange {
    let meaning = promise.meaning().trim();
    let message = match detail {
        "" => meaning.to_owned(),
        detail => format!("{detail}: {}", lower(meaning)),
    };
    ContractChange {
        class: promise.class(),
        part: part.to_owned(),
        pointer: String::new(),
        rule: promise.name(),
        message,
    }
}

/// Differences of schemas as changes of the contract.
pub(crate) fn schemas(
    part: &str,
    direction: Direction,
    old: Option<&JsonText>,
    new: Option<&JsonText>,
) -> Vec<ContractChange> {
    let anything = JsonText::object([]);
    let found = compare(old.unwrap_or(&anything), new.unwrap_or(&anything));
    let change = |difference: Difference| ContractChange {
        class: direction.class(difference.rule.effect()),
        part: part.to_owned(),
        message: difference.to_string(),
        pointer: difference.pointer,
        rule: difference.rule.name(),
    };
    found.into_iter().map(change).collect()
}

fn triggers(changes: &mut Vec<ContractChange>, old: &Plan, new: &Plan) {
    for before in &old.triggers {
        let part = format!("trigger {}", before.name);
        match new.trigger(&before.name) {
            None => changes.push(promise(&part, Promise::TriggerRemoved, "")),
            Some(after) => {
                trigger(changes, &part, before, after);
                changes.extend(schemas(
                    &part,
                    Direction::Taken,
                    before.schema.as_ref(),
                    after.schema.as_ref(),
                ));
            }
        }
    }
    for after in &new.triggers {
        if old.trigger(&after.name).is_none() {
            let part = format!("trigger {}", after.name);
            changes.push(promise(&part, Promise::TriggerAdded, ""));
        }
    }
}

fn trigger(changes: &mut Vec<ContractChange>, part: &str, old: &Trigger, new: &Trigger) {
    match (&old.kind, &new.kind) {
        (
            TriggerKind::Webhook {
                path,
                method,
                verify,
                respond,
                ..
            },
            TriggerKind::Webhook {
                path: new_path,
                method: new_method,
                verify: new_verify,
                respond: new_respond,
                ..
            },
        ) => {
            if (path, method) != (new_path, new_method) {
                let detail = format!("{method} {path} -> {new_method} {new_path}");
                changes.push(promise(part, Promise::WebhookMoved, &detail));
            }
            if verify != new_verify {
                changes.push(promise(part, Promise::VerifyChanged, ""));
            }
            if !same_answer(respond, new_respond) {
                changes.push(promise(part, Promise::RespondChanged, ""));
            }
        }
        (TriggerKind::Receiver(receiver), TriggerKind::Receiver(other)) => {
            if receiver.path != other.path {
                let detail = format!("{} -> {}", receiver.path, other.path);
                changes.push(promise(part, Promise::WebhookMoved, &detail));
            }
            let believes = |one: &Receiver| (one.connection.clone(), one.receiver.clone());
            if believes(receiver) != believes(other) {
                changes.push(promise(part, Promise::VerifyChanged, ""));
            }
        }
        // Who sends has to prove it in another way.
        (TriggerKind::Receiver(_), TriggerKind::Webhook { .. })
        | (TriggerKind::Webhook { .. }, TriggerKind::Receiver(_)) => {
            changes.push(promise(part, Promise::VerifyChanged, ""));
        }
        (
            TriggerKind::Event {
                event_type,
                source,
                filter,
            },
            TriggerKind::Event {
                event_type: new_type,
                source: new_source,
                filter: new_filter,
            },
        ) => {
            if (event_type, source) != (new_type, new_source) {
                let detail = format!("{event_type} -> {new_type}");
                changes.push(promise(part, Promise::EventSourceChanged, &detail));
            }
            if !same_option(filter.as_deref(), new_filter.as_deref()) {
                changes.push(promise(part, Promise::EventFilterChanged, ""));
            }
        }
        (old, new) if old.name() != new.name() => {
            let detail = format!("{} -> {}", old.name(), new.name());
            changes.push(promise(part, Promise::TriggerKind, &detail));
        }
        _ => {}
    }
}

fn same_answer(old: &crate::plan::Respond, new: &crate::plan::Respond) -> bool {
    use crate::plan::Respond;
    match (old, new) {
        (Respond::Accepted, Respond::Accepted) => true,
        (Respond::Completed { program: a, .. }, Respond::Completed { program: b, .. }) => {
            same(a, b)
        }
        _ => false,
    }
}

/// Whether two programs say the same, wherever they stand.
pub(crate) fn same(a: &Program, b: &Program) -> bool {
    text(a) == text(b)
}

pub(crate) fn same_option(a: Option<&Program>, b: Option<&Program>) -> bool {
    a.map(text) == b.map(text)
}

fn text(program: &Program) -> (Option<String>, Vec<String>) {
    let condition = program.condition.as_ref();
    let outputs = program.outputs.iter().map(crate::picture::template_text);
    (
        condition.map(|one| one.source.trim().to_owned()),
        outputs.collect(),
    )
}

/// What all versions of a flow share.
fn shared(changes: &mut Vec<ContractChange>, old: &Plan, new: &Plan) {
    match (&old.dedupe, &new.dedupe) {
        (Some(_), None) => changes.push(promise("dedupe", Promise::DedupeRemoved, "")),
        (None, Some(_)) => changes.push(promise("dedupe", Promise::DedupeChanged, "")),
        (Some(a), Some(b)) if !same(&a.key, &b.key) => {
            changes.push(promise("dedupe", Promise::DedupeChanged, ""));
        }
        _ => {}
    }
    let key = |plan: &Plan| {
        let keys = plan.concurrency.as_ref().map(|one| &one.keys);
        // After the key of the queue stands that of `dedupe`, which is judged above.
        keys.and_then(|keys| Some(crate::picture::template_text(keys.outputs.first()?)))
    };
    if key(old) != key(new) {
        changes.push(promise("concurrency", Promise::ConcurrencyChanged, ""));
    }
    let kept = |plan: &Plan| -> BTreeSet<String> {
        let values = plan.state.iter().flat_map(|state| &state.values);
        values.map(|value| value.name.to_string()).collect()
    };
    let (before, after) = (kept(old), kept(new));
    for name in before.difference(&after) {
        let detail = format!("`{name}`");
        changes.push(promise("state", Promise::StateRemoved, &detail));
    }
    for name in after.difference(&before) {
        let detail = format!("`{name}`");
        changes.push(promise("state", Promise::StateAdded, &detail));
    }
}

fn output(changes: &mut Vec<ContractChange>, old: &Plan, new: &Plan) {
    let part = "output";
    if old.output_schema.is_some() || new.output_schema.is_some() {
        changes.extend(schemas(
            part,
            Direction::Given,
            old.output_schema.as_ref(),
            new.output_schema.as_ref(),
        ));
        return;
    }
    let known = |plan: &Plan| {
        let returns = |step: &&crate::plan::Step| matches!(step.kind, StepKind::Return { .. });
        if plan.all_steps().iter().any(returns) {
            return None;
        }
        plan.output.as_deref().and_then(fields)
    };
    match (known(old), known(new)) {
        (Some(before), Some(after)) => {
            for key in before.difference(&after) {
                changes.push(promise(
                    part,
                    Promise::OutputKeyRemoved,
                    &format!("`{key}`"),
                ));
            }
            for key in after.difference(&before) {
                changes.push(promise(part, Promise::OutputKeyAdded, &format!("`{key}`")));
            }
        }
        _ if same_option(old.output.as_deref(), new.output.as_deref()) => {}
        _ => changes.push(promise(part, Promise::OutputUnknown, "")),
    }
}

/// The types of the events that a flow emits, each with the keys that its events always
/// have, where they are plain.
pub(crate) fn emitted(plan: &Plan) -> BTreeMap<String, Option<BTreeSet<String>>> {
    let mut types: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    for step in plan.all_steps() {
        let StepKind::Emit {
            event_type,
            program,
        } = &step.kind
        else {
            continue;
        };
        let keys = fields(program);
        types
            .entry(event_type.clone())
            .and_modify(|known| {
                *known = match (known.take(), &keys) {
                    (Some(a), Some(b)) => Some(a.intersection(b).cloned().collect()),
                    _ => None,
                };
            })
            .or_insert(keys);
    }
    types
}

fn events(changes: &mut Vec<ContractChange>, old: &Plan, new: &Plan) {
    let (before, after) = (emitted(old), emitted(new));
    for (event_type, keys) in &before {
        let part = format!("event {event_type}");
        match after.get(event_type) {
            None => changes.push(promise(&part, Promise::EventRemoved, "")),
            Some(now) => {
                let (Some(keys), Some(now)) = (keys, now) else {
                    continue;
                };
                for key in keys.difference(now) {
                    let detail = format!("`{key}`");
                    changes.push(promise(&part, Promise::EventKeyRemoved, &detail));
                }
            }
        }
    }
    for event_type in after.keys().filter(|one| !before.contains_key(*one)) {
        let part = format!("event {event_type}");
        changes.push(promise(&part, Promise::EventAdded, ""));
    }
}
