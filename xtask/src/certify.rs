//! The certification of the connectors, and the proof that it means something.

use crate::build::{self, CONNECTORS, Profile};
use crate::tally::{self, Tally};
use crate::{languages, run, suite};
use anyhow::{Context as _, Result};
use std::fs;
use std::process::Command;

/// What every connector of this repository has to have.
const LEVEL: &str = "gold";

/// Tests every built connector with its cases.
pub(crate) fn suite() -> Result<Tally> {
    suite::all_built()?;
    build::guests(Profile::Dev)?;
    let mut tally = Tally::default();
    for name in build::connector_names()? {
        let mut command = Command::new(Profile::Dev.program("dowel"));
        command
            .current_dir(run::root())
            .args(["connector", "test", "--level", LEVEL, "--cases"])
            .arg(format!("connectors/{name}/cases"))
            .arg(component(&name)?);
        tally += tally::count(&mut command)?;
    }
    tally += languages::certify(LEVEL)?;
    Ok(tally)
}

/// The newest build of a connector.
fn component(name: &str) -> Result<String> {
    let folder = run::root().join(CONNECTORS);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let version = file.strip_prefix(&format!("{name}-"));
        let is_own = version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()));
        if is_own && file.ends_with(".wasm") {
            found.push((entry.metadata()?.modified()?, file));
        }
    }
    let (_, file) = found
        .into_iter()
        .max()
        .context("the connector is not built")?;
    Ok(format!("{CONNECTORS}/{file}"))
}

/// For each check of the kit, a connector that fails just this one.
pub(crate) fn selftest() -> Result<()> {
    let test = ["test", "--workspace", "--test", "selftest"];
    run::step(
        "the conformance kit finds every flaw",
        &mut run::cargo(test),
    )
}
