//! Closed-loop clients: each sends its next order when the last one is done.

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Latencies are kept in microseconds, to three digits.
const DIGITS: u8 = 3;

/// What a round of load came to.
pub(crate) struct Load {
    pub(crate) orders: u64,
    pub(crate) elapsed: Duration,
    /// In microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        // Far fewer orders than 2^53.
        #[allow(clippy::cast_precision_loss)]
        let orders = self.orders as f64;
        orders / self.elapsed.as_secs_f64()
    }
}

/// An empty histogram of latencies.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new(DIGITS).context("no histogram can be made")
}

/// Runs `clients` loops until the time is over. `order` does one order and says when
/// it was done; the time until then is its latency. Orders that are under way at the
/// end are waited for and count, and so does the time that they take.
pub(crate) async fn closed_loop<F>(
    clients: usize,
    time: Duration,
    order: impl Fn() -> F + Clone + Send + 'static,
) -> Result<Load>
where
    F: Future<Output = Result<Instant>> + Send,
{
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let order = order.clone();
        tasks.spawn(async move {
            let mut latency = histogram()?;
            loop {
                let sent = Instant::now();
                let done = order().await?.saturating_duration_since(sent);
                latency.record(u64::try_from(done.as_micros())?)?;
                if begun.elapsed() >= time {
                    return anyhow::Ok(latency);
                }
            }
        });
    }
    let mut latency = histogram()?;
    while let Some(client) = tasks.join_next().await {
        latency.add(client??)?;
    }
    Ok(Load {
        orders: latency.len(),
        elapsed: begun.elapsed(),
        latency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_client_does_an_order_at_least() {
        let time = Duration::from_millis(1);
        let load = closed_loop(3, time, || async { Ok(Instant::now()) }).await;
        let load = load.unwrap();
        assert!(load.orders >= 3 && load.elapsed >= time);
        assert_eq!(load.latency.len(), load.orders);
    }

    #[tokio::test]
    async fn latencies_keep_their_size() {
        let late = || async { Ok(Instant::now() + Duration::from_millis(250)) };
        let load = closed_loop(1, Duration::from_micros(1), late).await;
        let latency = load.unwrap().latency;
        assert!(latency.value_at_quantile(0.5) >= 250_000);
    }

    #[tokio::test]
    async fn a_client_that_fails_fails_the_round() {
        let fails = || async { anyhow::bail!("no answer") };
        let load = closed_loop(2, Duration::from_secs(1), fails).await;
        assert!(load.is_err());
    }
}
