//! `dowel connector check --against`.

use crate::args::{ConnectorCheck, Format};
use crate::{exit, fetch, output};
use anyhow::{Context as _, Result};
use dowel_conformance::compare;
use dowel_flow::contract::Bump;
use dowel_wasm::package;
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn run(check: &ConnectorCheck, format: Format) -> Result<ExitCode> {
    let path = &check.component;
    let new = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = package::inspect(&new).with_context(|| path.display().to_string())?;
    let old = fetch::fetch(&check.against, &check.repository).await?;
    let old = package::inspect(&old.component).with_context(|| check.against.clone())?;
    let comparison = compare(&old.manifest, &new.manifest);
    let (from, to) = (&old.manifest.version, &new.manifest.version);
    let mut human = format!("{} {from} -> {to}\n", new.manifest.name);
    for change in &comparison.changes {
        let _ = writeln!(human, "  {:<8} {}", change.class.to_string(), change.what);
    }
    let least = comparison.least_version(from);
    let is_enough = *to >= least;
    match comparison.due() {
        Bump::None => human.push_str("nothing that others see has changed\n"),
        due => {
            let _ = writeln!(human, "a {due} version is due: {least} or later");
        }
    }
    if !is_enough {
        let _ = writeln!(human, "{to} is too low");
    }
    let value = json!({
        "from": from, "to": to, "due": comparison.due(), "least": least,
        "changes": comparison.changes, "enough": is_enough,
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(!is_enough))
}
