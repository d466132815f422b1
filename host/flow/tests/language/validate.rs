//! Validation by JSON Schema.

use dowel_core::JsonText;
use dowel_flow::validate::{Validator, Violation};
use serde_json::{Value, json};

fn check(schema: &Value, value: &str) -> Vec<Violation> {
    let schema = JsonText::parse(&schema.to_string()).unwrap();
    let value = JsonText::parse(value).unwrap();
    Validator::new(&schema).unwrap().check(&value)
}

fn one(schema: &Value, value: &str, pointer: &str, message: &str) {
    let found = check(schema, value);
    let expected = Violation {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    };
    assert_eq!(found, [expected], "{schema} {value}");
}

#[test]
fn messages_name_types_and_keywords() {
    let order = json!({
        "type": "object", "additionalProperties": false, "required": ["id"],
        "properties": { "id": { "type": ["string", "null"] }, "a/b": { "minimum": 3 } },
    });
    one(
        &order,
        r#"{"id": 5}"#,
        "/id",
        "is of type number, null or string is required",
    );
    one(&order, "{}", "", "lacks the required key \"id\"");
    one(
        &order,
        r#"{"id": null, "a/b": 2}"#,
        "/a~1b",
        "is less than the minimum 3",
    );
    one(
        &order,
        r#"{"id": null, "zzz": 2}"#,
        "",
        "has 1 key that the schema does not allow; allowed: a/b, id",
    );
}

#[test]
fn values_never_show() {
    let secret = "sk_live_4242-4242";
    let keywords = [
        json!({ "type": "object" }),
        json!({ "enum": ["a", 1] }),
        json!({ "const": { "a": 1 } }),
        json!({ "pattern": "^a+$" }),
        json!({ "format": "email" }),
        json!({ "format": "decimal" }),
        json!({ "format": "date-time" }),
        json!({ "maxLength": 3 }),
        json!({ "minLength": 300 }),
        json!({ "not": { "type": "string" } }),
        json!({ "anyOf": [{ "type": "null" }, { "type": "number" }] }),
        json!({ "oneOf": [{ "type": "string" }, { "minLength": 1 }] }),
        json!({ "oneOf": [{ "type": "null" }] }),
        json!({ "allOf": [false] }),
        json!(false),
        json!({ "if": true, "then": { "maxLength": 1 } }),
        json!({ "contentEncoding": "base64", "maxLength": 1 }),
    ];
    for schema in keywords {
        let found = check(&schema, &json!(secret).to_string());
        assert!(!found.is_empty(), "{schema}");
        for one in found {
            assert!(
                !one.message.contains("4242") && !one.pointer.contains("4242"),
                "{one:?}"
            );
        }
    }
    for schema in [
        json!({ "additionalProperties": false }),
        json!({ "unevaluatedProperties": false }),
        json!({ "propertyNames": { "maxLength": 3 } }),
        json!({ "maxProperties": 0 }),
        json!({ "required": ["other"] }),
        json!({ "dependentRequired": { "sk_live_4242-4242": ["x"] } }),
    ] {
        let found = check(&schema, &json!({ secret: secret }).to_string());
        assert!(!found.is_empty(), "{schema}");
        for one in found {
            let from_schema = schema.to_string().contains("4242");
            assert!(from_schema || !one.message.contains("4242"), "{one:?}");
        }
    }
    let list = json!({ "uniqueItems": true, "contains": { "type": "null" }, "items": { "type": "number" } });
    for one in check(&list, &json!([secret, secret]).to_string()) {
        assert!(!one.message.contains("4242"), "{one:?}");
    }
}

#[test]
fn decimals() {
    let schema = json!({ "format": "decimal" });
    for good in ["0", "-1.10", "123456789012345678901234567890.5", "007"] {
        assert_eq!(check(&schema, &json!(good).to_string()), [], "{good}");
    }
    for bad in ["", "-", "1.", ".5", "1e5", "+1", "1,5", " 1", "NaN"] {
        assert_eq!(check(&schema, &json!(bad).to_string()).len(), 1, "{bad}");
    }
}

#[test]
fn numbers_beyond_any_machine_number_are_refused_and_not_taken_for_null() {
    let found = check(&json!({ "type": "object" }), r#"{"a": 1e999}"#);
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("out of range"), "{found:?}");
    assert_eq!(
        check(&json!({ "type": "integer" }), "12345678901234567890"),
        []
    );
}

#[test]
fn schemas_that_reach_out_are_refused() {
    for schema in [
        r#"{"$ref": "https://example.com/a.json"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"$ref": "other.json"}"#,
        r##"{"$ref": "#/$defs/missing"}"##,
        r#"{"type": "objekt"}"#,
        r#"{"pattern": "("}"#,
        r#"{"pattern": "(?=a)"}"#,
    ] {
        let schema = JsonText::parse(schema).unwrap();
        assert!(Validator::new(&schema).is_err(), "{schema}");
    }
}

#[test]
fn validators_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Validator>();
}
