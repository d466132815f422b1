//! The simulation of the engine.

use crate::build::{self, Profile};
use crate::run;
use crate::tally::{self, Tally};
use anyhow::Result;
use std::process::Command;

/// The simulation, built; `pass` goes to it as it is.
pub(crate) fn command(pass: &[String]) -> Result<Command> {
    let profile = Profile::Dev;
    build::host(profile, &["dowel-sim"])?;
    let mut command = Command::new(profile.program("dowel-sim"));
    command.current_dir(run::root()).args(pass);
    Ok(command)
}

/// The seeds that every test of the whole simulates.
pub(crate) fn suite() -> Result<Tally> {
    tally::count(&mut command(&[])?)
}
