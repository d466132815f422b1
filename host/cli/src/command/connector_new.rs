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

/// What a project of a language begins with.
struct Starter {
    /// The files, besides those of [`CASES`].
    files: &'static Files,
    /// Where the SDK is in a copy of Dowel.
    sdk: &'static str,
    /// The file by which the SDK is known.
    mark: &'static str,
    /// How its tests are run.
    tests: &'static [&'static str],
}

macro_rules! template {
    ($($to:literal = $from:literal),* $(,)?) => {
        &[$(($to, include_str!(concat!("../../templates/", $from)))),*]
    };
}

/// The same exchanges, whatever the language.
const CASES: &Files = template! {
    "cases/connection.yaml" = "cases/connection.yaml",
    "cases/get-item.yaml" = "cases/get-item.yaml",
    "cases/get-item-unknown.yaml" = "cases/get-item-unknown.yaml",
    "cases/list-items.yaml" = "cases/list-items.yaml",
    "cases/list-items-last.yaml" = "cases/list-items-last.yaml",
    "cases/list-items-old-cursor.yaml" = "cases/list-items-old-cursor.yaml",
    "cases/create-item.yaml" = "cases/create-item.yaml",
    "cases/create-item-sold-out.yaml" = "cases/create-item-sold-out.yaml",
};

const RUST: Starter = Starter {
    files: template! {
        "Cargo.toml" = "rust/Cargo.toml.txt",
        "README.md" = "rust/README.md.txt",
        ".gitignore" = "rust/gitignore.txt",
        "src/lib.rs" = "rust/src/lib.rs.txt",
    },
    sdk: "sdk/rust",
    mark: "Cargo.toml",
    tests: &["cargo test"],
};

const PYTHON: Starter = Starter {
    files: template! {
        "pyproject.toml" = "python/pyproject.toml.txt",
        "requirements.txt" = "python/requirements.txt",
        "README.md" = "python/README.md.txt",
        ".gitignore" = "python/gitignore.txt",
        "connector.py" = "python/connector.py",
        "test_connector.py" = "python/test_connector.py",
    },
    sdk: "sdk/python",
    mark: "pyproject.toml",
    tests: &[
        "python3 -m venv .venv",
        ".venv/bin/pip install -r requirements.txt",
        ".venv/bin/python -m unittest",
    ],
};

const TYPESCRIPT: Starter = Starter {
    files: template! {
        "package.json" = "javascript/package-typescript.json",
        "tsconfig.json" = "javascript/tsconfig.json",
        ".npmrc" = "javascript/npmrc.txt",
        "README.md" = "javascript/README.md.txt",
        ".gitignore" = "javascript/gitignore.txt",
        "src/connector.ts" = "javascript/connector.js",
        "test/connector.test.js" = "javascript/connector-typescript.test.js",
    },
    sdk: "sdk/javascript",
    mark: "package.json",
    tests: &["npm install", "npm test"],
};

const JAVASCRIPT: Starter = Starter {
    files: template! {
        "package.json" = "javascript/package.json",
        ".npmrc" = "javascript/npmrc.txt",
        "README.md" = "javascript/README.md.txt",
        ".gitignore" = "javascript/gitignore.txt",
        "src/connector.js" = "javascript/connector.js",
        "test/connector.test.js" = "javascript/connector.test.js",
    },
    sdk: "sdk/javascript",
    mark: "package.json",
    tests: &["npm install", "npm test"],
};

pub(crate) fn run(new: &ConnectorNew, format: Format) -> Result<ExitCode> {
    let name: ConnectorName = new.name.parse()?;
    let folder = new
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(name.as_str()));
    if folder.exists() {
        bail!("{} is there already", folder.display());
    }
    let starter = match new.lang {
        Language::Rust => RUST,
        Language::Python => PYTHON,
        Language::TypeScript => TYPESCRIPT,
        Language::JavaScript => JAVASCRIPT,
    };
    let sdk = sdk(&starter, new.sdk.as_deref())?;
    for (file, text) in starter.files.iter().chain(CASES) {
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
        "{} made: {} files\n  cd {}\n  {}\n  dowel connector build .\n  \
         dowel connector test .dowel/connectors/{name}-0.1.0.wasm --level gold",
        folder.display(),
        starter.files.len() + CASES.len(),
        folder.display(),
        starter.tests.join("\n  "),
    );
    let value = json!({ "folder": folder, "sdk": sdk });
    output::print(format, &value, &human)?;
    Ok(exit::found(false))
}

/// The SDK of connectors that are written in Rust.
pub(super) fn rust_sdk(given: Option<&Path>) -> Result<PathBuf> {
    sdk(&RUST, given)
}

/// The SDK that is named, or that of the copy of Dowel that one stands in or runs.
fn sdk(starter: &Starter, given: Option<&Path>) -> Result<PathBuf> {
    let Starter { sdk, mark, .. } = starter;
    if let Some(given) = given {
        let found = given.join(mark).is_file();
        return match found {
            true => Ok(given.canonicalize()?),
            false => bail!("{} is not the SDK: it has no {mark}", given.display()),
        };
    }
    let places = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let above = places.iter().flatten().flat_map(|place| place.ancestors());
    let mut found = above.map(|place| place.join(sdk));
    found
        .find(|sdk| sdk.join(mark).is_file())
        .with_context(|| format!("the SDK is not found: name it with --sdk <copy of Dowel>/{sdk}"))
}
