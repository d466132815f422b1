//! `dowel connector add` and `dowel connector install`.

use crate::args::{ConnectorAdd, Format, Repository};
use crate::fetch::{self, Added};
use crate::lock::{LOCK_FILE, Lock, refused};
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow};
use dowel_core::Digest;
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn add(add: &ConnectorAdd, format: Format) -> Result<ExitCode> {
    let fetched = fetch::fetch(&add.source, &add.repository).await?;
    let added = fetch::add(fetched, &add.repository).with_context(|| add.source.clone())?;
    let entry = &added.entry;
    let mut human = format!(
        "{} {} added from {}\n",
        entry.name, entry.version, entry.source
    );
    let _ = writeln!(human, "  digest    {}", entry.digest);
    let _ = writeln!(human, "  file      {}", added.path.display());
    let signed = match (&added.signer, &entry.signature) {
        (Some(signer), _) => format!("by {signer}"),
        (None, Some(signature)) => format!("by {}, whom nobody here has named", signature.key),
        (None, None) => "no".to_owned(),
    };
    let _ = writeln!(human, "  signed    {signed}");
    let changes = changes(&added);
    for change in &changes {
        let _ = writeln!(human, "  {change}");
    }
    let value = json!({
        "connector": entry, "signer": added.signer, "file": added.path, "changes": changes,
        "operations": added.inspection.manifest.operations.len(),
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

/// What it can do beyond the version before, and what no longer.
fn changes(added: &Added) -> Vec<String> {
    let now = &added.entry.capabilities;
    let Some(before) = &added.before else {
        let needs = now.egress.iter();
        return needs.map(|rule| format!("needs     {rule}")).collect();
    };
    let then = &before.capabilities;
    let mut lines = Vec::new();
    for (what, now, then) in [
        ("needs", &now.egress, &then.egress),
        ("imports", &now.imports, &then.imports),
    ] {
        let more = now.iter().filter(|one| !then.contains(one));
        lines.extend(more.map(|one| format!("+ {what} {one}, which {} did not", before.version)));
        let less = then.iter().filter(|one| !now.contains(one));
        lines.extend(less.map(|one| format!("- {what} {one} no longer")));
    }
    lines
}

/// Brings everything that the lock names.
pub(crate) async fn install(repository: &Repository, format: Format) -> Result<ExitCode> {
    let lock = Lock::read(&repository.repo).map_err(refused)?;
    let lock =
        lock.ok_or_else(|| anyhow!("there is no {LOCK_FILE} in {}", repository.repo.display()))?;
    let mut human = String::new();
    let mut brought = Vec::new();
    for entry in lock.entries() {
        let path = fetch::place(repository, &entry.name, &entry.version);
        let is_there = std::fs::read(&path).is_ok_and(|bytes| Digest::of(&bytes) == entry.digest);
        let (name, version) = (&entry.name, &entry.version);
        if is_there {
            let _ = writeln!(human, "{name} {version} is there");
            continue;
        }
        let component = fetch::locked(entry, repository)
            .await
            .with_context(|| format!("{name} {version}"))?;
        fetch::write(&path, &component)?;
        let _ = writeln!(human, "{name} {version} brought to {}", path.display());
        brought.push(path);
    }
    output::print(format, &json!({ "brought": brought }), &human)?;
    Ok(exit::found(false))
}
