//! What `dowel connector new` and `dowel connector from-openapi` write: it has to build,
//! pass its tests and be certified as it is.

use crate::build::Profile;
use crate::tally::{self, Tally};
use crate::{languages, run, setup, suite};
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The connector that is made.
const NAME: &str = "widgets";

/// Documents, and the connectors that are made of them.
const DOCUMENTS: [(&str, &str); 2] = [("petstore.yaml", "petstore"), ("stock.yaml", "stock")];

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
    tally += certified(&folder, &format!("{NAME}-0.1.0"))?;
    for (document, connector) in DOCUMENTS {
        tally += from_openapi(document, connector)?;
    }
    tally += languages::templates(NAME)?;
    Ok(tally)
}

/// Makes a connector of a document, and puts it to the test.
fn from_openapi(document: &str, connector: &str) -> Result<Tally> {
    let folder = run::target()?.join("templates").join(connector);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let document = run::root()
        .join("host/openapi/tests/documents")
        .join(document);
    let from = || {
        let mut from = Command::new(Profile::Dev.program("dowel"));
        from.args(["connector", "from-openapi", "--name", connector, "--sdk"])
            .arg(run::root().join("sdk/rust"))
            .arg(&document)
            .arg("--out")
            .arg(&folder);
        from
    };
    run::succeed(&mut from())?;
    fs::copy(run::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let tally = certified(&folder, &format!("{connector}-0.1.0"))?;
    // Exits with 1 if the same document made something else.
    run::succeed(&mut from())?;
    Ok(tally)
}

/// Builds a connector and has it certified.
fn certified(folder: &Path, name: &str) -> Result<Tally> {
    let dowel = Profile::Dev.program("dowel");
    let own_target = run::target()?.join("template-build");
    let mut build = Command::new(&dowel);
    build
        .current_dir(folder)
        .args(["connector", "build", "."])
        .env("CARGO_TARGET_DIR", &own_target)
        .env("CARGO_NET_OFFLINE", "true");
    run::succeed(&mut build)?;
    let mut test = Command::new(&dowel);
    test.current_dir(folder)
        .args(["connector", "test", "--level", "gold"])
        .arg(format!(".dowel/connectors/{name}.wasm"));
    tally::count(&mut test)
}
