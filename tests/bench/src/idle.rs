//! What a host costs that has nothing to do, and how long it takes to be ready.

use crate::Bench;
use crate::helper::shop::ShopProcess;
use crate::machine::resident_mib;
use crate::orders::host::{Home, Host};
use crate::statistics::{median, rounded};
use anyhow::Result;
use std::time::Duration;

/// Starts with compiled components kept.
const STARTS: usize = 5;

/// How long the host is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// What was measured.
pub(crate) struct Idle {
    pub(crate) rss_mib: f64,
    pub(crate) ready_ms: f64,
    pub(crate) first_ready_ms: f64,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Idle> {
    let shop = ShopProcess::start().await?;
    let home = Home::new(bench, "idle", &shop.address)?;
    let first = Host::start(bench, &home).await?;
    let first_ready_ms = milliseconds(first.ready_in);
    first.stop().await?;
    let mut ready = Vec::new();
    let mut resident = Vec::new();
    for _ in 0..bench.size(STARTS, 1) {
        let host = Host::start(bench, &home).await?;
        ready.push(milliseconds(host.ready_in));
        tokio::time::sleep(SETTLE).await;
        resident.push(resident_mib(host.pid)?);
        host.stop().await?;
    }
    Ok(Idle {
        rss_mib: rounded(median(&resident), 1),
        ready_ms: rounded(median(&ready), 0),
        first_ready_ms: rounded(first_ready_ms, 0),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
