//! Masking on reading: journals hold payloads in full, people see them without the
//! values that a glance at a screen must not give away.

use dowel_core::JsonText;
use indexmap::IndexMap;
use serde_json::value::RawValue;

/// What stands in the place of a masked value.
pub const MASK: &str = "•••";

/// Parts of field names whose values are masked, compared without case, `-` and `_`.
const SENSITIVE: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "apikey",
    "privatekey",
    "credential",
    "cookie",
    "iban",
    "cardnumber",
    "cvv",
    "cvc",
    "ssn",
    "taxid",
    "pin",
];

/// Names that only count when they are the whole name: they are parts of harmless words.
const WHOLE_NAMES: [&str; 5] = ["pin", "cvv", "cvc", "ssn", "iban"];

/// The same document with the values of sensitive fields replaced by [`MASK`]. Number
/// literals stay as they are.
pub fn mask(json: &JsonText) -> JsonText {
    let mut out = String::with_capacity(json.as_str().len());
    write_masked(json.as_str(), &mut out);
    JsonText::parse(&out).unwrap_or_else(|_| JsonText::string(MASK))
}

fn write_masked(text: &str, out: &mut String) {
    match text.as_bytes().first() {
        Some(b'{') => match serde_json::from_str::<IndexMap<String, &RawValue>>(text) {
            Ok(fields) => write_object(&fields, out),
            Err(_) => out.push_str("null"),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(items) => write_array(&items, out),
            Err(_) => out.push_str("null"),
        },
        _ => out.push_str(text),
    }
}

fn write_object(fields: &IndexMap<String, &RawValue>, out: &mut String) {
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(JsonText::string(name).as_str());
        out.push(':');
        if is_sensitive(name) && value.get() != "null" {
            out.push_str(JsonText::string(MASK).as_str());
        } else {
            write_masked(value.get(), out);
        }
    }
    out.push('}');
}

fn write_array(items: &[&RawValue], out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_masked(item.get(), out);
    }
    out.push(']');
}

fn is_sensitive(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect();
    SENSITIVE.iter().any(|part| {
        if WHOLE_NAMES.contains(part) {
            plain == *part
        } else {
            plain.contains(part)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(mask(&JsonText::parse(input).unwrap()).as_str(), expected);
    }

    #[test]
    fn sensitive_fields_lose_their_values_at_any_depth() {
        check(
            r#"{"id": 12345678901234567890, "price": 1.10, "auth": [{"api_key": "k", "Client-Secret": {"a": 1}}]}"#,
            r#"{"id":12345678901234567890,"price":1.10,"auth":[{"api_key":"•••","Client-Secret":"•••"}]}"#,
        );
        check(
            r#"{"password":null,"shipping":"x","pin":"1234"}"#,
            r#"{"password":null,"shipping":"x","pin":"•••"}"#,
        );
        check("1.10", "1.10");
        check("[]", "[]");
    }
}
