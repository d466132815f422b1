//! `dowel connector build`: compiles a connector and writes its manifest into it.

use crate::args::{Build, Format};
use crate::{exit, output, toolchain};
use anyhow::{Context as _, Result, bail};
use dowel_wasm::package;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

pub(crate) fn run(build: &Build, format: Format) -> Result<ExitCode> {
    let component = match (&build.component, &build.folder) {
        (Some(component), _) => component.clone(),
        (None, Some(folder)) => toolchain::build(folder, &build.profile)?,
        (None, None) => bail!("name the connector's folder"),
    };
    let bytes = std::fs::read(&component)
        .with_context(|| format!("cannot read {}", component.display()))?;
    let described = package::describe(&bytes).with_context(|| component.display().to_string())?;
    let inspection = package::inspect(&described)?;
    let manifest = &inspection.manifest;
    std::fs::create_dir_all(&build.out)?;
    let path = build
        .out
        .join(format!("{}-{}.wasm", manifest.name, manifest.version));
    write_atomically(&path, &described)?;
    let human = format!(
        "{} {} built: {} ({} bytes, {} operation(s))\n  digest {}",
        manifest.name,
        manifest.version,
        path.display(),
        described.len(),
        manifest.operations.len(),
        inspection.digest
    );
    let value = json!({
        "name": manifest.name, "version": manifest.version, "digest": inspection.digest,
        "file": path, "size": described.len(),
    });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

/// A host that starts at this moment sees the old file or the new one, never a part.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_extension("wasm.part");
    std::fs::write(&temporary, bytes)
        .with_context(|| format!("cannot write {}", temporary.display()))?;
    std::fs::rename(&temporary, path).with_context(|| format!("cannot write {}", path.display()))
}
