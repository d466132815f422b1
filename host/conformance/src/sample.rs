//! A configuration that fits a schema, for connectors whose cases bring none.

use dowel_core::JsonText;
use serde_json::{Map, Value, json};

/// Where the upstream seems to be. The name is reserved (RFC 6761, section 6.4), and
/// nothing is sent there.
const BASE_URL: &str = "https://upstream.test/api";

/// The smallest object that has what the schema requires.
pub(crate) fn config(schema: &JsonText) -> JsonText {
    let schema = schema.to_value();
    JsonText::of(&object(&schema)).unwrap_or_else(|_| JsonText::null())
}

fn object(schema: &Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten();
    let names = required.filter_map(Value::as_str);
    let fields: Map<String, Value> = names
        .map(|name| (name.to_owned(), value(name, &schema["properties"][name])))
        .collect();
    Value::Object(fields)
}

fn value(name: &str, schema: &Value) -> Value {
    for given in [
        &schema["default"],
        &schema["const"],
        &schema["examples"][0],
        &schema["enum"][0],
    ] {
        if !given.is_null() {
            return given.clone();
        }
    }
    let is_url = schema["format"] == "uri" || name.contains("url");
    match schema["type"].as_str() {
        Some("integer" | "number") => schema["minimum"].as_i64().unwrap_or(1).into(),
        Some("boolean") => Value::Bool(false),
        Some("array") => json!([]),
        Some("object") => object(schema),
        _ if is_url => BASE_URL.into(),
        _ => "sample".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_is_there() {
        let schema = json!({
            "required": ["base_url", "tenant", "size", "mode"],
            "properties": {
                "base_url": { "type": "string", "format": "uri" },
                "tenant": { "type": "string" },
                "size": { "type": "integer", "minimum": 5 },
                "mode": { "enum": ["fast", "slow"] },
                "more": { "type": "string" },
            },
        });
        let made = config(&JsonText::of(&schema).unwrap()).to_value();
        let expected = json!({
            "base_url": BASE_URL, "tenant": "sample", "size": 5, "mode": "fast",
        });
        assert_eq!(made, expected);
    }
}
