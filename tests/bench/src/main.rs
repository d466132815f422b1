//! Measures what Dowel promises about speed, in one process run, and says how the
//! machine was while it did. A missed target is said and is not a failure: numbers
//! depend on the machine, and `docs/performance.md` says how to read them.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

mod bodies;
mod bulkhead;
mod connector;
mod folder;
mod helper;
mod hostile;
mod idle;
mod machine;
mod mapping;
mod orders;
mod report;
mod statistics;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};
use machine::Machine;
use report::Report;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// Measures connector calls, mappings, orders, memory and start.
#[derive(Debug, Parser)]
#[command(name = "dowel-bench", version)]
struct Arguments {
    /// Measures this alone; everything but this unless given.
    #[arg(value_enum)]
    what: Option<What>,
    /// The release build of `dowel`.
    #[arg(long, default_value = "target/release/dowel")]
    dowel: PathBuf,
    /// The repository with flows and environments.
    #[arg(long, default_value = ".")]
    repo: PathBuf,
    /// The folder with built connectors.
    #[arg(long, default_value = ".dowel/connectors")]
    connectors: PathBuf,
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Measures only this.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Short rounds: shows that everything works, gives rough numbers.
    #[arg(long)]
    quick: bool,
    /// Measures orders only at this number of clients: 1, 16 or 64.
    #[arg(long)]
    clients: Option<usize>,
    /// Works for another process of the benchmark.
    #[arg(long, hide = true)]
    helper: Option<String>,
}

/// What is measured only if it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// A flow beside another one whose upstream hangs.
    Bulkhead,
    /// A flow beside guests that misbehave.
    Hostile,
    /// A body of 1 GiB through the host.
    Bodies,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// A call of a trivial connector, against bare Wasmtime.
    Connector,
    /// A mapping, against native jaq.
    Mapping,
    /// Durable orders, against a bare client.
    Orders,
    /// Memory and time to ready.
    Idle,
}

/// What the parts share.
struct Bench {
    arguments: Arguments,
    folder: TempDir,
}

impl Bench {
    fn wants(&self, part: Part) -> bool {
        self.arguments.only.is_none_or(|only| only == part)
    }

    /// `full`, or `quick` if that was asked for.
    fn size<T>(&self, full: T, quick: T) -> T {
        if self.arguments.quick { quick } else { full }
    }

    /// Tells on standard error what goes on; standard output is for the result.
    fn say(&self, text: &str) {
        eprintln!("==> {text}");
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.helper.as_deref() {
        Some(helper::shop::ROLE) => return helper::shop::run().await,
        Some(helper::bare::ROLE) => return helper::bare::run().await,
        Some(other) => bail!("there is no helper `{other}`"),
        None => {}
    }
    let folder = folder::fresh(&arguments.repo.join(".dowel"))?;
    let bench = Bench { arguments, folder };
    // A signal ends in an error, so that folder and processes go as they always do.
    tokio::select! {
        done = run(&bench) => done,
        stopped = stopped() => bail!("stopped by {}", stopped?),
    }
}

async fn run(bench: &Bench) -> Result<()> {
    match bench.arguments.what {
        Some(What::Bulkhead) => return bulkhead(bench).await,
        Some(What::Hostile) => return hostile(bench).await,
        Some(What::Bodies) => return bodies(bench).await,
        None => {}
    }
    let report = measure(bench).await?;
    if bench.arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

async fn bulkhead(bench: &Bench) -> Result<()> {
    bench.say("a flow beside another one whose upstream hangs");
    let size = bulkhead::Size {
        hanging: bench.size(2_000, 200),
        measured: bench.size(1_600, 320),
    };
    let result = bulkhead::measure(bench.folder.path(), size).await?;
    if bench.arguments.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        print!("{}", result.table());
    }
    Ok(())
}

async fn hostile(bench: &Bench) -> Result<()> {
    bench.say("a flow beside guests that misbehave");
    let runs = bench.size(6_000, 1_200);
    let result = hostile::measure(bench.folder.path(), runs).await?;
    if bench.arguments.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        print!("{}", result.table());
    }
    Ok(())
}

async fn bodies(bench: &Bench) -> Result<()> {
    let mib = bench.size(1024, 32);
    bench.say("a large body from one system to another");
    let result = bodies::measure(bench, mib).await?;
    if bench.arguments.json {
        println!("{}", serde_json::to_string_pretty(&result)?);
    } else {
        print!("{}", result.table());
    }
    Ok(())
}

async fn stopped() -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}

async fn measure(bench: &Bench) -> Result<Report> {
    let mut report = Report::new(Machine::look(bench.folder.path())?);
    if bench.wants(Part::Connector) {
        bench.say("connector calls");
        report.connector_call = Some(connector::measure(bench).await?);
    }
    if bench.wants(Part::Mapping) {
        bench.say("mappings");
        report.mapping = Some(mapping::measure(bench).await?);
    }
    if bench.wants(Part::Idle) {
        bench.say("memory and start");
        let idle = idle::measure(bench).await?;
        report.idle_rss_mib = Some(idle.rss_mib);
        report.ready_ms = Some(idle.ready_ms);
        report.first_ready_ms = Some(idle.first_ready_ms);
    }
    if bench.wants(Part::Orders) {
        report.orders = Some(orders::measure(bench).await?);
    }
    report.machine.look_again();
    Ok(report)
}
