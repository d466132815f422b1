//! The fuzz targets, for longer than the tests run them.

use crate::run;
use crate::tally::{self, Tally};
use anyhow::{Result, bail};

/// How long CI runs each target.
const SUITE_SECONDS: u64 = 10;

/// Runs every target for a while.
pub(crate) fn suite() -> Result<Tally> {
    targets(SUITE_SECONDS)
}

/// Runs every target for so many seconds, each with a seed that was not there before.
pub(crate) fn targets(seconds: u64) -> Result<Tally> {
    // The names of the targets begin with `fuzz_`. In the whole workspace, because a package by
    // itself has other features of its dependencies, which would be compiled a second time.
    let mut command = run::cargo(["test", "--workspace", "--quiet"]);
    command.args(["--lib", "--tests", "--", "fuzz_", "--nocapture"]);
    tally::count(command.env("DOWEL_FUZZ_SECONDS", seconds.to_string()))
}

/// The same from the command line.
pub(crate) fn run(seconds: u64) -> Result<()> {
    if targets(seconds)?.failed > 0 {
        bail!("a fuzz target found something; the input is kept in tests/fuzz/corpus");
    }
    Ok(())
}
