//! Limits of numbers, lengths and counts.

use super::{Comparison, Object};
use crate::contract::rule::Rule;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// Limits from below; no limit is the same as 0.
const AT_LEAST: [&str; 3] = ["minLength", "minItems", "minProperties"];
/// Limits from above.
const AT_MOST: [&str; 3] = ["maxLength", "maxItems", "maxProperties"];

/// A limit of a number.
#[derive(Clone, Copy)]
struct Limit<'v> {
    number: &'v Number,
    /// Whether the limit itself is refused.
    is_exclusive: bool,
}

/// From which side a limit limits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Below,
    Above,
}

impl<'v> Comparison<'v> {
    /// Compares all limits.
    pub(super) fn limits(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        for (keys, from) in [
            (["minimum", "exclusiveMinimum"], From::Below),
            (["maximum", "exclusiveMaximum"], From::Above),
        ] {
            let (before, after) = (strictest(old, keys, from), strictest(new, keys, from));
            self.limit(at, keys[0], before, after, from);
        }
        for (keys, from) in [(AT_LEAST, From::Below), (AT_MOST, From::Above)] {
            for key in keys {
                let (before, after) = (count(old, key, from), count(new, key, from));
                self.limit(at, key, before, after, from);
            }
        }
        self.multiples(at, old, new);
        let unique = |schema: &Object| schema.get("uniqueItems") == Some(&Value::Bool(true));
        match (unique(old), unique(new)) {
            (false, true) => self.add(at, Rule::RuleAdded, "`uniqueItems`"),
            (true, false) => self.add(at, Rule::RuleRemoved, "`uniqueItems`"),
            _ => {}
        }
    }

    fn limit(
        &mut self,
        at: &str,
        key: &str,
        old: Option<Limit<'_>>,
        new: Option<Limit<'_>>,
        from: From,
    ) {
        let show = |limit: Option<Limit<'_>>| match limit {
            None => "none".to_owned(),
            Some(limit) if limit.is_exclusive => format!("{} exclusive", limit.number),
            Some(limit) => limit.number.to_string(),
        };
        let detail = format!("`{key}` {} -> {}", show(old), show(new));
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => self.add(at, Rule::LimitTightened, detail),
            (Some(_), None) => self.add(at, Rule::LimitWidened, detail),
            (Some(old), Some(new)) => match stricter(new, old, from) {
                Some(Ordering::Greater) => self.add(at, Rule::LimitTightened, detail),
                Some(Ordering::Less) => self.add(at, Rule::LimitWidened, detail),
                Some(Ordering::Equal) => {}
                None => self.add(at, Rule::RuleChanged, detail),
            },
        }
    }

    fn multiples(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let key = "multipleOf";
        let detail = |a: &str, b: &str| format!("`{key}` {a} -> {b}");
        match (old.get(key), new.get(key)) {
            (None, Some(new)) => {
                self.add(at, Rule::LimitTightened, detail("none", &new.to_string()));
            }
            (Some(old), None) => {
                self.add(at, Rule::LimitWidened, detail(&old.to_string(), "none"));
            }
            (Some(old), Some(new)) if old != new => {
                let detail = detail(&old.to_string(), &new.to_string());
                let rule = match (old.as_u64(), new.as_u64()) {
                    (Some(old), Some(new)) if new > 0 && old.is_multiple_of(new) => {
                        Rule::LimitWidened
                    }
                    (Some(old), Some(new)) if old > 0 && new.is_multiple_of(old) => {
                        Rule::LimitTightened
                    }
                    _ => Rule::RuleChanged,
                };
                self.add(at, rule, detail);
            }
            _ => {}
        }
    }
}

/// The stricter of an inclusive and an exclusive limit.
fn strictest<'v>(schema: &'v Object, keys: [&str; 2], from: From) -> Option<Limit<'v>> {
    let limit = |key: &str, is_exclusive| {
        let number = schema.get(key)?.as_number()?;
        Some(Limit {
            number,
            is_exclusive,
        })
    };
    match (limit(keys[0], false), limit(keys[1], true)) {
        (Some(inclusive), Some(exclusive)) => match stricter(inclusive, exclusive, from) {
            Some(Ordering::Greater) => Some(inclusive),
            _ => Some(exclusive),
        },
        (one, other) => one.or(other),
    }
}

/// A count; a lower limit of 0 is none.
fn count<'v>(schema: &'v Object, key: &str, from: From) -> Option<Limit<'v>> {
    let number = schema.get(key)?.as_number()?;
    if from == From::Below && number.as_f64() == Some(0.0) {
        return None;
    }
    Some(Limit {
        number,
        is_exclusive: false,
    })
}

/// Whether `a` is stricter than `b` (`Greater`), or `None` if nobody can say: machine
/// numbers that look equal may be written with more digits than a machine number holds.
fn stricter(a: Limit<'_>, b: Limit<'_>, from: From) -> Option<Ordering> {
    let order = a.number.as_f64()?.partial_cmp(&b.number.as_f64()?)?;
    match (order, from) {
        (Ordering::Equal, _) if a.number != b.number => None,
        (Ordering::Equal, _) => Some(a.is_exclusive.cmp(&b.is_exclusive)),
        (order, From::Below) => Some(order),
        (order, From::Above) => Some(order.reverse()),
    }
}
