//! The manifest that the macros make is one that the host accepts.

use dowel_core::error::ErrorKind;
use dowel_core::manifest::{Effect, Idempotency, Manifest};
use dowel_sdk::testing::FakeHost;
use dowel_sdk::{Context, Decimal, Id, Level, Position, Result, SourceEvent, SourcePage};
use dowel_sdk::{connector, operation, source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(
    name = "ledger",
    summary = "Books amounts.",
    egress = ["GET,POST {base_url}/*", "* https://other.example/*"],
    operations = [list_entries, book, undo],
    sources = [new_entries, more_entries],
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

#[derive(Deserialize, JsonSchema)]
struct Params {
    least: Decimal,
}

/// Entries that were booked,
/// oldest first.
///
/// Not in the summary.
#[source(name = "booked-entries", deadline = "5s", ack = booked)]
fn new_entries(
    ctx: &Context<Config>,
    params: Params,
    from: &Position,
) -> Result<SourcePage<Entry>> {
    let page = more_entries(ctx, params, from)?;
    Ok(SourcePage {
        events: page.events.into_iter().take(from.limit as usize).collect(),
        ..page
    })
}

fn booked(ctx: &Context<Config>, params: Params, cursor: &str) -> Result<()> {
    let Params { least } = params;
    let fields = serde_json::json!({ "cursor": cursor, "least": least });
    ctx.log(Level::Info, "taken", fields);
    Ok(())
}

/// Two entries, whatever the limit.
#[source]
fn more_entries(
    _ctx: &Context<Config>,
    params: Params,
    from: &Position,
) -> Result<SourcePage<Entry>> {
    let event = |id: &str| {
        Ok(SourceEvent {
            id: id.to_owned(),
            kind: "entry.booked".to_owned(),
            subject: None,
            time: None,
            data: Entry {
                id: Id::string(id).map_err(|_| dowel_sdk::Error::internal("id", "no id"))?,
                amount: params.least.clone(),
            },
        })
    };
    Ok(SourcePage {
        events: vec![event("1")?, event("2")?],
        cursor: from.cursor.as_ref().map(|cursor| format!("{cursor}+2")),
        more: true,
    })
}

/// A connector that is only read.
mod feed {
    use super::{
        Context, Deserialize, JsonSchema, Position, Result, SourcePage, connector, source,
    };

    #[connector(name = "feed", summary = "Feeds.", sources = [news])]
    #[derive(Deserialize, JsonSchema)]
    pub(crate) struct Config {}

    #[derive(Deserialize, JsonSchema)]
    pub(crate) struct Params {}

    /// News.
    #[source]
    pub(crate) fn news(
        _ctx: &Context<Config>,
        _params: Params,
        _from: &Position,
    ) -> Result<SourcePage<String>> {
        Ok(SourcePage {
            events: Vec::new(),
            cursor: None,
            more: false,
        })
    }
}

/// A connector without sources.
mod quiet {
    use super::{Context, Deserialize, JsonSchema, Result, connector, operation};

    #[connector(name = "quiet", summary = "Waits.", operations = [wait])]
    #[derive(Deserialize, JsonSchema)]
    pub(crate) struct Config {}

    /// Waits.
    #[operation(effect = "read", idempotency = "natural")]
    fn wait(_ctx: &Context<Config>, input: u8) -> Result<u8> {
        Ok(input)
    }
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

/// As JSON: what stands there for a host of any version.
#[allow(clippy::unwrap_used)]
fn document<C: dowel_sdk::Connector>() -> serde_json::Value {
    serde_json::from_str(&dowel_sdk::manifest::<C>()).unwrap()
}

#[test]
fn sources_stand_in_the_manifest() {
    let manifest = document::<Config>();
    assert_eq!(manifest["contract"], "0.2.0");
    let sources = manifest["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2);
    let source = &sources[0];
    assert_eq!(source["name"], "booked-entries");
    assert_eq!(source["summary"], "Entries that were booked, oldest first.");
    assert_eq!(source["deadline_ms"], 5000);
    let required = serde_json::json!(["least"]);
    assert_eq!(source["params_schema"]["required"], required);
    let amount = &source["event_schema"]["properties"]["amount"];
    assert_eq!(amount["format"], "decimal");
    assert_eq!(sources[1]["name"], "more-entries");
    assert!(sources[1].get("deadline_ms").is_none());

    assert!(document::<quiet::Config>().get("sources").is_none());
    let feed = document::<feed::Config>();
    assert_eq!(feed["operations"], serde_json::json!([]));
    assert_eq!(feed["sources"][0]["name"], "news");
}

#[test]
fn reads_go_to_the_named_function() {
    let host = FakeHost::<Config>::new(r#"{ "base_url": "https://x.example" }"#);
    let params = r#"{"least":1.10}"#;
    let page = host.read::<new_entries>(params, Some("a"), 1).unwrap();
    assert_eq!((page.cursor.as_deref(), page.more), (Some("a+2"), true));
    assert_eq!(page.events.len(), 1);
    let data = page.events[0].data.as_str();
    assert_eq!(data, r#"{"id":"1","amount":"1.10"}"#);
    let first = host.read::<more_entries>(params, None, 2).unwrap();
    assert_eq!((first.events.len(), first.cursor), (2, None));

    host.ack::<more_entries>(params, "a").unwrap();
    assert!(host.logs().is_empty());
    host.ack::<new_entries>(params, "a").unwrap();
    assert_eq!(host.logs()[0].fields, r#"{"cursor":"a","least":"1.10"}"#);
}

#[test]
fn reads_that_cannot_be_are_named() {
    use dowel_sdk::Connector;
    let host = FakeHost::<Config>::new(r#"{ "base_url": "https://x.example" }"#);
    let code = |result: Result<_>| result.map(drop).unwrap_err().code().to_owned();
    let params = r#"{"least":1}"#;
    assert_eq!(
        code(host.read::<new_entries>("{}", None, 1).map(drop)),
        "invalid-params"
    );
    assert_eq!(code(host.ack::<new_entries>("{}", "a")), "invalid-params");
    let over = host.read::<more_entries>(params, None, 1).map(drop);
    assert_eq!(code(over), "page-over-limit");

    let ctx = host.context().unwrap();
    let from = Position {
        cursor: None,
        limit: 1,
    };
    let unknown = Config::read_source(&ctx, "new-entries", params, &from).unwrap_err();
    assert_eq!(
        (unknown.kind(), unknown.code()),
        (dowel_sdk::ErrorKind::InvalidInput, "unknown-source")
    );
    let host = FakeHost::<quiet::Config>::new("{}");
    let ctx = host.context().unwrap();
    let unknown = quiet::Config::ack_source(&ctx, "news", "{}", "a").unwrap_err();
    assert_eq!(unknown.code(), "unknown-source");
}
