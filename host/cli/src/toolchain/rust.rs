//! Rust: cargo.

use super::{BuildError, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Wasm target.
const TARGET: &str = "wasm32-wasip2";

pub(super) fn build(folder: &Path, profile: &str) -> Result<PathBuf, BuildError> {
    let mut cargo = Command::new("cargo");
    cargo
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
        .arg(folder.join("Cargo.toml"));
    let output = match run(&mut cargo) {
        Err(BuildError::File { .. }) => {
            let install = format!("rustup toolchain install stable --target {TARGET}");
            return Err(BuildError::missing(folder, "cargo", &install));
        }
        Err(BuildError::Failed { .. }) => {
            return Err(BuildError::Failed {
                program: format!(
                    "cargo (if the target is missing, run `rustup target add {TARGET}`)"
                ),
            });
        }
        output => output?,
    };
    let messages = String::from_utf8_lossy(&output);
    let artifacts = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut components = artifacts.filter_map(|message| component(&message));
    components.next_back().ok_or_else(|| {
        let why = "the crate builds no component: its crate-type must be cdylib";
        BuildError::project(folder, why)
    })
}

fn component(message: &Value) -> Option<PathBuf> {
    let files = message["filenames"].as_array()?;
    files
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|path| path.extension().is_some_and(|e| e == "wasm"))
}
