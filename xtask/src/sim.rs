//! The simulation of the engine.

use crate::build::{self, Profile};
use crate::tally::{self, Tally};
use crate::{run, suite};
use anyhow::Result;
use std::process::Command;

/// The simulation, built; `pass` goes to it as it is.
pub(crate) fn command(pass: &[String]) -> Result<Command> {
    build::host(Profile::Dev, &["dowel-sim"])?;
    Ok(program(pass))
}

fn program(pass: &[String]) -> Command {
    let mut command = Command::new(Profile::Dev.program("dowel-sim"));
    command.current_dir(run::root()).args(pass);
    command
}

/// The seeds that every test of the whole simulates.
pub(crate) fn suite() -> Result<Tally> {
    suite::all_built()?;
    tally::count(&mut program(&[]))
}
