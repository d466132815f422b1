//! Everyday tasks of this repository: `cargo xtask <task>`.

// Progress and results are what this program is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod build;
mod certify;
mod demo;
mod docs;
mod e2e;
mod fuzz;
mod languages;
mod node;
mod python;
mod run;
mod setup;
mod sim;
mod suite;
mod tally;
mod template;
mod test;

use arguments::Task;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match arguments::parse() {
        Ok(task) => perform(task),
        Err(error) => {
            eprintln!("error: {error}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Help => {
            println!("{}", arguments::HELP);
            Ok(())
        }
        Task::Setup => setup::run(),
        Task::Guests => build::guests(build::Profile::Dev),
        Task::Build(profile) => build::everything(profile),
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Bench { pass } => demo::bench(&pass),
        Task::Soak { part, pass } => demo::soak(part, &pass),
        Task::Sim { pass } => run::succeed(&mut sim::command(&pass)?),
        Task::ConformanceSelftest => certify::selftest(),
        Task::Fuzz { seconds } => fuzz::run(seconds),
        Task::E2e => test::run(&arguments::Test {
            all: true,
            filters: vec!["e2e".to_owned()],
        }),
        Task::Docs => docs::all(),
        Task::Errors => docs::errors(),
    }
}
