//! `README.md`.

use super::MADE;
use crate::model::Api;
use dowel_core::manifest::{Effect, Idempotency};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The text of the file.
pub(super) fn readme(api: &Api) -> String {
    let name = &api.name;
    let mut out = format!(
        "# {name}\n\nA connector for {}, version {} of its document. {MADE}\n\n```sh\ncargo check\n\
         dowel connector build .\ndowel connector test .dowel/connectors/{name}-{}.wasm\n```\n\n\
         `connection.example.yaml` is a connection for an environment, with everything that the connector \
         needs. The same command makes the project again when the document has changed: it shows what \
         that means for flows, and writes with `--update`. Files that were changed by hand are kept.\n",
        api.title, api.document_version, api.version
    );
    if let Some(header) = &api.key_header {
        let _ = writeln!(
            out,
            "\nWrites are made repeatable by the header `{header}`: set `idempotency_header` of the connection \
             to it. Operations of the idempotency `none` are not repeated on their own."
        );
    }
    out.push_str("\n## Operations\n\n| operation | effect | idempotency | pages | |\n|---|---|---|---|---|\n");
    for operation in &api.operations {
        let effect = match operation.effect {
            Effect::Read => "read",
            Effect::Write => "write",
        };
        let idempotency = match operation.idempotency {
            Idempotency::Natural => "natural",
            Idempotency::Keyed => "keyed",
            Idempotency::None => "none",
        };
        let pages = if operation.page.is_some() { "yes" } else { "" };
        let summary = operation.summary.replace('|', "\\|");
        let _ = writeln!(
            out,
            "| `{}` | {effect} | {idempotency} | {pages} | {summary} |",
            operation.name
        );
    }
    let notes: BTreeSet<_> = api.notes.iter().collect();
    if !notes.is_empty() {
        out.push_str("\n## What the document says and the connector does not do\n\n");
        for note in notes {
            let _ = writeln!(out, "- `{}`: {}", note.place, note.what);
        }
    }
    out
}
