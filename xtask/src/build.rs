//! Building host, shop and connectors.

use crate::{run, setup};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// How the host is built. Guests have a profile of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The cargo arguments that choose it.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Dev => &[],
            Self::Release => &["--release"],
        }
    }

    /// A program that was built with it.
    pub(crate) fn program(self, name: &str) -> PathBuf {
        let folder = match self {
            Self::Dev => "debug",
            Self::Release => "release",
        };
        run::root().join("target").join(folder).join(name)
    }
}

/// Where built connectors lie, as `dowel serve` looks for them.
pub(crate) const CONNECTORS: &str = ".dowel/connectors";

/// Host, shop and connectors.
pub(crate) fn everything(profile: Profile) -> Result<()> {
    setup::run()?;
    host(profile, &["dowel-cli", "dowel-shop"])?;
    guests(profile)
}

/// Programs of the workspace.
pub(crate) fn host(profile: Profile, packages: &[&str]) -> Result<()> {
    let mut command = run::cargo(["build"]);
    command.args(profile.arguments());
    for package in packages {
        command.args(["--package", package]);
    }
    let what = format!("building {}", packages.join(", "));
    run::step(&what, &mut command)
}

/// The connectors, each with its manifest inside.
pub(crate) fn guests(profile: Profile) -> Result<()> {
    setup::run()?;
    let names = connector_names()?;
    let mut command = run::cargo([
        "build",
        "--profile",
        "guest",
        "--target",
        setup::WASM_TARGET,
    ]);
    command.args(["--target-dir", "target/guests"]);
    for name in &names {
        command.args(["--package", &format!("dowel-connector-{name}")]);
    }
    let what = format!("building the connectors {}", names.join(", "));
    run::step(&what, &mut command)?;
    let dowel = profile.program("dowel");
    if !dowel.is_file() {
        host(profile, &["dowel-cli"])?;
    }
    let built = run::root()
        .join("target/guests")
        .join(setup::WASM_TARGET)
        .join("guest");
    for name in &names {
        let component = built.join(format!("dowel_connector_{}.wasm", name.replace('-', "_")));
        let mut command = Command::new(&dowel);
        command
            .current_dir(run::root())
            .args(["connector", "build", "--component"]);
        command.arg(component).args(["--out", CONNECTORS]);
        run::succeed(&mut command)?;
    }
    Ok(())
}

pub(crate) fn connector_names() -> Result<Vec<String>> {
    let folder = run::root().join("connectors");
    let entries = fs::read_dir(&folder).context("connectors/ cannot be read")?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}
