//! A folder, a few installed connectors and the real checker.

use dowel_core::manifest::Manifest;
use dowel_core::{ConnectorName, Digest};
use dowel_flow::diagnostic::Diagnostic;
use dowel_flow::outline::Outlines;
use dowel_flow::plan::Calendars;
use dowel_flow::policy::Policy;
use dowel_flow::source::{Catalogue, Compiled, Context, FlowFolder};
use dowel_mapping::{Mapping, MappingOptions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The folder that every case stands in.
pub(crate) const FOLDER: &str = "flows/order-to-invoice";

static MAPPING: LazyLock<Mapping> = LazyLock::new(|| {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mapping-cache");
    std::fs::create_dir_all(&cache).unwrap();
    let options = MappingOptions {
        cache_dir: Some(cache),
        ..MappingOptions::default()
    };
    Mapping::new(options).unwrap()
});

pub(crate) struct Connectors(Vec<Manifest>);

impl Connectors {
    pub(crate) fn new() -> Self {
        let contact = json!({
            "name": "get-contact", "summary": "Reads a contact.",
            "idempotency": "natural", "effect": "read", "deadline_ms": 5000,
            "retry_kinds": ["unavailable"],
            "input_schema": closed(&json!({ "id": { "type": "string" } }), &["id"]),
            "output_schema": closed(&json!({ "erp_id": { "type": "string" } }), &["erp_id"]),
        });
        let line = json!({ "type": "array", "items": closed(&json!({ "sku": {}, "qty": {}, "amount": {} }), &["sku"]) });
        let input = json!({ "customer": {}, "lines": line, "note": {} });
        let invoice = json!({
            "name": "create-invoice", "summary": "Creates an invoice.",
            "idempotency": "keyed", "effect": "write",
            "input_schema": closed(&input, &["customer", "lines"]),
            "output_schema": { "type": "object", "properties": { "id": { "type": "string" } } },
        });
        let contacts = json!([{
            "name": "contacts", "summary": "New contacts.",
            "params_schema": closed(&json!({ "group": { "type": "string" } }), &["group"]),
            "event_schema": closed(&json!({ "id": {}, "name": {} }), &["id"]),
        }]);
        let changes = json!([{
            "name": "contact-changes", "summary": "Contacts, as they change.", "handshake": true,
            "params_schema": closed(&json!({ "group": { "type": "string" } }), &[]),
            "event_schema": closed(&json!({ "id": {}, "name": {} }), &["id"]),
        }]);
        let manifest = |name: &str, version: &str, operations: Value| {
            let sources = if version == "2.2.0" {
                contacts.clone()
            } else {
                json!([])
            };
            let text = json!({
                "contract": "0.2.0", "name": name, "version": version, "summary": "A test.",
                "config_schema": {}, "egress": [], "operations": operations,
                "sources": sources, "receivers": if version == "2.2.0" { changes.clone() } else { json!([]) },
            });
            Manifest::parse(text.to_string().as_bytes()).unwrap()
        };
        Self(vec![
            manifest("crm", "2.2.0", json!([contact])),
            manifest("crm", "2.1.0", json!([])),
            manifest("erp", "1.3.4", json!([invoice])),
            manifest(
                "ledger",
                "1.0.0",
                json!([booking(
                    "old-book",
                    &json!({
                        "since": "2026-01-01", "until": "2026-06-30", "use": "book",
                    })
                )]),
            ),
        ])
    }
}

/// An operation that will go.
fn booking(name: &str, deprecated: &Value) -> Value {
    json!({
        "name": name, "summary": "Books.", "idempotency": "keyed", "effect": "write",
        "input_schema": {}, "output_schema": {}, "deprecated": deprecated,
    })
}

fn closed(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": properties, "required": required,
    })
}

impl Catalogue for Connectors {
    fn versions(&self, name: &ConnectorName) -> Vec<(&Manifest, Digest)> {
        let all = self.0.iter().filter(|manifest| manifest.name == *name);
        all.map(|manifest| (manifest, Digest::of(manifest.version.to_string())))
            .collect()
    }

