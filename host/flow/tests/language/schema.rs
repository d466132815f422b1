//! The schemas for editors are fresh, and agree with what is accepted.

use crate::support::cases;
use dowel_core::JsonText;
use dowel_flow::json_schema;
use dowel_flow::validate::Validator;
use expect_test::expect_file;

#[test]
fn the_published_schemas_are_fresh() {
    expect_file!["../../../../docs/reference/flow.schema.json"].assert_eq(&json_schema::flow());
    expect_file!["../../../../docs/reference/environment.schema.json"]
        .assert_eq(&json_schema::environment());
    expect_file!["../../../../docs/reference/flow.test.schema.json"]
        .assert_eq(&json_schema::flow_test());
    expect_file!["../../../../docs/reference/calendar.schema.json"]
        .assert_eq(&json_schema::calendar());
    expect_file!["../../../../docs/reference/policy.schema.json"].assert_eq(&json_schema::policy());
}

#[test]
fn the_schemas_are_schemas() {
    for text in [
        json_schema::flow(),
        json_schema::environment(),
        json_schema::flow_test(),
        json_schema::calendar(),
        json_schema::policy(),
    ] {
        Validator::new(&JsonText::parse(&text).unwrap()).unwrap();
    }
}

#[test]
fn every_key_is_explained() {
    for schema in [json_schema::flow(), json_schema::flow_test()] {
        let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            for (key, property) in definition["properties"].as_object().unwrap() {
                let text = property["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{name}.{key}");
            }
        }
    }
    assert!(!cases("good").is_empty());
}
