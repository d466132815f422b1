//! Types, lists of values, patterns and formats.

use super::{Comparison, Object};
use crate::contract::rule::Rule;
use serde_json::Value;
use std::collections::BTreeSet;

/// Types, of which `number` is two: numbers that are whole, and those that are not.
const TYPES: [&str; 7] = [
    "array", "boolean", FRACTION, "integer", "null", "object", "string",
];

const FRACTION: &str = "number with a fraction";

impl<'v> Comparison<'v> {
    /// What values there may be at all.
    pub(super) fn values(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let (before, after) = (options(old), options(new));
        match (&before, &after) {
            (Some(before), Some(after)) => {
                let added = names(after.iter().filter(|one| !before.contains(one)));
                let removed = names(before.iter().filter(|one| !after.contains(one)));
                self.add_named(at, Rule::EnumValueAdded, &added);
                self.add_named(at, Rule::EnumValueRemoved, &removed);
            }
            (None, Some(after)) => {
                self.types(at, &types(old), &types_of(after));
                self.add(at, Rule::EnumIntroduced, names(after.iter()).join(", "));
            }
            (Some(before), None) => {
                self.types(at, &types_of(before), &types(new));
                self.add(at, Rule::EnumLifted, names(before.iter()).join(", "));
            }
            (None, None) => self.types(at, &types(old), &types(new)),
        }
        self.text(
            at,
            "pattern",
            old,
            new,
            [
                Rule::PatternAdded,
                Rule::PatternRemoved,
                Rule::PatternChanged,
            ],
        );
        self.text(
            at,
            "format",
            old,
            new,
            [Rule::FormatAdded, Rule::FormatRemoved, Rule::FormatChanged],
        );
    }

    fn types(&mut self, at: &str, old: &BTreeSet<&str>, new: &BTreeSet<&str>) {
        let named = |names: Vec<&&str>| -> Vec<String> {
            names.into_iter().map(|name| (*name).to_owned()).collect()
        };
        let (added, removed) = (new.difference(old), old.difference(new));
        self.add_named(at, Rule::TypeAdded, &named(added.collect()));
        self.add_named(at, Rule::TypeRemoved, &named(removed.collect()));
    }

    fn add_named(&mut self, at: &str, rule: Rule, names: &[String]) {
        if !names.is_empty() {
            self.add(at, rule, names.join(", "));
        }
    }

    /// A keyword whose value is a text that is the same or not.
    fn text(
        &mut self,
        at: &str,
        key: &str,
        old: &'v Object,
        new: &'v Object,
        [added, removed, changed]: [Rule; 3],
    ) {
        let name = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        match (old.get(key), new.get(key)) {
            (None, Some(after)) => self.add(at, added, name(after)),
            (Some(before), None) => self.add(at, removed, name(before)),
            (Some(before), Some(after)) if before != after => {
                self.add(at, changed, format!("{} -> {}", name(before), name(after)));
            }
            _ => {}
        }
    }
}

fn names<'v>(values: impl Iterator<Item = &'v &'v Value>) -> Vec<String> {
    values.map(|value| value.to_string()).collect()
}

/// The values of `enum` and `const` that the types let through; `None` without a list.
fn options(schema: &Object) -> Option<Vec<&Value>> {
    let listed = schema.get("enum").and_then(Value::as_array);
    let only = schema.get("const");
    let mut options: Vec<&Value> = match (listed, only) {
        (None, None) => return None,
        (Some(listed), None) => listed.iter().collect(),
        (None, Some(only)) => vec![only],
        (Some(listed), Some(only)) => listed.iter().filter(|one| *one == only).collect(),
    };
    let allowed = types(schema);
    options.retain(|value| allowed.contains(type_of(value)));
    Some(options)
}

fn types(schema: &Object) -> BTreeSet<&'static str> {
    let named = |name: &str| -> Vec<&'static str> {
        match name {
            "number" => vec!["integer", FRACTION],
            name => TYPES.into_iter().filter(|one| *one == name).collect(),
        }
    };
    match schema.get("type") {
        Some(Value::String(name)) => named(name).into_iter().collect(),
        Some(Value::Array(all)) => {
            let names = all.iter().filter_map(Value::as_str);
            names.flat_map(named).collect()
        }
        _ => TYPES.into_iter().collect(),
    }
}

fn types_of(values: &[&Value]) -> BTreeSet<&'static str> {
    values.iter().map(|value| type_of(value)).collect()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        // `1.0` is an integer (JSON Schema core, section 4.2.3).
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() != 0.0 => FRACTION,
            _ => "integer",
        },
    }
}
