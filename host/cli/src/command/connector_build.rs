//! `dowel connector build`: compiles a Rust connector and writes its manifest into it.

use crate::args::{Build, Format};
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_wasm::package;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The Wasm target of Rust connectors.
const TARGET: &str = "wasm32-wasip2";

pub(crate) fn run(build: &Build, format: Format) -> Result<ExitCode> {
    let component = match (&build.component, &build.folder) {
        (Some(component), _) => component.clone(),
        (None, Some(folder)) => compile(folder, &build.profile)?,
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

fn compile(folder: &Path, profile: &str) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        bail!(
            "{} has no Cargo.toml: `dowel connector build` builds Rust connectors",
            folder.display()
        );
    }
    let output = Command::new("cargo")
        .args([
            "build",
            "--target",
            TARGET,
            "--profile",
            profile,
            "--message-format",
            "json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(&manifest)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo; install Rust with rustup")?;
    if !output.status.success() {
        bail!(
            "the connector does not compile; if the target is missing, run `rustup target add {TARGET}`"
        );
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let artifacts = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut components = artifacts.filter_map(|message| component(&message));
    components
        .next_back()
        .ok_or_else(|| anyhow!("the crate builds no component: its crate-type must be cdylib"))
}

fn component(message: &Value) -> Option<PathBuf> {
    let files = message["filenames"].as_array()?;
    files
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|path| path.extension().is_some_and(|e| e == "wasm"))
}
