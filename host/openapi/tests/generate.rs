//! Documents in, projects out.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used)]

use dowel_core::JsonText;
use dowel_core::manifest::Pagination;
use dowel_flow::environment;
use dowel_flow::validate::Validator;
use dowel_openapi::{DEFAULT_DEPTH, Options, Problem, Project, Record};
use expect_test::expect;
use std::fmt::Write;

const PETSTORE: &str = include_str!("documents/petstore.yaml");
const STOCK: &str = include_str!("documents/stock.yaml");

fn options() -> Options {
    Options {
        name: None,
        version: "0.1.0".parse().unwrap(),
        only: Vec::new(),
        depth: DEFAULT_DEPTH,
        sdk: "../sdk".to_owned(),
    }
}

fn made(text: &str) -> Project {
    dowel_openapi::generate(text, &options()).unwrap()
}

/// A document with one operation whose answer has this schema.
fn answering(version: &str, schema: &str) -> Project {
    made(&format!(
        r##"{{"openapi":"{version}","info":{{"title":"one"}},"paths":{{"/a":{{"get":{{"operationId":"get",
        "responses":{{"200":{{"content":{{"application/json":{{"schema":{schema}}}}}}}}}}}}}}}}}"##
    ))
}

/// What the answer of that operation promises.
fn promised(version: &str, schema: &str) -> String {
    let project = answering(version, schema);
    project.record.manifest.operations[0]
        .output_schema
        .as_str()
        .to_owned()
}

fn story(project: &Project) -> String {
    let manifest = &project.record.manifest;
    let mut out = format!("{} {}\n", manifest.name, manifest.summary);
    for rule in &manifest.egress {
        let _ = writeln!(out, "{rule}");
    }
    for operation in &manifest.operations {
        let name = &operation.name;
        let _ = write!(
            out,
            "{name}: {:?} {:?}",
            operation.effect, operation.idempotency
        );
        if let Some(Pagination {
            cursor_in,
            cursor_out,
            items,
            ..
        }) = &operation.pagination
        {
            let _ = write!(out, ", {cursor_in} <- {cursor_out}, {items}");
        }
        out.push('\n');
    }
    for (place, what) in &project.left_out {
        let _ = writeln!(out, "- {place}: {what}");
    }
    out
}

