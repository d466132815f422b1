//! `dowel connector new`: a project that builds, passes its tests and is certified as it is.

use crate::args::{ConnectorNew, Format, Language};
use crate::{exit, output};
use anyhow::{Context as _, Result, bail};
use dowel_core::ConnectorName;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Files of a project and their text.
type Files = [(&'static str, &'static str)];

macro_rules! template {
    ($($to:literal = $from:literal),* $(,)?) => {
        &[$(($to, include_str!(concat!("../../templates/", $from)))),*]
    };
}

const RUST: &Files = template! {
    "Cargo.toml" = "rust/Cargo.toml.txt",
    "README.md" = "rust/README.md.txt",
    ".gitignore" = "rust/gitignore.txt",
    "src/lib.rs" = "rust/src/lib.rs.txt",
    "cases/connection.yaml" = "rust/cases/connection.yaml",
    "cases/get-item.yaml" = "rust/cases/get-item.yaml",
    "cases/get-item-unknown.yaml" = "rust/cases/get-item-unknown.yaml",
    "cases/list-items.yaml" = "rust/cases/list-items.yaml",
    "cases/list-items-last.yaml" = "rust/cases/list-items-last.yaml",
    "cases/list-items-old-cursor.yaml" = "rust/cases/list-items-old-cursor.yaml",
    "cases/create-item.yaml" = "rust/cases/create-item.yaml",
    "cases/create-item-sold-out.yaml" = "rust/cases/create-item-sold-out.yaml",
};

/// Where the SDK is in a copy of Dowel.
const SDK: &str = "sdk/rust";

pub(crate) fn run(new: &ConnectorNew, format: Format) -> Result<ExitCode> {
    let name: ConnectorName = new.name.parse()?;
    let folder = new
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(name.as_str()));
    if folder.exists() {
        bail!("{} is there already", folder.display());
    }
    let files = match new.lang {
        Language::Rust => RUST,
    };
    let sdk = sdk(new.sdk.as_deref())?;
    for (file, text) in files {
        let path = folder.join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let text = text
            .replace("{{name}}", name.as_str())
            .replace("{{sdk}}", &sdk.display().to_string());
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let human = format!(
        "{} made: {} files\n  cd {}\n  cargo test\n  dowel connector build .\n  \
         dowel connector test .dowel/connectors/{name}-0.1.0.wasm --level gold",
        folder.display(),
        files.len(),
        folder.display()
    );
    let value = json!({ "folder": folder, "sdk": sdk });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

/// The SDK that is named, or that of the copy of Dowel that one stands in or runs.
fn sdk(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(given) = given {
        let found = given.join("Cargo.toml").is_file();
        return match found {
            true => Ok(given.canonicalize()?),
            false => bail!("{} is not the SDK: it has no Cargo.toml", given.display()),
        };
    }
    let places = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let above = places.iter().flatten().flat_map(|place| place.ancestors());
    let mut found = above.map(|place| place.join(SDK));
    found
        .find(|sdk| sdk.join("Cargo.toml").is_file())
        .context("the SDK is not found: name it with --sdk <copy of Dowel>/sdk/rust")
}
