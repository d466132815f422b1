//! The manifest that the macros make is one that the host accepts.

use dowel_core::error::ErrorKind;
use dowel_core::manifest::{Effect, Idempotency, Manifest};
use dowel_sdk::testing::FakeHost;
use dowel_sdk::{Context, Decimal, Id, Level, Result, connector, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(
    name = "ledger",
    summary = "Books amounts.",
    egress = ["GET,POST {base_url}/*", "* https://other.example/*"],
    operations = [list_entries, book, undo],
)]
#[derive(Deserialize, JsonSchema)]
struct Config {
    #[allow(dead_code)]
    base_url: String,
}

#[derive(Deserialize, JsonSchema)]
#[allow(dead_code)]
struct Query {
    cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Listing {
    items: Vec<Entry>,
    next: Option<String>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Entry {
    id: Id,
    amount: Decimal,
}

/// Lists entries,
/// oldest first.
///
/// Not in the summary.
#[operation(
    effect = "read",
    idempotency = "natural",
    pagination = { cursor_in = "/cursor", cursor_out = "/next", items = "/items" },
)]
fn list_entries(_ctx: &Context<Config>, _input: Query) -> Result<Listing> {
    Ok(Listing {
        items: Vec::new(),
        next: None,
    })
}

/// Books an amount.
#[operation(
    effect = "write",
    idempotency = "keyed",
    compensated_by = undo,
    deprecated = { "since": "2026-01-01", "until": "2026-06-30", "use": "list-entries" },
    deadline = "90s",
    retry = ["unavailable", "rate-limited"],
    example_input = { "id": 12345678901234567890, "amount": 1.10 },
)]
fn book(ctx: &Context<Config>, input: Entry) -> Result<Entry> {
    ctx.log(Level::Info, "booked", serde_json::json!({ "lines": 1 }));
    Ok(input)
}

/// Takes it back.
#[operation(effect = "write", idempotency = "none", name = "undo-booking")]
fn undo(_ctx: &Context<Config>, input: Entry) -> Result<Entry> {
    Ok(input)
}

#[allow(clippy::unwrap_used)]
fn manifest() -> Manifest {
    Manifest::parse(dowel_sdk::manifest::<Config>().as_bytes()).unwrap()
}

#[test]
fn says_what_the_attributes_say() {
    let manifest = manifest();
    assert_eq!(manifest.name.as_str(), "ledger");
    assert_eq!(manifest.version.to_string(), env!("CARGO_PKG_VERSION"));
    let names: Vec<_> = manifest
        .operations
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    assert_eq!(names, ["list-entries", "book", "undo-booking"]);

    let list = manifest.operation("list-entries").unwrap();
    assert_eq!(list.summary, "Lists entries, oldest first.");
    assert_eq!(
        (list.effect, list.idempotency),
        (Effect::Read, Idempotency::Natural)
    );
    assert_eq!(list.pagination.as_ref().unwrap().cursor_out, "/next");

    let book = manifest.operation("book").unwrap();
    assert_eq!(book.idempotency, Idempotency::Keyed);
    assert_eq!(
        book.compensated_by.as_ref().unwrap().as_str(),
        "undo-booking"
    );
    assert_eq!(
        book.deprecated.as_ref().unwrap().to_string(),
        "deprecated since 2026-01-01, to go after 2026-06-30; use list-entries"
    );
    assert_eq!(book.deadline_ms, Some(90_000));
    assert_eq!(
        book.retry_kinds.as_deref(),
        Some(&[ErrorKind::Unavailable, ErrorKind::RateLimited][..])
    );
    assert_eq!(
        book.example_input.as_ref().unwrap().as_str(),
        r#"{"id":12345678901234567890,"amount":1.10}"#
    );
}

#[test]
fn schemas_come_from_the_types() {
    let book = manifest().operation("book").unwrap().clone();
    let input = book.input_schema.to_value();
    assert_eq!(
        input["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(input["required"], serde_json::json!(["id", "amount"]));
    assert_eq!(
        input["properties"]["amount"]["type"],
        serde_json::json!(["string", "number"])
    );
    let output = book.output_schema.to_value();
    assert_eq!(output["properties"]["amount"]["type"], "string");
    assert_eq!(output["properties"]["amount"]["format"], "decimal");
}

#[test]
fn calls_go_to_the_named_function() {
    let host = FakeHost::<Config>::new(r#"{ "base_url": "https://x.example" }"#);
    let input = r#"{"id":12345678901234567890,"amount":1.10}"#;
    let booked = host.call::<book>(input).unwrap();
    assert_eq!(
        booked.as_str(),
        r#"{"id":12345678901234567890,"amount":"1.10"}"#
    );
    assert_eq!(host.logs()[0].fields, r#"{"lines":1}"#);
    assert!(host.call_by_name("undo-booking", input).is_ok());
    let error = host.call_by_name("undo", input).unwrap_err();
    assert_eq!(error.code(), "unknown-operation");
    host.check().unwrap();

    let host = FakeHost::<Config>::new("{}");
    let error = host.call::<book>(input).unwrap_err();
    assert_eq!(error.code(), "invalid-config");
}
