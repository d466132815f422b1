//! The fuzz targets, for longer than the tests run them.

use crate::run;
use crate::tally::{self, Tally};
use anyhow::{Result, bail};

/// Packages with targets; the names of these tests begin with `fuzz_`.
const PACKAGES: [&str; 3] = ["dowel-core", "dowel-wasm", "dowel-api"];

/// How long CI runs each target.
const SUITE_SECONDS: u64 = 10;

/// Runs every target for a while.
pub(crate) fn suite() -> Result<Tally> {
    targets(SUITE_SECONDS)
}

/// Runs every target for so many seconds, each with a seed that was not there before.
pub(crate) fn targets(seconds: u64) -> Result<Tally> {
    let mut command = run::cargo(["test", "--quiet"]);
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    command.args(["--", "fuzz_", "--nocapture"]);
    tally::count(command.env("DOWEL_FUZZ_SECONDS", seconds.to_string()))
}

/// The same from the command line.
pub(crate) fn run(seconds: u64) -> Result<()> {
    if targets(seconds)?.failed > 0 {
        bail!("a fuzz target found something; the input is kept in tests/fuzz/corpus");
    }
    Ok(())
}
