//! `dowel connector inspect`.

use crate::args::Format;
use crate::{exit, output};
use anyhow::{Context as _, Result};
use dowel_core::manifest::{Effect, Idempotency, OperationSpec};
use dowel_wasm::package;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(path: &Path, format: Format) -> Result<ExitCode> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let inspection = package::inspect(&bytes).with_context(|| path.display().to_string())?;
    let manifest = &inspection.manifest;
    let mut text = format!(
        "{} {}: {}\n",
        manifest.name, manifest.version, manifest.summary
    );
    let _ = writeln!(text, "  digest    {}", inspection.digest);
    let _ = writeln!(text, "  size      {} bytes", bytes.len());
    let _ = writeln!(text, "  contract  {}", manifest.contract);
    let egress = if manifest.egress.is_empty() {
        "nowhere".to_owned()
    } else {
        manifest.egress.join("; ")
    };
    let _ = writeln!(text, "  egress    {egress}");
    let _ = writeln!(text, "  imports   {}", inspection.imports.join(", "));
    for operation in &manifest.operations {
        write_operation(&mut text, operation);
    }
    output::print(format, &inspection, &text)?;
    Ok(exit::found(false))
}

fn write_operation(text: &mut String, operation: &OperationSpec) {
    let effect = match operation.effect {
        Effect::Read => "read",
        Effect::Write => "write",
    };
    let idempotency = match operation.idempotency {
        Idempotency::Natural => "natural",
        Idempotency::Keyed => "keyed",
        Idempotency::None => "none",
    };
    let _ = writeln!(
        text,
        "  operation {}: {}",
        operation.name, operation.summary
    );
    let _ = writeln!(text, "    effect {effect}, idempotency {idempotency}");
    if let Some(undo) = &operation.compensated_by {
        let _ = writeln!(text, "    compensated by {undo}");
    }
}
