//! Compares two JSON Schemas (2020-12): which values does the newer one take that the
//! older one refused, and the other way round.
//!
//! Everything that cannot be compared counts as both, so that *nothing narrower* is a
//! proof: each value that was good before is good now.

mod limits;
mod object;
mod values;

use super::rule::Rule;
use dowel_core::JsonText;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// One way in which two schemas differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// Where in the value: a JSON Pointer in which `*` stands for every item or every key
    /// that is not named. Empty for the value itself.
    pub pointer: String,
    /// By which rule.
    pub rule: Rule,
    /// What exactly, such as the name of a key.
    pub detail: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detail = self.detail.as_str();
        match self.pointer.as_str() {
            "" => f.write_str("the value: ")?,
            pointer => write!(f, "`{pointer}`: ")?,
        }
        match self.rule {
            Rule::RequiredAdded => write!(f, "the key `{detail}` is required now"),
            Rule::RequiredRemoved => write!(f, "the key `{detail}` is no longer required"),
            rule => {
                let meaning = lower(rule.meaning().trim().trim_end_matches('.'));
                match detail {
                    "" => f.write_str(&meaning),
                    detail => write!(f, "{meaning} ({detail})"),
                }
            }
        }
    }
}

/// A sentence as the rest of another one.
pub(super) fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// Compares two schemas; nothing if every value that is good for one is good for the other.
pub fn compare(old: &JsonText, new: &JsonText) -> Vec<Difference> {
    compare_values(&old.to_value(), &new.to_value())
}

/// Compares two parsed schemas.
pub(crate) fn compare_values(old: &Value, new: &Value) -> Vec<Difference> {
    if old == new {
        return Vec::new();
    }
    let mut comparison = Comparison {
        roots: (old, new),
        seen: BTreeSet::new(),
        found: BTreeSet::new(),
    };
    if is_entangled(old) || is_entangled(new) {
        comparison.add("", Rule::RuleChanged, ENTANGLED);
    }
    comparison.schemas("", old, new);
    comparison.found.into_iter().collect()
}

const ENTANGLED: &str =
    "the schemas use `unevaluated…`, `$id`, `$anchor` or `$dynamicRef` and are not the same";

/// Keywords by which a part of a schema depends on others far from it.
const ENTANGLING: [&str; 6] = [
    "unevaluatedProperties",
    "unevaluatedItems",
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
];

/// Whether keywords are there by which parts depend on others. The `$id` of the whole
/// document changes nothing by itself.
fn is_entangled(schema: &Value) -> bool {
    fn any(value: &Value, is_root: bool) -> bool {
        match value {
            Value::Object(map) => map.iter().any(|(key, value)| {
                let is_entangling =
                    ENTANGLING.contains(&key.as_str()) && !(is_root && key == "$id");
                is_entangling || any(value, false)
            }),
            Value::Array(items) => items.iter().any(|item| any(item, false)),
            _ => false,
        }
    }
    any(schema, true)
}

/// A comparison at work.
struct Comparison<'v> {
    roots: (&'v Value, &'v Value),
    /// Pairs that are or were compared, by where they lie: a schema that names itself ends
    /// here.
    seen: BTreeSet<(*const Object, *const Object)>,
    found: BTreeSet<Difference>,
}

/// What `true` is as an object.
static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Keywords that are compared as a whole: other than the same, they cannot be compared.
/// Each group is one rule of which its keywords are parts.
const WHOLE: [&[&str]; 8] = [
    &["not"],
    &["if", "then", "else"],
    &["contains", "minContains", "maxContains"],
    &["propertyNames"],
    &["dependentSchemas"],
    &["dependentRequired"],
    &["dependencies"],
    &["oneOf"],
];

