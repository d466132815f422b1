//! Durable orders through a host of its own, against a bare client that makes the same
//! two HTTP calls, in turns and at the same number of clients.

mod client;
mod ends;
pub(crate) mod host;
pub(crate) mod load;

use crate::Bench;
use crate::helper::bare::BareProcess;
use crate::helper::shop::{Count, ShopProcess};
use crate::machine::cpu_seconds;
use crate::report::Orders;
use crate::statistics::{median, paired_ratio, rounded};
use anyhow::{Result, ensure};
use client::Durable;
use host::{Home, Host};
use load::{Load, closed_loop};
use std::collections::BTreeMap;
use std::time::Duration;

/// Numbers of clients.
const CLIENTS: [usize; 3] = [1, 16, 64];

/// Turns of bare and durable orders, and how long each lasts.
const ROUNDS: usize = 5;
const BARE_TIME: Duration = Duration::from_secs(2);
const DURABLE_TIME: Duration = Duration::from_secs(5);
const QUICK_TIME: Duration = Duration::from_secs(1);

/// Both sides before the first round: connections, instances and caches become warm.
const WARM_UP: Duration = Duration::from_secs(2);

pub(crate) async fn measure(bench: &Bench) -> Result<BTreeMap<String, Orders>> {
    let shop = ShopProcess::start().await?;
    let home = Home::new(bench, "orders", &shop.address)?;
    let host = Host::start(bench, &home).await?;
    let durable = Durable::new(&host)?;
    let bare = BareProcess::start(&shop.address).await?;
    durable.probe().await?;
    let mut sides = Sides {
        bench,
        shop,
        pid: host.pid,
        durable,
        bare,
    };
    let most = CLIENTS.into_iter().max().unwrap_or(1);
    sides.bare(most, WARM_UP).await?;
    sides.durable(most, WARM_UP).await?;
    let mut all = BTreeMap::new();
    for clients in CLIENTS {
        if bench.arguments.clients.is_some_and(|only| only != clients) {
            continue;
        }
        bench.say(&format!("orders, {clients} at a time"));
        all.insert(format!("c{clients}"), sides.compare(clients).await?);
    }
    host.stop().await?;
    Ok(all)
}

/// Both sides of the comparison.
struct Sides<'a> {
    bench: &'a Bench,
    shop: ShopProcess,
    pid: u32,
    durable: Durable,
    bare: BareProcess,
}

impl Sides<'_> {
    async fn compare(&mut self, clients: usize) -> Result<Orders> {
        let rounds = self.bench.size(ROUNDS, 1);
        let mut rates = Vec::with_capacity(rounds);
        let mut costs = Vec::with_capacity(rounds);
        let mut latency = load::histogram()?;
        for _ in 0..rounds {
            let time = self.bench.size(BARE_TIME, QUICK_TIME);
            let bare = self.bare(clients, time).await?;
            let before = cpu_seconds(self.pid)?;
            let time = self.bench.size(DURABLE_TIME, QUICK_TIME);
            let durable = self.durable(clients, time).await?;
            let cpu = cpu_seconds(self.pid)? - before;
            let per_run = cpu / durable.elapsed.as_secs_f64() / durable.per_second();
            rates.push((durable.per_second(), bare.per_second()));
            costs.push(per_run * 1000.0);
            latency.add(&durable.latency)?;
        }
        let durable: Vec<f64> = rates.iter().map(|r| r.0).collect();
        let bare: Vec<f64> = rates.iter().map(|r| r.1).collect();
        Ok(Orders {
            per_second: rounded(median(&durable), 1),
            p50_ms: milliseconds(latency.value_at_quantile(0.5)),
            p99_ms: milliseconds(latency.value_at_quantile(0.99)),
            cpu_s_per_1000: rounded(median(&costs), 3),
            bare_ratio: rounded(paired_ratio(&rates), 3),
            bare_per_second: rounded(median(&bare), 1),
            runs: latency.len(),
        })
    }

    async fn bare(&mut self, clients: usize, time: Duration) -> Result<Load> {
        self.shop.clear().await?;
        let load = self.bare.load(clients, time).await?;
        self.arrived_once(&load).await?;
        Ok(load)
    }

    async fn durable(&mut self, clients: usize, time: Duration) -> Result<Load> {
        self.shop.clear().await?;
        let durable = self.durable.clone();
        let order = move || {
            let durable = durable.clone();
            async move { durable.order().await }
        };
        let load = closed_loop(clients, time, order).await?;
        self.arrived_once(&load).await?;
        Ok(load)
    }

    /// Every order has to have reached CRM and ERP once, on either side: a round that
    /// did less work than it says would be a wrong number.
    async fn arrived_once(&mut self, load: &Load) -> Result<()> {
        let Count { invoices, calls } = self.shop.count().await?;
        ensure!(
            invoices == load.orders && calls == 2 * load.orders,
            "{} orders made {invoices} invoices with {calls} calls",
            load.orders
        );
        Ok(())
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    let micros = u32::try_from(microseconds).unwrap_or(u32::MAX);
    rounded(f64::from(micros) / 1000.0, 2)
}
