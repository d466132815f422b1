//! The shop world as a program of its own, and the demo that drives it.

// The line with the address is this program's interface, and the demo is a story.
#![allow(clippy::print_stdout)]

use clap::{Args, Parser, Subcommand};
use dowel_shop::chaos::Chaos;
use dowel_shop::{Shop, ShopOptions, Switches, demo};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// A stand-in CRM and ERP over real HTTP, with switches for trouble and a ledger.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The bearer token that the CRM asks for.
    #[arg(long, default_value_t = ShopOptions::default().crm_token)]
    crm_token: String,
    /// The bearer token that the ERP asks for.
    #[arg(long, default_value_t = ShopOptions::default().erp_token)]
    erp_token: String,
    #[command(flatten)]
    chaos: ChaosArgs,
}

#[derive(Args)]
struct ChaosArgs {
    /// Turns seeded trouble on.
    #[arg(long)]
    seed: Option<u64>,
    /// Share of the requests that are answered 429, between 0 and 1.
    #[arg(long, default_value_t = 0.02, requires = "seed")]
    rate_limited: f64,
    /// Share of the requests that are answered 500, between 0 and 1.
    #[arg(long, default_value_t = 0.02, requires = "seed")]
    broken: f64,
    /// Share of the requests that take effect and are not answered, between 0 and 1.
    #[arg(long, default_value_t = 0.01, requires = "seed")]
    silent: f64,
    /// The longest extra latency, in milliseconds.
    #[arg(long, default_value_t = 0, requires = "seed")]
    latency_ms: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Runs orders through a host against a shop, tells each order's story and checks
    /// it against the ledger.
    Demo {
        /// The `dowel` program.
        #[arg(long)]
        dowel: PathBuf,
        /// The repository with flows and environments.
        #[arg(long, default_value = ".")]
        repo: PathBuf,
        /// The folder with the built connectors.
        #[arg(long, default_value = ".dowel/connectors")]
        connectors: PathBuf,
        /// Leaves everything running until Ctrl-C.
        #[arg(long)]
        keep: bool,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let Some(Command::Demo {
        dowel,
        repo,
        connectors,
        keep,
    }) = cli.command
    else {
        serve(cli.serve).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let ending = if keep {
        demo::Ending::Keep
    } else {
        demo::Ending::Stop
    };
    let setup = demo::Setup {
        dowel,
        repo,
        connectors,
        ending,
    };
    let passed = demo::run(setup).await?;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn serve(args: Serve) -> anyhow::Result<()> {
    let chaos = args.chaos.seed.map(|seed| Chaos {
        seed,
        rate_limited: args.chaos.rate_limited,
        broken: args.chaos.broken,
        silent: args.chaos.silent,
        latency_ms: args.chaos.latency_ms,
    });
    let options = ShopOptions {
        crm_token: args.crm_token,
        erp_token: args.erp_token,
        switches: Switches {
            rules: Vec::new(),
            chaos,
        },
    };
    let shop = Shop::start_with(args.listen, options).await?;
    println!("shop listening on {}", shop.url());
    tokio::signal::ctrl_c().await?;
    shop.shutdown().await?;
    Ok(())
}
