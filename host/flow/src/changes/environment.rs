//! What is different in an environment besides what it grants.

use super::facet::Facets;
use super::flow::{Detail, word};
use crate::environment::{Environment, EventAccess};
use dowel_core::connection::Connection;
use dowel_core::retention::{Keep, Retention};
use dowel_core::units::format_duration;
use std::collections::BTreeSet;

/// Compares two environments; an absent one is empty.
pub(super) fn compare(old: Option<&Environment>, new: Option<&Environment>) -> Vec<Detail> {
    let mut details = Vec::new();
    let connections = |one: Option<&'_ Environment>| -> BTreeSet<String> {
        let all = one.into_iter().flat_map(|one| &one.connections);
        all.map(|connection| connection.name.to_string()).collect()
    };
    for name in connections(old).union(&connections(new)) {
        let facets = |one: Option<&Environment>| {
            let mut all = one.into_iter().flat_map(|one| &one.connections);
            let found = all.find(|connection| connection.name.as_str() == name);
            found.map(connection).unwrap_or_default()
        };
        let subject = format!("connection {name}");
        details.extend(facets(old).compare(&facets(new), &subject));
    }
    let facets = |one: Option<&Environment>| one.map(settings).unwrap_or_default();
    details.extend(facets(old).compare(&facets(new), "environment"));
    details
}

fn connection(connection: &Connection) -> Facets {
    let mut facets = Facets::default();
    facets.put("connector", connection.connector.as_str());
    for (name, value) in connection.config.fields().unwrap_or_default() {
        facets.put(format!("config.{name}"), value.as_str());
    }
    if let Some(auth) = &connection.auth {
        // Names of secrets alone: an environment holds no values of them.
        facets.put("auth", word(&auth.method));
    }
    let limits = &connection.limits;
    facets.put("limits.concurrency", limits.concurrency.to_string());
    facets.put("limits.memory", limits.memory_bytes.to_string());
    facets.put("limits.output", limits.output_bytes.to_string());
    facets.put("limits.response", limits.response_bytes.to_string());
    facets.put("limits.blobs", limits.blob_bytes.to_string());
    facets.put(
        "limits.connect_timeout",
        format_duration(limits.connect_timeout),
    );
    facets.put_some("limits.rate", limits.rate.map(|rate| rate.to_string()));
    facets.put_some(
        "limits.breaker",
        limits.breaker.map(|breaker| word(&breaker)),
    );
    facets.put("idempotency_header", &connection.idempotency_header);
    facets.put("isolation", word(&connection.isolation));
    facets
}

fn settings(environment: &Environment) -> Facets {
    let mut facets = Facets::default();
    for (name, value) in environment.values.fields().unwrap_or_default() {
        facets.put(format!("values.{name}"), value.as_str());
    }
    for (flow, settings) in &environment.flows {
        if !settings.enabled {
            facets.put(format!("flows.{flow}.enabled"), "false");
        }
    }
    if let Some(promotion) = &environment.promotion {
        facets.put("promotion.approvals", promotion.approvals.to_string());
        facets.put(
            "promotion.forbid_author",
            promotion.forbid_author.to_string(),
        );
        let name = |name: &dyn ToString| name.to_string();
        facets.put_some(
            "promotion.from",
            promotion.from.as_ref().map(|from| name(from)),
        );
        let group = promotion.approvers.as_ref();
        facets.put_some("promotion.approvers", group.map(|group| name(group)));
        facets.put_some("promotion.soak", promotion.soak.map(format_duration));
    }
    let four_eyes: Vec<&str> = environment.four_eyes.iter().map(String::as_str).collect();
    facets.put("exceptions.four_eyes", four_eyes.join(", "));
    retention(&mut facets, "retention", &environment.retention.default);
    for (flow, rules) in &environment.retention.flows {
        retention(&mut facets, &format!("retention.{flow}"), rules);
    }
    let events = match &environment.events {
        EventAccess::Nobody => "nobody".to_owned(),
        EventAccess::Anybody => "anybody".to_owned(),
        EventAccess::Senders(senders) => format!("{} sender(s)", senders.len()),
    };
    facets.put("events", events);
    facets
}

fn retention(facets: &mut Facets, name: &str, rules: &Retention) {
    let text = |keep: Keep| match keep {
        Keep::For(time) => format_duration(time),
        Keep::Forever => "forever".to_owned(),
    };
    facets.put(format!("{name}.succeeded"), text(rules.succeeded));
    facets.put(format!("{name}.failed"), text(rules.failed));
    facets.put_some(
        &format!("{name}.max_runs"),
        rules.max_runs.map(|count| count.to_string()),
    );
}
