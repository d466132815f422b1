//! The demo: real orders through a real host, told as stories and checked against the
//! shop's ledger.

// The stories are the demo's output.
#![allow(clippy::print_stdout)]

mod check;
mod client;
mod host;
mod order;
mod story;

use crate::server::{Shop, ShopHandle};
use crate::switches::{Route, Rule, Switches};
use anyhow::{Context as _, Result};
use check::Checks;
use client::{Answer, Client};
use host::Host;
use order::Order;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

/// What the demo runs with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The `dowel` program.
    pub dowel: PathBuf,
    /// The repository with flows and environments.
    pub repo: PathBuf,
    /// The folder with the built connectors.
    pub connectors: PathBuf,
    /// What follows the last order.
    pub ending: Ending,
}

/// What follows the last order of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything is stopped.
    Stop,
    /// Everything is left running until Ctrl-C.
    Keep,
}

/// Runs the demo; `false` if something was not as it has to be.
pub async fn run(setup: Setup) -> Result<bool> {
    let begin = Instant::now();
    let shop = open_shop().await?;
    println!("The shop (CRM and ERP) listens on {}", shop.url());
    let host = Host::start(&setup, &shop).await?;
    println!(
        "dowel takes orders on {}/hooks/orders, admin on {}\n",
        host.public, host.admin
    );

    let outcome = deliver(&host, &shop).await;
    let passed = match &outcome {
        Ok(checks) => checks.passed(),
        Err(_) => false,
    };
    if !passed {
        println!("The host's log ends with:\n{}", host.log_tail());
    }
    let checks = outcome?;
    println!(
        "{} in {:.1} s",
        checks.summary(),
        begin.elapsed().as_secs_f64()
    );
    match setup.ending {
        Ending::Keep => keep(&setup, &host, &shop).await?,
        Ending::Stop => println!("\n{}", next_steps()),
    }
    host.stop().await?;
    shop.shutdown().await.context("the shop does not stop")?;
    Ok(passed)
}

/// A shop whose CRM is busy twice when it is asked for the customer of the busy order.
async fn open_shop() -> Result<ShopHandle> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let shop = Shop::start(any)
        .await
        .context("the shop cannot be started")?;
    let busy = Rule {
        prefix: order::BUSY_CUSTOMER.to_owned(),
        fail_times: order::BUSY_TIMES,
        status: 429,
        retry_after_s: Some(1),
        ..Rule::new(Route::CrmContact)
    };
    shop.set_switches(Switches {
        rules: vec![busy],
        chaos: None,
    });
    Ok(shop)
}

/// Posts every order, then tells the stories in order.
async fn deliver(host: &Host, shop: &ShopHandle) -> Result<Checks> {
    let client = Client::new(host)?;
    let mut posted: Vec<(Order, Answer)> = Vec::new();
    for order in order::all() {
        let answer = client.post(&order).await?;
        posted.push((order, answer));
    }
    let mut checks = Checks::default();
    for (order, answer) in &posted {
        println!("{}", order.title());
        println!("  {}", answer.line());
        let story = match &answer.run {
            Some(run) if order.begins_a_run() => Some(client.wait(run).await?),
            _ => None,
        };
        if let Some(story) = &story {
            print!("{}", story.text());
        }
        let facts = check::Facts {
            order,
            answer,
            story: story.as_ref(),
            first_run: posted.first().and_then(|(_, first)| first.run.as_deref()),
            ledger: &shop.ledger(),
        };
        print!("{}", checks.judge(&facts));
        println!();
    }
    checks.close(&shop.ledger());
    Ok(checks)
}

async fn keep(setup: &Setup, host: &Host, shop: &ShopHandle) -> Result<()> {
    let dowel = setup.dowel.display();
    println!("\nEverything stays up until Ctrl-C:");
    println!(
        "  orders    {}/hooks/orders  (Authorization: Bearer {})",
        host.public,
        host::HOOK_TOKEN
    );
    println!(
        "  desk      {}  (sign in by `dowel admin invite`)",
        host.admin
    );
    println!("  ledger    {}/ledger", shop.url());
    println!("  switches  {}/switches", shop.url());
    println!("  log       {}", host.log.display());
    println!("\nIn another terminal:");
    println!("  export DOWEL_HOST=unix:{}", host.socket);
    println!("  {dowel} runs list");
    println!("  {dowel} trace {}", order::EXACT_ID);
    tokio::signal::ctrl_c().await?;
    println!();
    Ok(())
}

fn next_steps() -> &'static str {
    "Where to look next:\n  \
     cargo xtask demo --keep     leaves all of this running; then `dowel runs list` and\n                              \
     `dowel trace <order id>` tell the stories again\n  \
     flows/order-to-invoice/     the flow that you saw at work\n  \
     docs/guide/                 guides for flow authors, connector developers and operators"
}
