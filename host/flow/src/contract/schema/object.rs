//! Keys of objects and items of arrays.

use super::{Comparison, Object, below, is_trivial, list};
use crate::contract::rule::Rule;
use serde_json::Value;
use std::collections::BTreeSet;

/// What an absent `additionalProperties` or `items` means.
static ANYTHING: Value = Value::Bool(true);

impl<'v> Comparison<'v> {
    /// Compares which keys have to be there.
    pub(super) fn required(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let names = |schema: &'v Object| -> BTreeSet<&'v str> {
            let all = list(schema, "required").iter();
            all.filter_map(Value::as_str).collect()
        };
        let (before, after) = (names(old), names(new));
        for added in after.difference(&before) {
            self.add(at, Rule::RequiredAdded, *added);
        }
        for removed in before.difference(&after) {
            self.add(at, Rule::RequiredRemoved, *removed);
        }
    }

    /// Compares what keys look like.
    pub(super) fn properties(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let patterns = |schema: &'v Object| {
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            patterns.filter(|patterns| !patterns.is_empty())
        };
        let (before, after) = (patterns(old), patterns(new));
        let refers = before.is_some_and(|all| all.values().any(super::has_reference));
        if before != after || refers {
            self.add(at, Rule::RuleChanged, "`patternProperties`");
        }
        let others = (
            old.get("additionalProperties").unwrap_or(&ANYTHING),
            new.get("additionalProperties").unwrap_or(&ANYTHING),
        );
        let (before, after) = (properties(old), properties(new));
        let empty = Object::new();
        let keys = before.unwrap_or(&empty).keys();
        let keys: BTreeSet<&String> = keys.chain(after.unwrap_or(&empty).keys()).collect();
        let has_patterns = patterns(new).is_some();
        for key in keys {
            let place = below(at, key);
            let one = |all: Option<&'v Object>| all.and_then(|all| all.get(key));
            match (one(before), one(after)) {
                (Some(old), Some(new)) => self.schemas(&place, old, new),
                (None, Some(new)) => self.key_added(&place, others.0, new, has_patterns),
                (Some(old), None) => self.key_removed(&place, old, others.1, has_patterns),
                (None, None) => {}
            }
        }
        self.schemas(&below(at, "*"), others.0, others.1);
    }

    /// The older schema treated the key like any other that it does not name.
    fn key_added(&mut self, at: &str, old_others: &'v Value, new: &'v Value, has_patterns: bool) {
        if is_trivial(old_others) || has_patterns {
            // A pattern that also takes the key lets it through as it did before.
            if !is_trivial(new) {
                self.add(at, Rule::PropertyConstrained, "");
            }
        }
        match old_others {
            Value::Bool(false) if *new != Value::Bool(false) => {
                self.add(at, Rule::PropertyAdded, "");
            }
            others if !is_trivial(others) => self.schemas(at, others, new),
            _ => {}
        }
    }

    /// The newer schema treats the key like any other that it does not name.
    fn key_removed(&mut self, at: &str, old: &'v Value, new_others: &'v Value, has_patterns: bool) {
        if (is_trivial(new_others) || has_patterns) && !is_trivial(old) {
            self.add(at, Rule::PropertyReleased, "");
        }
        match new_others {
            Value::Bool(false) if *old != Value::Bool(false) => {
                self.add(at, Rule::PropertyRemoved, "");
            }
            others if !is_trivial(others) => self.schemas(at, old, others),
            _ => {}
        }
    }

    /// Compares the items of arrays.
    pub(super) fn items(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let (before, after) = (list(old, "prefixItems"), list(new, "prefixItems"));
        let others = (
            old.get("items").unwrap_or(&ANYTHING),
            new.get("items").unwrap_or(&ANYTHING),
        );
        for index in 0..before.len().max(after.len()) {
            let place = below(at, &index.to_string());
            let old = before.get(index).unwrap_or(others.0);
            let new = after.get(index).unwrap_or(others.1);
            self.schemas(&place, old, new);
        }
        self.schemas(&below(at, "*"), others.0, others.1);
    }
}

fn properties(schema: &Object) -> Option<&Object> {
    schema.get("properties").and_then(Value::as_object)
}
