//! Two versions of a connector side by side: what changed for those who use it, and which
//! version that makes due (Semantic Versioning 2.0.0).

use dowel_core::JsonText;
use dowel_core::manifest::{Manifest, OperationSpec};
use dowel_flow::contract::{self, Bump, Class, Difference, Direction, Effect};
use semver::Version;
use serde::Serialize;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it makes due.
    pub class: Bump,
    /// What it is.
    pub what: String,
}

/// Every change between two versions.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// The changes, the gravest first.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// What is due for all of them together.
    pub fn due(&self) -> Bump {
        let classes = self.changes.iter().map(|change| change.class);
        classes.max().unwrap_or(Bump::None)
    }

    /// The lowest version that may follow. Before 1.0 the minor number stands for the
    /// major one.
    pub fn least_version(&self, from: &Version) -> Version {
        contract::next(from, self.due())
    }

    fn add(&mut self, class: Bump, what: impl Into<String>) {
        let what = what.into();
        self.changes.push(Change { class, what });
    }
}

/// Compares two manifests of one connector.
pub fn compare(old: &Manifest, new: &Manifest) -> Comparison {
    let mut found = Comparison::default();
    if old.name != new.name {
        let what = format!("it is called `{}` and no longer `{}`", new.name, old.name);
        found.add(Bump::Major, what);
    }
    if old.contract != new.contract {
        let what = format!(
            "it is built for contract {}, not {}",
            new.contract, old.contract
        );
        found.add(Bump::Minor, what);
    }
    schema(
        "the configuration",
        Direction::Taken,
        (&old.config_schema, &new.config_schema),
        &mut found,
    );
    for rule in new.egress.iter().filter(|rule| !old.egress.contains(rule)) {
        // Every environment has to grant it before the connector can be bound.
        found.add(
            Bump::Major,
            format!("it needs `{rule}`, which has to be granted"),
        );
    }
    for rule in old.egress.iter().filter(|rule| !new.egress.contains(rule)) {
        found.add(Bump::Patch, format!("it no longer needs `{rule}`"));
    }
    for operation in &old.operations {
        match new.operation(operation.name.as_str()) {
            Some(now) => one(operation, now, &mut found),
            None => found.add(Bump::Major, format!("`{}` is gone", operation.name)),
        }
    }
    for operation in &new.operations {
        if old.operation(operation.name.as_str()).is_none() {
            found.add(Bump::Minor, format!("`{}` is new", operation.name));
        }
    }
    if old.summary != new.summary {
        found.add(Bump::Patch, "the summary");
    }
    found
        .changes
        .sort_by_key(|change| std::cmp::Reverse(change.class));
    found
}

fn one(old: &OperationSpec, new: &OperationSpec, found: &mut Comparison) {
    let name = &old.name;
    let part = |part: &str| format!("the {part} of `{name}`");
    schema(
        &part("input"),
        Direction::Taken,
        (&old.input_schema, &new.input_schema),
        found,
    );
    schema(
        &part("output"),
        Direction::Given,
        (&old.output_schema, &new.output_schema),
        found,
    );
    // What a flow may rely on when a call has to be repeated or undone.
    if old.idempotency != new.idempotency {
        found.add(Bump::Major, part("idempotency"));
    }
    if old.effect != new.effect {
        found.add(Bump::Major, part("effect"));
    }
    match (&old.compensated_by, &new.compensated_by) {
        (before, now) if before == now => {}
        (None, Some(undo)) => found.add(Bump::Minor, format!("`{name}` is undone by `{undo}`")),
        _ => found.add(Bump::Major, part("compensation")),
    }
    let places = |operation: &OperationSpec| serde_json::to_value(&operation.pagination).ok();
    if places(old) != places(new) {
        let class = if old.pagination.is_none() {
            Bump::Minor
        } else {
            Bump::Major
        };
        found.add(class, part("pagination"));
    }
    if old.deadline_ms != new.deadline_ms || old.retry_kinds != new.retry_kinds {
        found.add(Bump::Minor, part("deadline or retries"));
    }
    if old.summary != new.summary
        || old.example_input != new.example_input
        || old.example_output != new.example_output
    {
        found.add(Bump::Patch, part("description"));
    }
}

fn schema(
    what: &str,
    direction: Direction,
    (old, new): (&JsonText, &JsonText),
    found: &mut Comparison,
) {
    let differences = contract::compare(old, new);
    if differences.is_empty() && old.to_value() != new.to_value() {
        found.add(Bump::Patch, format!("the wording of {what}"));
    }
    for difference in differences {
        let class = bump(direction, &difference);
        found.add(class, format!("{what}: {difference}"));
    }
}

