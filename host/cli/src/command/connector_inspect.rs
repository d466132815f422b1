//! `dowel connector inspect`.

use crate::args::Format;
use crate::lock::{Candidate, Rules, Signature, capabilities};
use crate::{exit, output};
use anyhow::{Context as _, Result};
use dowel_core::manifest::{Effect, Idempotency, OperationSpec, ReceiverSpec};
use dowel_wasm::package::{self, Inspection};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(path: &Path, repo: &Path, format: Format) -> Result<ExitCode> {
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
    let rules = Rules::read(repo)?;
    let standing = standing(path, &inspection, &rules)?;
    let _ = writeln!(text, "  signed    {}", standing.signed);
    let _ = writeln!(text, "  locked    {}", standing.locked);
    for operation in &manifest.operations {
        write_operation(&mut text, operation);
    }
    for source in &manifest.sources {
        let _ = writeln!(text, "  source    {}: {}", source.name, source.summary);
    }
    for receiver in &manifest.receivers {
        write_receiver(&mut text, receiver);
    }
    let mut value = serde_json::to_value(&inspection)?;
    value["signed"] = standing.signed.into();
    value["locked"] = standing.locked.into();
    value["capabilities"] = serde_json::to_value(capabilities(&inspection))?;
    output::print(format, &value, &text)?;
    Ok(exit::found(false))
}

/// How the repository stands to a component.
struct Standing {
    signed: String,
    locked: String,
}

fn standing(path: &Path, inspection: &Inspection, rules: &Rules) -> Result<Standing> {
    let manifest = &inspection.manifest;
    let candidate = Candidate {
        name: manifest.name.as_str(),
        version: manifest.version.to_string(),
        digest: inspection.digest,
        path,
    };
    let entry = rules.entry(inspection.digest);
    let signature = match entry {
        Some(entry) => entry.signature.clone(),
        None => Signature::beside(path)?,
    };
    let signed = match (
        rules.check_signature(&candidate, signature.as_ref()),
        &signature,
    ) {
        (Ok(Some(signer)), _) => format!("by {signer}, who is trusted"),
        (Ok(None), Some(signature)) => format!("by {}", signature.key),
        (Ok(None), None) => "no".to_owned(),
        (Err(refusal), _) => format!("{}: {refusal}", refusal.code()),
    };
    let locked = match (entry, rules.check(&candidate)) {
        (Some(entry), _) => format!("from {}", entry.source),
        (None, Ok(())) => "there is no lock".to_owned(),
        (None, Err(refusal)) => format!("{}: {refusal}", refusal.code()),
    };
    Ok(Standing { signed, locked })
}

fn write_receiver(text: &mut String, receiver: &ReceiverSpec) {
    let _ = writeln!(text, "  receiver  {}: {}", receiver.name, receiver.summary);
    if receiver.handshake {
        let _ = writeln!(text, "    answers handshakes");
    }
    if receiver.subscription {
        let _ = writeln!(text, "    knows how the service is asked to send");
    }
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