#[test]
fn everything_that_is_known() {
    expect![[r#"
        stock Calls Stock.
        GET https://places.example/api/places
        GET,POST {base_url}/articles
        DELETE,PATCH,PUT {base_url}/articles/*
        GET {base_url}/counts
        GET {base_url}/events
        GET {base_url}/movements
        counts: Read Natural, /offset <- /next, /answer/counts
        create-article: Write Keyed
        delete-articles-id: Write Natural
        events: Read Natural, /starting_after <- /next, /answer/data
        list-articles: Read Natural, /cursor <- /meta/next_cursor, /data
        movements: Read Natural, /page <- /next, /items
        patch-article: Write None
        places: Read Natural, /page <- /next, /items
        put-article: Write Natural
        - ArticleInputSize: has alternatives: the value is passed on unread, the schema names them
        - ArticleSize: has alternatives: the value is passed on unread, the schema names them
        - POST /files: is left out: its body is multipart/form-data
    "#]]
    .assert_eq(&story(&made(STOCK)));
}

#[test]
fn the_petstore() {
    expect![[r#"
        swagger-petstore-open-api-3-0 Calls Swagger Petstore - OpenAPI 3.0.
        POST {base_url}/pet
        DELETE,GET {base_url}/pet/*
        GET {base_url}/store/inventory
        add-pet: Write None
        delete-pet: Write Natural
        find-pets-by-status: Read Natural
        get-inventory: Read Natural
        get-pet-by-id: Read Natural
        - POST /pet/{petId}/uploadImage: is left out: its body is application/octet-stream
        - securitySchemes/petstore_auth: the OAuth flows `implicit` and `password` are no longer used (RFC 9700, section 2)
        - servers: `/v3` names no host: the configuration does
    "#]].assert_eq(&story(&made(PETSTORE)));
}

#[test]
fn examples_fit_their_schemas() {
    for text in [STOCK, PETSTORE] {
        for operation in &made(text).record.manifest.operations {
            for (schema, example) in [
                (&operation.input_schema, &operation.example_input),
                (&operation.output_schema, &operation.example_output),
            ] {
                let found = Validator::new(schema)
                    .unwrap()
                    .check(example.as_ref().unwrap());
                assert!(found.is_empty(), "{}: {found:?} {schema:?}", operation.name);
            }
        }
    }
}

#[test]
fn the_connection_is_one_that_environments_know() {
    for text in [STOCK, PETSTORE] {
        let project = made(text);
        let file = &project.files["connection.example.yaml"];
        let read = environment::parse("dev.yaml", file).unwrap_or_else(|e| panic!("{file}\n{e:?}"));
        let connection = read.connections.first().unwrap();
        assert_eq!(connection.connector, project.name);
        assert_eq!(connection.allow.len(), project.record.manifest.egress.len());
        assert!(connection.auth.is_some());
    }
}

#[test]
fn the_same_document_is_the_same_project_and_the_record_is_read_again() {
    let project = made(STOCK);
    assert_eq!(project.files, made(STOCK).files);
    let record = Record::parse(&project.files[dowel_openapi::RECORD]).unwrap();
    assert_eq!(record.files, project.record.files);
    let later = project.files[dowel_openapi::RECORD].replace("\"format\": 1", "\"format\": 2");
    assert!(matches!(Record::parse(&later), Err(Problem::Record(_))));
}

#[test]
fn what_is_asked_for() {
    let only = |names: &[&str]| {
        let only = names.iter().map(|name| (*name).to_owned()).collect();
        dowel_openapi::generate(STOCK, &Options { only, ..options() })
    };
    assert_eq!(only(&["articles"]).unwrap().operations, 5);
    assert_eq!(only(&["put.article", "counts"]).unwrap().operations, 2);
    let types = &only(&["counts"]).unwrap().files["src/types.rs"];
    assert!(!types.contains("Article"), "{types}");
    let missing = only(&["counts", "nobody"]).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("DWL-6242: no operation has the tag"),
        "{missing}"
    );
}

#[test]
fn schemas_of_both_versions() {
    for (version, schema, promise) in [
        (
            "3.0.3",
            r#"{"type":"string","nullable":true}"#,
            r#"{"type":["string","null"]}"#,
        ),
        (
            "3.1.0",
            r#"{"type":["string","null"]}"#,
            r#"{"type":["string","null"]}"#,
        ),
        (
            "3.1.0",
            r#"{"anyOf":[{"type":"null"},{"type":"boolean"}]}"#,
            r#"{"type":["boolean","null"]}"#,
        ),
        (
            "3.0.0",
            r#"{"oneOf":[{"enum":["a"]},{"enum":["b"]}]}"#,
            r#"{"type":"string"}"#,
        ),
        (
            "3.0.0",
            r#"{"type":"object","additionalProperties":{"type":"number"}}"#,
            r#"{"additionalProperties":{"type":"number"},"type":"object"}"#,
        ),
        ("3.1.0", r#"{"const":"x"}"#, r#"{"type":"string"}"#),
        ("3.1.0", "true", "true"),
        (
            "3.0.0",
            r##"{"allOf":[{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}},
            {"properties":{"a":{"type":"boolean"},"b":{"type":"integer","minimum":0}}}]}"##,
            r#"{"properties":{"a":{"type":"boolean"},"b":{"format":"int64","type":["integer","null"]}},"required":["a"],"type":"object"}"#,
        ),
    ] {
        let expected = JsonText::parse(promise).unwrap().to_value();
        let found = JsonText::parse(&promised(version, schema))
            .unwrap()
            .to_value();
        assert_eq!(found, expected, "{schema}");
    }
}

#[test]
fn what_has_no_end_is_cut() {
    let text = r##"{"openapi":"3.0.0","info":{"title":"t"},"components":{"schemas":{
        "List":{"type":"array","items":{"$ref":"#/components/schemas/List"}},
        "Node":{"type":"object","required":["next"],"properties":{"next":{"$ref":"#/components/schemas/Node"}}},
        "Both":{"allOf":[{"$ref":"#/components/schemas/Both"},{"type":"object"}]}}},
        "paths":{"/a":{"get":{"responses":{"200":{"content":{"application/json":{"schema":SCHEMA}}}}}}}}"##;
    let of = |name: &str| {
        let schema = format!(r##"{{"$ref":"#/components/schemas/{name}"}}"##);
        dowel_openapi::generate(&text.replace("SCHEMA", &schema), &options())
    };
    let list = of("List").unwrap();
    assert!(
        list.left_out[0].1.contains("refers to itself"),
        "{:?}",
        list.left_out
    );
    let types = of("Node").unwrap().files["src/types.rs"].clone();
    assert!(types.contains("next: Option<Box<Node>>"), "{types}");
    assert!(of("Both").unwrap_err().to_string().contains("circle"));
    assert!(
        of("Nobody")
            .unwrap_err()
            .to_string()
            .contains("leads nowhere")
    );

    let nested =
        r#"{"properties":{"a":{"properties":{"b":{"properties":{"c":{"type":"string"}}}}}}}"#;
    let shallow = Options {
        depth: 2,
        ..options()
    };
    let project = dowel_openapi::generate(&text.replace("SCHEMA", nested), &shallow).unwrap();
    assert_eq!(project.left_out.len(), 2, "and that no server is named");
    assert!(
        project.left_out[0].1.contains("--depth"),
        "{:?}",
        project.left_out
    );
}

#[test]
fn names_of_others_are_made_valid() {
    let text = r#"{"openapi":"3.0.0","info":{"title":"Überweisung 2"},"paths":{
        "/a/{self}":{"post":{"operationId":"fn","tags":["std"],
            "parameters":[{"name":"self","in":"path","required":true,"schema":{"type":"string"}},
                {"name":"a.b","in":"query","schema":{"type":"string"}},
                {"name":"a-b","in":"header","schema":{"type":"string"}}],
            "responses":{"200":{"content":{"application/json":{"schema":{"type":"object",
                "properties":{"fooBar":{"type":"string"},"foo_bar":{"type":"string"},"1":{"type":"string"}}}}}}}},
        "get":{"operationId":"FN","responses":{"204":{}},
            "parameters":[{"name":"self","in":"path","required":true}]}}}}"#;
    let project = made(text);
    assert_eq!(project.name.as_str(), "berweisung-2");
    let names: Vec<&str> = project
        .record
        .manifest
        .operations
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    assert_eq!(names, ["fn", "fn-2"]);
    let (module, types) = (
        &project.files["src/std_2.rs"],
        &project.files["src/types.rs"],
    );
    assert!(
        module.contains("pub(crate) fn fn_2(") && module.contains(".path(\"self\", &input.self_)"),
        "{module}"
    );
    assert!(
        types.contains("foo_bar_2: Option<String>") && types.contains("rename = \"1\""),
        "{types}"
    );
    assert!(types.contains("a_b_2: Option<String>"), "{types}");
}

#[test]
fn inputs_are_narrow_and_outputs_are_wide() {
    let text = r#"{"openapi":"3.0.0","info":{"title":"t"},"paths":{"/a":{"get":{"parameters":[
        {"name":"state","in":"query","schema":{"type":"string","nullable":true,"enum":["a","b",null]}},
        {"name":"day","in":"query","required":true,"schema":{"type":"string","format":"date"}},
        {"name":"size","in":"query","schema":{"type":"integer","minimum":0,"maximum":9}}],
        "responses":{"200":{"content":{"application/json":{"schema":{"type":"object","properties":{
            "state":{"enum":["a","b"]},"day":{"type":"string","format":"date"}}}}}}}}}}}"#;
    let project = made(text);
    let operation = &project.record.manifest.operations[0];
    let properties = |schema: &JsonText| schema.to_value()["properties"].clone();
    let taken = serde_json::json!({
        "state": { "type": ["string", "null"], "enum": ["a", "b", null] },
        "day": { "type": "string", "format": "date" },
        "size": { "type": ["integer", "null"], "minimum": 0, "maximum": 9 },
    });
    assert_eq!(properties(&operation.input_schema), taken);
    let text = serde_json::json!({ "type": ["string", "null"] });
    let given = serde_json::json!({ "state": text, "day": text });
    assert_eq!(properties(&operation.output_schema), given);
    let types = &project.files["src/types.rs"];
    assert!(types.contains(r#"/// Known: "a", "b"."#), "{types}");
}
