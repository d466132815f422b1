//! Fields in JSON Schema 2020-12, as far as it can be told without a value.

use super::known::{Known, Leads, best};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// References are followed this often; schemas may refer to themselves.
const MAX_REFERENCES: usize = 16;

/// Places that are looked at for one field; only a hostile schema combines more.
const MAX_PLACES: usize = 256;

/// Where `segment` (a field, or `[]` for any item) leads from a place in a schema.
pub(super) fn step_into(root: &Arc<Value>, pointer: &str, segment: &str) -> Leads {
    let mut places = Vec::new();
    gather(root, pointer, &mut HashSet::new(), &mut places);
    let answers = places.iter().filter_map(|place| {
        let schema = root.pointer(place)?.as_object()?;
        match segment {
            "[]" => item(root, place, schema),
            field => property(root, place, schema, field),
        }
    });
    best(answers)
}

/// Whether the place says `format: decimal`.
pub(super) fn is_decimal(root: &Arc<Value>, pointer: &str) -> bool {
    let mut places = Vec::new();
    gather(root, pointer, &mut HashSet::new(), &mut places);
    let format = |place: &String| root.pointer(place)?.get("format")?.as_str();
    places.iter().any(|place| format(place) == Some("decimal"))
}

/// The names that an object at this place must have.
pub(crate) fn required(root: &Arc<Value>, pointer: &str) -> Vec<String> {
    let mut at = pointer.to_owned();
    for _ in 0..MAX_REFERENCES {
        let Some(schema) = root.pointer(&at) else {
            break;
        };
        if let Some(Value::Array(names)) = schema.get("required") {
            return names
                .iter()
                .filter_map(|name| Some(name.as_str()?.to_owned()))
                .collect();
        }
        match schema.get("$ref").and_then(Value::as_str).and_then(local) {
            Some(target) => at = target,
            None => break,
        }
    }
    Vec::new()
}

/// The places that speak about the same value: the place itself, what it refers to
/// and what it combines.
fn gather(root: &Value, pointer: &str, seen: &mut HashSet<String>, out: &mut Vec<String>) {
    let Some(schema) = root.pointer(pointer) else {
        return;
    };
    let Some(object) = schema.as_object() else {
        return;
    };
    if seen.len() >= MAX_PLACES || !seen.insert(pointer.to_owned()) {
        return;
    }
    let mut refers = false;
    if let Some(target) = object.get("$ref").and_then(Value::as_str).and_then(local) {
        refers = true;
        gather(root, &target, seen, out);
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        let Some(Value::Array(parts)) = object.get(key) else {
            continue;
        };
        refers = true;
        for index in 0..parts.len() {
            gather(root, &format!("{pointer}/{key}/{index}"), seen, out);
        }
    }
    let speaks = [
        "properties",
        "additionalProperties",
        "items",
        "prefixItems",
        "format",
    ];
    if !refers || speaks.iter().any(|key| object.contains_key(*key)) {
        out.push(pointer.to_owned());
    }
}

/// The pointer of a reference within the same document.
fn local(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    (fragment.is_empty() || fragment.starts_with('/')).then(|| fragment.to_owned())
}

fn allows(schema: &Map<String, Value>, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(name)) => name == wanted,
        Some(Value::Array(names)) => names.iter().any(|name| name == wanted),
        _ => true,
    }
}

fn property(
    root: &Arc<Value>,
    place: &str,
    schema: &Map<String, Value>,
    field: &str,
) -> Option<Leads> {
    if !allows(schema, "object") {
        return None;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    if properties.is_some_and(|all| all.contains_key(field)) {
        let escaped = field.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{place}/properties/{escaped}");
        return Some(Leads::Value(Known::Schema(Arc::clone(root), pointer)));
    }
    if schema.contains_key("patternProperties") {
        return Some(Leads::Value(Known::Any));
    }
    let names = || {
        properties
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect()
    };
    let others = schema.get("additionalProperties");
    let others = others.or_else(|| schema.get("unevaluatedProperties"));
    Some(match others {
        Some(Value::Bool(false)) => Leads::Excluded(names()),
        Some(Value::Object(_)) if schema.contains_key("additionalProperties") => {
            let pointer = format!("{place}/additionalProperties");
            Leads::Value(Known::Schema(Arc::clone(root), pointer))
        }
        Some(_) => Leads::Value(Known::Any),
        None if properties.is_some_and(|all| !all.is_empty()) => Leads::Undeclared(names()),
        None => Leads::Value(Known::Any),
    })
}

fn item(root: &Arc<Value>, place: &str, schema: &Map<String, Value>) -> Option<Leads> {
    if !allows(schema, "array") {
        return None;
    }
    if schema.contains_key("prefixItems") || !schema.get("items").is_some_and(Value::is_object) {
        return Some(Leads::Value(Known::Any));
    }
    let pointer = format!("{place}/items");
    Some(Leads::Value(Known::Schema(Arc::clone(root), pointer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: Value, path: &[&str], expected: &str) {
        let mut known = Known::Schema(Arc::new(schema), String::new());
        for segment in path {
            match known.step_into(segment) {
                Leads::Value(next) => known = next,
                Leads::Excluded(_) => return assert_eq!("excluded", expected, "{path:?}"),
                Leads::Undeclared(_) => return assert_eq!("undeclared", expected, "{path:?}"),
            }
        }
        let found = match known {
            Known::Any => "any",
            known if known.is_decimal() => "decimal",
            _ => "known",
        };
        assert_eq!(found, expected, "{path:?}");
    }

    #[test]
    fn fields_and_items() {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "lines": { "type": "array", "items": { "$ref": "#/$defs/line" } },
                "open": { "properties": { "a": {} } },
                "map": { "additionalProperties": { "format": "decimal" } },
                "maybe": { "anyOf": [{ "$ref": "#/$defs/line" }, { "type": "null" }] },
                "self": { "$ref": "#" },
            },
            "$defs": { "line": {
                "type": "object", "additionalProperties": false,
                "properties": { "price": { "type": "string", "format": "decimal" } },
            }},
        });
        let check = |path: &[&str], expected| check(schema.clone(), path, expected);
        check(&["lines", "[]", "price"], "decimal");
        check(&["lines", "[]", "prize"], "excluded");
        check(&["open", "b"], "undeclared");
        check(&["map", "whatever"], "decimal");
        check(&["maybe", "price"], "decimal");
        check(&["maybe", "prize"], "excluded");
        check(&["self", "self", "lines"], "known");
        check(&["nothing"], "excluded");
    }

    #[test]
    fn schemas_that_refer_to_themselves_end() {
        check(json!({ "$ref": "#" }), &["a"], "any");
        let wide = vec![json!({ "$ref": "#" }); 50];
        check(
            json!({ "anyOf": wide, "oneOf": wide, "properties": { "a": { "$ref": "#" } } }),
            &["a"; 50],
            "known",
        );
    }
}