/// What a difference makes due.
fn bump(direction: Direction, difference: &Difference) -> Bump {
    let effect = difference.rule.effect();
    match (direction.class(effect), effect) {
        (Class::Compatible, Effect::Same) => Bump::Patch,
        (Class::Compatible | Class::NeedsDrain, _) => Bump::Minor,
        (Class::Breaking, _) => Bump::Major,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn manifest() -> Value {
        json!({
            "contract": "0.1.0", "name": "crm", "version": "1.2.3", "summary": "It is.",
            "config_schema": { "type": "object" },
            "egress": ["GET {base_url}/*"],
            "operations": [{
                "name": "get", "summary": "Gets.", "idempotency": "natural", "effect": "read",
                "input_schema": {
                    "type": "object", "required": ["id"],
                    "properties": { "id": { "type": "string" }, "deep": { "type": "boolean" } },
                },
                "output_schema": {
                    "type": "object", "required": ["id"],
                    "properties": { "id": { "type": "string" }, "name": { "type": "string" } },
                },
            }],
        })
    }

    fn check(change: impl FnOnce(&mut Value), due: Bump, least: &str, what: &str) {
        let read = |value: &Value| Manifest::parse(value.to_string().as_bytes()).unwrap();
        let mut changed = manifest();
        change(&mut changed);
        let found = compare(&read(&manifest()), &read(&changed));
        assert_eq!(found.due(), due, "{:?}", found.changes);
        let version = Version::new(1, 2, 3);
        assert_eq!(found.least_version(&version).to_string(), least);
        let texts: Vec<&str> = found.changes.iter().map(|c| c.what.as_str()).collect();
        assert!(
            what.is_empty() || texts.iter().any(|t| t.contains(what)),
            "{texts:?}"
        );
    }

    #[test]
    fn what_is_due() {
        check(|_| {}, Bump::None, "1.2.3", "");
        check(
            |m| m["summary"] = "Other.".into(),
            Bump::Patch,
            "1.2.4",
            "the summary",
        );
        check(
            |m| {
                let mut more = m["operations"][0].clone();
                more["name"] = "list".into();
                m["operations"].as_array_mut().unwrap().push(more);
            },
            Bump::Minor,
            "1.3.0",
            "`list` is new",
        );
        check(
            |m| m["operations"] = json!([]),
            Bump::Major,
            "2.0.0",
            "`get` is gone",
        );
        check(
            |m| m["egress"] = json!(["GET {base_url}/*", "POST {base_url}/*"]),
            Bump::Major,
            "2.0.0",
            "has to be granted",
        );
        check(
            |m| m["operations"][0]["idempotency"] = "none".into(),
            Bump::Major,
            "2.0.0",
            "idempotency",
        );
    }

    #[test]
    fn schemas_are_judged_by_their_side() {
        let input = "/operations/0/input_schema";
        let output = "/operations/0/output_schema";
        for (place, required, due) in [
            (input, json!(["id", "deep"]), Bump::Major),
            (input, json!([]), Bump::Minor),
            (output, json!(["id", "name"]), Bump::Minor),
            (output, json!([]), Bump::Major),
        ] {
            let change = |m: &mut Value| m.pointer_mut(place).unwrap()["required"] = required;
            let least = if due == Bump::Major { "2.0.0" } else { "1.3.0" };
            check(change, due, least, "");
        }
        check(
            |m| m.pointer_mut(input).unwrap()["properties"]["id"]["type"] = "integer".into(),
            Bump::Major,
            "2.0.0",
            "the input of `get`: `/id`: ",
        );
        check(
            |m| m.pointer_mut(output).unwrap()["properties"]["more"] = json!({ "type": "string" }),
            Bump::Minor,
            "1.3.0",
            "the output of `get`: `/more`: ",
        );
        check(
            |m| m.pointer_mut(output).unwrap()["description"] = "words".into(),
            Bump::Patch,
            "1.2.4",
            "the wording",
        );
    }

    #[test]
    fn before_one_the_minor_number_counts() {
        let of = |class| Comparison {
            changes: vec![Change {
                class,
                what: String::new(),
            }],
        };
        let from = Version::new(0, 3, 1);
        assert_eq!(of(Bump::Major).least_version(&from).to_string(), "0.4.0");
        assert_eq!(of(Bump::Minor).least_version(&from).to_string(), "0.3.2");
    }
}
