//! `dowel connector docs`: a page about a connector, made of its manifest.

use crate::args::Format;
use crate::{exit, output};
use anyhow::{Context as _, Result};
use dowel_core::JsonText;
use dowel_core::id::OperationName;
use dowel_core::manifest::{
    Effect, Idempotency, Manifest, OperationSpec, ReceiverSpec, SourceSpec,
};
use dowel_wasm::package;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Widest example that is shown on one line.
const LINE: usize = 96;

pub(crate) fn run(path: &Path, format: Format) -> Result<ExitCode> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let inspection = package::inspect(&bytes).with_context(|| path.display().to_string())?;
    let page = page(&inspection.manifest);
    output::print(format, &json!({ "markdown": page }), &page)?;
    Ok(exit::found(false))
}

fn page(manifest: &Manifest) -> String {
    let (name, version) = (&manifest.name, &manifest.version);
    let mut page = format!(
        "# The connector `{name}`\n\n{}\n\nVersion {version}.\n",
        manifest.summary
    );
    page.push_str("\n## Connection\n\nUnder `config` of a connection:\n");
    fields(&mut page, &manifest.config_schema.to_value());
    page.push_str("\nIt sends requests here and nowhere else; `allow` of the connection has to grant them:\n\n");
    for rule in &manifest.egress {
        let _ = writeln!(page, "- `{rule}`");
    }
    for operation in &manifest.operations {
        section(&mut page, operation);
    }
    for source in &manifest.sources {
        source_section(&mut page, source);
    }
    for receiver in &manifest.receivers {
        receiver_section(&mut page, receiver);
    }
    page
}

fn source_section(page: &mut String, source: &SourceSpec) {
    let (name, summary) = (&source.name, &source.summary);
    let _ = write!(
        page,
        "\n## The source `{name}`\n\n{summary} A flow reads it with `trigger: {{ poll: {{ source: <connection>.{name} }} }}`."
    );
    if let Some(limit) = source.deadline_ms {
        let _ = write!(page, " A read may take {limit} ms.");
    }
    page.push('\n');
    events(page, name, &source.params_schema, &source.event_schema);
}

fn receiver_section(page: &mut String, receiver: &ReceiverSpec) {
    let (name, summary) = (&receiver.name, &receiver.summary);
    let _ = write!(
        page,
        "\n## The receiver `{name}`\n\n{summary} A flow hears it with `trigger: {{ webhook: {{ connection: <connection>, receiver: {name}, path: /… }} }}`."
    );
    if receiver.handshake {
        page.push_str(" It answers the handshakes of the service.");
    }
    if receiver.subscription {
        page.push_str(
            " It knows how the service is asked to send; hosts do not ask yet: set it up there.",
        );
    }
    if let Some(limit) = receiver.deadline_ms {
        let _ = write!(page, " A request may take {limit} ms.");
    }
    page.push('\n');
    events(page, name, &receiver.params_schema, &receiver.event_schema);
}

/// The parameters and the events of a source or a receiver.
fn events(page: &mut String, name: &OperationName, params: &JsonText, event: &JsonText) {
    for (title, schema) in [("Parameters", params), ("Events", event)] {
        let _ = writeln!(page, "\n### {title} of `{name}`");
        fields(page, &schema.to_value());
    }
}

fn section(page: &mut String, operation: &OperationSpec) {
    let effect = match operation.effect {
        Effect::Read => "It reads.",
        Effect::Write => "It writes.",
    };
    let repeat = match operation.idempotency {
        Idempotency::Natural => "Repeating it changes nothing.",
        Idempotency::Keyed => "Repeating it with the same key changes nothing.",
        Idempotency::None => "Repeating it acts again.",
    };
    let _ = write!(
        page,
        "\n## `{}`\n\n{} {effect} {repeat}",
        operation.name, operation.summary
    );
    if let Some(undo) = &operation.compensated_by {
        let _ = write!(page, " `{undo}` undoes it.");
    }
    if let Some(pages) = &operation.pagination {
        let _ = write!(
            page,
            " It has pages: the cursor goes to `{}` and comes from `{}`, the items are at `{}`.",
            pages.cursor_in, pages.cursor_out, pages.items
        );
    }
    if let Some(limit) = operation.deadline_ms {
        let _ = write!(page, " A call may take {limit} ms.");
    }
    page.push('\n');
    for (title, schema, example) in [
        ("Input", &operation.input_schema, &operation.example_input),
        (
            "Output",
            &operation.output_schema,
            &operation.example_output,
        ),
    ] {
        let _ = writeln!(page, "\n### {title} of `{}`", operation.name);
        fields(page, &schema.to_value());
        if let Some(example) = example {
            let _ = writeln!(page, "\n```json\n{}\n```", shown(example));
        }
    }
}

/// A short example as it is, a long one on several lines; digits stay.
fn shown(example: &JsonText) -> String {
    let fields = example.fields().unwrap_or_default();
    if example.as_str().len() <= LINE || fields.is_empty() {
        return example.to_string();
    }
    let lines = fields.iter().map(|(name, value)| {
        let name = JsonText::string(name);
        format!("  {name}: {value}")
    });
    format!("{{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))
}

/// The fields of an object, and of the objects that it refers to.
fn fields(page: &mut String, schema: &Value) {
    table(page, schema);
    for (name, definition) in sorted(&schema["$defs"]) {
        if definition["properties"].is_object() {
            let _ = write!(page, "\n`{name}`:\n");
            table(page, definition);
        }
    }
}

fn table(page: &mut String, schema: &Value) {
    let properties = sorted(&schema["properties"]);
    if properties.is_empty() {
        let _ = write!(page, "\n{}\n", kind(schema));
        return;
    }
    page.push_str("\n| field | type | | meaning |\n|---|---|---|---|\n");
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in properties {
        let needed = if required.contains(&name.as_str()) {
            "required"
        } else {
            ""
        };
        let meaning = property["description"].as_str().unwrap_or_default();
        let meaning = meaning.replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(
            page,
            "| `{name}` | {} | {needed} | {meaning} |",
            kind(property)
        );
    }
}

/// By name, whatever order the manifest was read in.
fn sorted(object: &Value) -> BTreeMap<&String, &Value> {
    object.as_object().into_iter().flatten().collect()
}

/// A type in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return format!("`{name}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(all) = schema[key].as_array() {
            let all: Vec<String> = all.iter().map(kind).collect();
            return all.join(" or ");
        }
    }
    let name = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(all) => {
            let names: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        _ => "any value".to_owned(),
    };
    match (&schema["items"], schema["format"].as_str()) {
        (Value::Object(_), _) => format!("{name} of {}", kind(&schema["items"])),
        (_, Some(format)) => format!("{name} ({format})"),
        _ => name,
    }
}
