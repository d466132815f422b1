//! Many runs through the real engine on the real store, in one process: whether disk and
//! memory stay bounded with retention, and what runs cost that wait.
//!
//! Connectors and expressions are stand-ins of a few lines. What they would do costs time
//! and leaves nothing behind, and this is about what is left behind.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

mod desk;
mod flow;
#[cfg(test)]
mod full_disk;
mod machine;
mod parked;
mod plateau;
mod ports;
mod soak;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::TempDir;

/// Many runs on the real store.
#[derive(Debug, Parser)]
#[command(name = "dowel-soak", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs that end, with retention: disk and memory over time, and a verdict.
    Soak(soak::Soak),
    /// Runs that wait: memory of each, and the time to start with them.
    Parked(parked::Parked),
    /// How fast the pages of the desk answer with many runs in the store.
    Desk(desk::Desk),
}

/// Where the store lies and how results are printed.
#[derive(Debug, Args)]
struct Common {
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// The folder to work in; a new one below `target` unless given. It is removed.
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Common {
    fn folder(&self) -> Result<TempDir> {
        let parent = self.folder.as_deref().unwrap_or(Path::new("target"));
        std::fs::create_dir_all(parent)?;
        tempfile::tempdir_in(parent)
            .with_context(|| format!("no folder can be made in {}", parent.display()))
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match arguments.task {
            Task::Soak(soak) => soak::run(&soak).await,
            Task::Parked(parked) => parked::run(&parked).await,
            Task::Desk(desk) => desk::run(&desk).await,
        }
    })
}