    fn names(&self) -> Vec<&ConnectorName> {
        self.0.iter().map(|manifest| &manifest.name).collect()
    }
}

/// A folder with this flow and the shared schemas and mappings.
pub(crate) fn folder(flow: &str) -> FlowFolder {
    let mut files = BTreeMap::from([("flow.yaml".to_owned(), flow.to_owned())]);
    let shared = tests().join("folder");
    for part in ["schemas", "mappings", "fixtures", "."] {
        for entry in std::fs::read_dir(shared.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                let name = if part == "." {
                    name.to_owned()
                } else {
                    format!("{part}/{name}")
                };
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let path = FOLDER.to_owned();
    FlowFolder { path, files }
}

/// The calendars of the repository that the cases lie in.
fn calendars() -> Calendars {
    let read = |name: &str, text: &str| {
        dowel_flow::calendar::parse(&format!("calendars/{name}.yaml"), text).unwrap()
    };
    Calendars::from([
        read(
            "office",
            "calendar: office\ntimezone: Europe/Berlin\nhours: ['09:00-17:00']\nholidays: { '12-25': Christmas }\n",
        ),
        read("always", "calendar: always\ntimezone: UTC\n"),
    ])
}

/// The policy of the repository that the cases lie in.
fn policy() -> Policy {
    let text = "groups: { finance: [ana@example.com], finance-leads: [lea@example.com] }\n";
    dowel_flow::policy::parse("policy.yaml", text).unwrap()
}

/// The repository that the cases lie in, with other flows that a case may run.
pub(crate) fn flows(own: &str) -> Outlines {
    let head = "language: dowel/v1\nversion: 1.2.0\n";
    let manual = "trigger: { manual: { schema: schemas/charge.json } }\n";
    let schema = closed(&json!({ "customer": {}, "total": {} }), &["customer"]);
    let other = |name: &str, rest: &str| FlowFolder {
        path: format!("flows/{name}"),
        files: BTreeMap::from([
            (
                "flow.yaml".to_owned(),
                format!("{head}flow: {name}\n{rest}"),
            ),
            ("schemas/charge.json".to_owned(), schema.to_string()),
        ]),
    };
    let steps = "steps:\n  - { id: a, set: { x: 1 } }\n";
    let circle = "steps:\n  - { id: a, run: order-to-invoice@^1 }\n";
    Outlines::of(&[
        folder(own),
        other(
            "charge-customer",
            &format!("{manual}{steps}output: {{ id: 1 }}\n"),
        ),
        other("goes-round", &format!("{manual}{circle}")),
        other(
            "nightly",
            &format!("trigger: {{ schedule: {{ every: 1h }} }}\n{steps}"),
        ),
        other("broken", "steps: ["),
    ])
}

/// The mapping guest that the cases are checked with.
pub(crate) fn checker() -> &'static Mapping {
    &MAPPING
}

pub(crate) fn compile(flow: &str) -> Result<Compiled, Vec<Diagnostic>> {
    let context = Context {
        catalogue: &Connectors::new(),
        checker: &*MAPPING,
        calendars: &calendars(),
        policy: &policy(),
        flows: &flows(flow),
        commit: Some("9f2c"),
    };
    dowel_flow::compile(&folder(flow), context)
}

/// Where the cases are.
pub(crate) fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Every `.yaml` of a folder of cases, by name.
pub(crate) fn cases(folder: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(tests().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            out.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    out.sort();
    out
}

/// Compares with `<folder>/<name>.txt`; `UPDATE_EXPECT=1` writes it.
pub(crate) fn expect(folder: &str, name: &str, actual: &str) {
    let path = tests().join(folder).join(format!("{name}.txt"));
    expect_test::expect_file![path].assert_eq(actual);
}

pub(crate) fn render(found: &[Diagnostic]) -> String {
    let all: Vec<String> = found.iter().map(Diagnostic::render).collect();
    all.join("\n")
}