/// Keywords that refuse nothing.
const ANNOTATIONS: [&str; 15] = [
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

impl<'v> Comparison<'v> {
    fn add(&mut self, pointer: &str, rule: Rule, detail: impl Into<String>) {
        self.found.insert(Difference {
            pointer: pointer.to_owned(),
            rule,
            detail: detail.into(),
        });
    }

    /// Compares two schemas at a place of the value.
    fn schemas(&mut self, at: &str, old: &'v Value, new: &'v Value) {
        match (old, new) {
            (Value::Bool(false), Value::Bool(false)) => {}
            (Value::Bool(false), _) => self.add(at, Rule::Opened, ""),
            (_, Value::Bool(false)) => self.add(at, Rule::Closed, ""),
            _ => {
                let old = old.as_object().unwrap_or(&EMPTY);
                let new = new.as_object().unwrap_or(&EMPTY);
                let pair = (std::ptr::from_ref(old), std::ptr::from_ref(new));
                if self.seen.insert(pair) {
                    self.references(at, old, new);
                }
            }
        }
    }

    /// Follows references; whatever stands beside one is a rule of its own.
    fn references(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let (old_root, new_root) = self.roots;
        match (reference(old, old_root), reference(new, new_root)) {
            (Target::None, Target::None) => self.keywords(at, old, new),
            (Target::Found(a), Target::Found(b)) => {
                self.schemas(at, a, b);
                self.keywords(at, old, new);
            }
            (Target::Found(target), Target::None) if stands_alone(old) => {
                self.against(at, target, new, Side::Old);
            }
            (Target::None, Target::Found(target)) if stands_alone(new) => {
                self.against(at, target, old, Side::New);
            }
            _ => self.add(at, Rule::RuleChanged, "`$ref`"),
        }
    }

    /// Compares the target of a reference on one side with an object on the other.
    fn against(&mut self, at: &str, target: &'v Value, other: &'v Object, side: Side) {
        match (target, side) {
            (Value::Bool(false), Side::Old) => self.add(at, Rule::Opened, ""),
            (Value::Bool(false), Side::New) => self.add(at, Rule::Closed, ""),
            _ => {
                let target = target.as_object().unwrap_or(&EMPTY);
                let (old, new) = match side {
                    Side::Old => (target, other),
                    Side::New => (other, target),
                };
                let pair = (std::ptr::from_ref(old), std::ptr::from_ref(new));
                if self.seen.insert(pair) {
                    self.references(at, old, new);
                }
            }
        }
    }

    fn keywords(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        self.values(at, old, new);
        self.limits(at, old, new);
        self.required(at, old, new);
        self.properties(at, old, new);
        self.items(at, old, new);
        self.all_of(at, old, new);
        self.any_of(at, old, new);
        for group in WHOLE {
            self.whole(at, group, old, new);
        }
        self.annotations(at, old, new);
    }

    fn annotations(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let (before, after) = (old.get("default"), new.get("default"));
        if before != after {
            let text = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
            let detail = format!("{} -> {}", text(before), text(after));
            self.add(at, Rule::DefaultChanged, detail);
        }
        let is_deprecated = |schema: &Object| schema.get("deprecated") == Some(&Value::Bool(true));
        if is_deprecated(new) && !is_deprecated(old) {
            self.add(at, Rule::Deprecated, "");
        }
    }

    /// A rule that is the same or not, and never half.
    fn whole(&mut self, at: &str, group: &[&str], old: &'v Object, new: &'v Object) {
        let part = |schema: &'v Object| -> Vec<Option<&'v Value>> {
            group.iter().map(|key| schema.get(*key)).collect()
        };
        let (before, after) = (part(old), part(new));
        let is_there = |part: &[Option<&Value>]| part.first().is_some_and(Option::is_some);
        let name = group.first().copied().unwrap_or_default();
        let detail = format!("`{name}`");
        match (is_there(&before), is_there(&after)) {
            (false, false) => {}
            (false, true) => self.add(at, Rule::RuleAdded, detail),
            (true, false) => self.add(at, Rule::RuleRemoved, detail),
            (true, true) => {
                // What a reference in it leads to may have changed all the same.
                let refers = before.iter().flatten().any(|value| has_reference(value));
                if before != after || refers {
                    self.add(at, Rule::RuleChanged, detail);
                }
            }
        }
    }

    fn all_of(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        let (before, after) = (list(old, "allOf"), list(new, "allOf"));
        for (a, b) in before.iter().zip(after) {
            self.schemas(at, a, b);
        }
        for _ in after.iter().skip(before.len()) {
            self.add(at, Rule::RuleAdded, "a member of `allOf`");
        }
        for _ in before.iter().skip(after.len()) {
            self.add(at, Rule::RuleRemoved, "a member of `allOf`");
        }
    }

    /// Equal alternatives belong to each other, then those in the same place.
    fn any_of(&mut self, at: &str, old: &'v Object, new: &'v Object) {
        match (old.contains_key("anyOf"), new.contains_key("anyOf")) {
            (false, false) => return,
            (false, true) => return self.add(at, Rule::RuleAdded, "`anyOf`"),
            (true, false) => return self.add(at, Rule::RuleRemoved, "`anyOf`"),
            (true, true) => {}
        }
        let mut before: Vec<&Value> = list(old, "anyOf").iter().collect();
        let mut after: Vec<&Value> = list(new, "anyOf").iter().collect();
        before.retain(|one| {
            let twin = after
                .iter()
                .position(|other| other == one && !has_reference(one));
            twin.map(|index| after.remove(index)).is_none()
        });
        for (a, b) in before.iter().zip(&after) {
            self.schemas(at, a, b);
        }
        for _ in after.iter().skip(before.len()) {
            self.add(at, Rule::AlternativeAdded, "");
        }
        for _ in before.iter().skip(after.len()) {
            self.add(at, Rule::AlternativeRemoved, "");
        }
    }
}

type Object = Map<String, Value>;

/// Which of the two schemas.
#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

/// Where a reference leads.
enum Target<'v> {
    /// There is none.
    None,
    /// To this.
    Found(&'v Value),
    /// Nobody knows where.
    Lost,
}

fn reference<'v>(schema: &Object, root: &'v Value) -> Target<'v> {
    let Some(reference) = schema.get("$ref") else {
        return Target::None;
    };
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    // Pointers that would have to be decoded are not followed.
    let pointer = pointer.filter(|pointer| !pointer.contains('%'));
    let found = pointer.and_then(|pointer| root.pointer(pointer));
    found.map_or(Target::Lost, Target::Found)
}

/// Whether nothing but annotations stands beside the reference.
fn stands_alone(schema: &Object) -> bool {
    let is_rule = |key: &String| key != "$ref" && !ANNOTATIONS.contains(&key.as_str());
    !schema.keys().any(is_rule)
}

/// Whether a schema refuses nothing.
fn is_trivial(schema: &Value) -> bool {
    match schema {
        Value::Bool(all) => *all,
        Value::Object(map) => map.keys().all(|key| ANNOTATIONS.contains(&key.as_str())),
        _ => false,
    }
}

fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key == "$ref" || has_reference(value)),
        Value::Array(items) => items.iter().any(has_reference),
        _ => false,
    }
}

fn list<'v>(schema: &'v Object, key: &str) -> &'v [Value] {
    schema
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The pointer of a key below a place.
fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}
