//! The demo and the benchmark: programs of the workspace, built and started.

use crate::arguments::Demo;
use crate::build::{self, CONNECTORS, Profile};
use crate::run;
use anyhow::Result;
use std::process::Command;

/// Runs orders through a host and tells their stories.
pub(crate) fn run(options: &Demo) -> Result<()> {
    build::everything(options.profile)?;
    let mut command = Command::new(options.profile.program("dowel-shop"));
    command.current_dir(run::root()).arg("demo").arg("--dowel");
    command.arg(options.profile.program("dowel"));
    command.args(["--repo", ".", "--connectors", CONNECTORS]);
    if options.keep {
        command.arg("--keep");
    }
    println!();
    run::succeed(&mut command)
}

/// Measures; `pass` goes to the benchmark as it is.
pub(crate) fn bench(pass: &[String]) -> Result<()> {
    let profile = Profile::Release;
    build::host(profile, &["dowel-cli", "dowel-shop", "dowel-bench"])?;
    build::guests(profile)?;
    let mut command = Command::new(profile.program("dowel-bench"));
    command.current_dir(run::root()).args(pass);
    run::succeed(&mut command)
}

/// Many runs on the real store; `pass` goes to the program as it is.
pub(crate) fn soak(part: &str, pass: &[String]) -> Result<()> {
    let profile = Profile::Release;
    let mut programs = vec!["dowel-soak"];
    if part == "parked" {
        programs.push("dowel-cli");
    }
    build::host(profile, &programs)?;
    let mut command = Command::new(profile.program("dowel-soak"));
    command.current_dir(run::root()).arg(part).args(pass);
    if part == "parked" {
        command.arg("--dowel").arg(profile.program("dowel"));
    }
    run::succeed(&mut command)
}
