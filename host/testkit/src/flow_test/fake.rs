//! Values that satisfy a JSON Schema, where an example is missing.

use dowel_core::JsonText;
use serde_json::{Map, Value, json};

/// Schemas may refer to themselves.
const MAX_DEPTH: usize = 12;

/// A value for a schema: what it gives as `const`, `enum`, `default` or `examples`, else
/// the smallest value of its type. Patterns are not followed.
pub fn fake(schema: &JsonText) -> JsonText {
    let root = schema.to_value();
    let value = value(&root, &root, 0);
    JsonText::of(&value).unwrap_or_else(|_| JsonText::null())
}

/// A value for a part of a schema.
pub(super) fn fake_in(schema: &Value, root: &Value) -> JsonText {
    JsonText::of(&value(schema, root, 0)).unwrap_or_else(|_| JsonText::null())
}

fn value(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(pointer) = schema["$ref"].as_str() {
        let target = root.pointer(pointer.trim_start_matches('#'));
        return target.map_or(Value::Null, |target| value(target, root, depth + 1));
    }
    let given = ["const", "default"].iter().find_map(|key| schema.get(key));
    let listed = ["examples", "enum"]
        .iter()
        .find_map(|key| schema[*key].as_array()?.first());
    if let Some(given) = given.or(listed) {
        return given.clone();
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(first) = schema[key].as_array().and_then(|all| all.first()) {
            return value(first, root, depth + 1);
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let parts = all.iter().map(|part| value(part, root, depth + 1));
        let objects = parts.filter_map(|part| part.as_object().cloned());
        let mut merged: Map<String, Value> = objects.flatten().collect();
        merged.extend(object(schema, root, depth));
        return Value::Object(merged);
    }
    match kind(schema) {
        Some("object") => Value::Object(object(schema, root, depth)),
        Some("array") => array(schema, root, depth),
        Some("string") => Value::String(text(schema)),
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(true),
        Some(_) => Value::Null,
        None => json!({}),
    }
}

/// The first type that is not `null`.
fn kind(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(only) => Some(only),
        Value::Array(all) => {
            let mut names = all.iter().filter_map(Value::as_str);
            names.find(|name| *name != "null").or(Some("null"))
        }
        _ if schema.get("properties").is_some() => Some("object"),
        _ if schema.get("items").is_some() => Some("array"),
        _ => None,
    }
}

fn object(schema: &Value, root: &Value, depth: usize) -> Map<String, Value> {
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    let fields = properties.iter().map(|(name, property)| {
        let value = value(property, root, depth + 1);
        (name.clone(), value)
    });
    fields.collect()
}

fn array(schema: &Value, root: &Value, depth: usize) -> Value {
    let wanted = schema["minItems"].as_u64().unwrap_or(1).max(1);
    let item = value(&schema["items"], root, depth + 1);
    let count = usize::try_from(wanted).unwrap_or(1);
    Value::Array(vec![item; count])
}

fn text(schema: &Value) -> String {
    let format = schema["format"].as_str().unwrap_or_default();
    let known = match format {
        "date-time" => "2026-01-01T00:00:00Z",
        "date" => "2026-01-01",
        "time" => "00:00:00Z",
        "duration" => "PT1H",
        "email" => "ada@example.com",
        "uri" | "iri" | "uri-reference" => "https://example.com/",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "decimal" => "1.00",
        _ => "text",
    };
    let shortest = schema["minLength"].as_u64().unwrap_or(0);
    let longest = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let padding = size(shortest).saturating_sub(known.len());
    let padded = format!("{known}{}", "x".repeat(padding));
    padded.chars().take(size(longest)).collect()
}

fn number(schema: &Value) -> Value {
    if let Some(least) = schema.get("minimum") {
        return least.clone();
    }
    match (schema["exclusiveMinimum"].as_i64(), schema.get("maximum")) {
        (Some(below), _) => json!(below + 1),
        (None, Some(most)) if most.as_i64().is_some_and(|most| most < 1) => most.clone(),
        _ => json!(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &Value, expected: &str) {
        let schema = JsonText::parse(&schema.to_string()).unwrap();
        let made = fake(&schema);
        assert_eq!(made.as_str(), expected);
        let validator = dowel_flow::validate::Validator::new(&schema).unwrap();
        assert!(validator.check(&made).is_empty(), "{made}");
    }

    #[test]
    fn values_satisfy_their_schemas() {
        check(
            &json!({ "type": "string", "format": "date" }),
            "\"2026-01-01\"",
        );
        check(
            &json!({ "type": ["null", "string"], "minLength": 6 }),
            "\"textxx\"",
        );
        check(&json!({ "type": "integer", "exclusiveMinimum": 4 }), "5");
        check(&json!({ "enum": ["open", "paid"] }), "\"open\"");
        check(
            &json!({ "type": "array", "minItems": 2, "items": { "type": "boolean" } }),
            "[true,true]",
        );
        check(
            &json!({ "anyOf": [{ "type": "null" }, { "type": "string" }] }),
            "null",
        );
        check(
            &json!({
                "$ref": "#/$defs/a",
                "$defs": { "a": { "type": "object", "properties": {
                    "id": { "const": 7 }, "name": { "type": "string" } } } },
            }),
            r#"{"id":7,"name":"text"}"#,
        );
        check(
            &json!({ "allOf": [{ "properties": { "a": { "type": "number", "maximum": 0 } } }], "properties": { "b": {} } }),
            r#"{"a":0,"b":{}}"#,
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        let made = fake(&JsonText::parse(&schema.to_string()).unwrap());
        assert!(made.as_str().starts_with(r#"{"next":{"next":"#));
    }
}
