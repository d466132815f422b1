//! What `dowel connector new` writes: it has to build, pass its tests and be certified as
//! it is.

use crate::build::Profile;
use crate::tally::{self, Tally};
use crate::{languages, run, setup, suite};
use anyhow::Result;
use std::fs;
use std::process::Command;

/// The connector that is made.
const NAME: &str = "widgets";

/// Makes a connector of each language and puts it to the test.
pub(crate) fn suite() -> Result<Tally> {
    setup::run()?;
    suite::all_built()?;
    let target = run::target()?;
    let folder = target.join("templates").join("rust");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let dowel = Profile::Dev.program("dowel");
    let mut made = Command::new(&dowel);
    made.args(["connector", "new", NAME, "--lang", "rust", "--sdk"])
        .arg(run::root().join("sdk/rust"))
        .arg("--out")
        .arg(&folder);
    run::succeed(&mut made)?;
    // The same versions of dependencies, which are there already.
    fs::copy(run::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let own_target = target.join("template-build");
    let mut tests = run::cargo(["test", "--offline", "--quiet"]);
    tests
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", &own_target);
    let mut tally = tally::count(&mut tests)?;
    let mut build = Command::new(&dowel);
    build
        .current_dir(&folder)
        .args(["connector", "build", "."])
        .env("CARGO_TARGET_DIR", &own_target)
        .env("CARGO_NET_OFFLINE", "true");
    run::succeed(&mut build)?;
    let mut test = Command::new(&dowel);
    test.current_dir(&folder)
        .args(["connector", "test", "--level", "gold"])
        .arg(format!(".dowel/connectors/{NAME}-0.1.0.wasm"));
    tally += tally::count(&mut test)?;
    tally += languages::templates(NAME)?;
    Ok(tally)
}
