//! Types in words.

use super::{anchor, title};
use serde_json::Value;

/// Patterns of texts with a name of their own.
const PATTERNS: [(&str, &str); 8] = [
    ("^[0-9]+(ms|s|m|h|d)$", "a duration, such as `5m`"),
    (r"^\s*\$\{[\s\S]*\}\s*$", "an expression"),
    (
        "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        "a name in kebab-case, such as `order-to-invoice`",
    ),
    (
        "^[a-z][a-z0-9_]*$",
        "a name in snake_case, such as `customer_id`",
    ),
    (r"^[0-9]+(\.[0-9]{1,2})?%$", "a share, such as `99.5%`"),
    (
        r"^[0-9]+\.[0-9]+\.[0-9]+([-+].+)?$",
        "a version, such as `1.4.0`",
    ),
    ("^[0-9]+(B|KiB|MiB|GiB)$", "a size, such as `64KiB`"),
    ("^[!-~]+$", "a text of printable characters"),
];

/// The type of a value by its schema.
pub(super) fn of(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return format!("a map: [{}](#{})", title(name), anchor(name));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .map(|word| format!("`{}`", text(word)))
            .collect();
        let several = if words.len() > 1 { "one of " } else { "" };
        return format!("{several}{}", words.join(", "));
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        let forms: Vec<String> = forms.iter().map(of).collect();
        return forms.join(", or ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("a list; each is {}", of(&schema["items"])),
        Some("object") => {
            let values = &schema["additionalProperties"];
            format!("a map with names of your own; each value is {}", of(values))
        }
        Some("null") => "`null`".to_owned(),
        Some("string") if schema["format"] == "date-time" => {
            "a time, such as `2026-03-01T09:00:00Z`".to_owned()
        }
        Some("string") => {
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let named = PATTERNS.iter().find(|(known, _)| *known == pattern);
            named.map_or("a text", |(_, name)| name).to_owned()
        }
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        _ => "any value".to_owned(),
    }
}

/// The definitions that a schema refers to, with what stands between.
pub(super) fn references(schema: &Value, way: &str, out: &mut Vec<(String, String)>) {
    if let Some(name) = reference(schema) {
        out.push((name.to_owned(), way.to_owned()));
    }
    for form in schema["anyOf"].as_array().into_iter().flatten() {
        references(form, way, out);
    }
    if schema["items"].is_object() {
        references(&schema["items"], &format!("{way}[]"), out);
    }
    if schema["additionalProperties"].is_object() {
        let inner = &schema["additionalProperties"];
        references(inner, &format!("{way}.<name>"), out);
    }
}

/// The definition that a schema is.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn text(word: &Value) -> String {
    match word {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    }
}
