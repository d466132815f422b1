//! Orders through the host.

use super::ends::Ends;
use super::host::{HOOK_TOKEN, Host};
use anyhow::{Context as _, Result, bail, ensure};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest time that an order may take; beyond it something is broken.
const ORDER_WITHIN: Duration = Duration::from_secs(60);

/// Numbers orders through all rounds: an order that was seen before would be a
/// duplicate.
static ORDER: AtomicU64 = AtomicU64::new(1);

fn next_order() -> u64 {
    ORDER.fetch_add(1, Ordering::Relaxed)
}

/// Keep-alive for every client of a round; no proxy between loopback and loopback.
fn builder() -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder().no_proxy();
    builder.timeout(ORDER_WITHIN)
}

fn client() -> Result<reqwest::Client> {
    Ok(builder().build()?)
}

/// Posts orders to the host and waits for the ends of their runs.
#[derive(Clone)]
pub(crate) struct Durable {
    http: reqwest::Client,
    /// Reaches the admin listener through the local socket.
    api: reqwest::Client,
    hook: Arc<str>,
    admin: Arc<str>,
    ends: Arc<Ends>,
}

#[derive(Deserialize)]
struct Accepted {
    run: String,
}

#[derive(Deserialize)]
struct Run {
    status: String,
}

impl Durable {
    pub(crate) fn new(host: &Host) -> Result<Self> {
        Ok(Self {
            http: client()?,
            api: builder().unix_socket(host.socket.as_str()).build()?,
            hook: format!("{}/hooks/orders", host.public).into(),
            admin: format!("{}/api/v1/runs", host.admin).into(),
            ends: Arc::clone(&host.ends),
        })
    }

    /// From the webhook to the end of the run.
    pub(crate) async fn order(&self) -> Result<Instant> {
        let (_, ended) = self.run().await?;
        Ok(ended)
    }

    /// Looks whether what the log calls an end is one: does an order and asks the API
    /// for its run at once.
    pub(crate) async fn probe(&self) -> Result<()> {
        let (run, _) = self.run().await?;
        let url = format!("{}/{run}", self.admin);
        let text = self.api.get(url).send().await?.text().await?;
        let status = serde_json::from_str::<Run>(&text).map(|run| run.status);
        let status = status.with_context(|| format!("the run's story cannot be read: {text}"))?;
        ensure!(status == "succeeded", "the run {run} is {status}");
        Ok(())
    }

    async fn run(&self) -> Result<(String, Instant)> {
        let id = next_order();
        let body = format!(
            r#"{{"order_id":"B-{id}","customer_id":"c-7","currency":"EUR","lines":[{{"sku":"MUG","qty":3,"price":"19.99"}},{{"sku":"PEN","qty":3,"price":"0.10"}}]}}"#
        );
        let request = self.http.post(&*self.hook).bearer_auth(HOOK_TOKEN);
        let request = request.header(CONTENT_TYPE, "application/json");
        let response = request.body(body).send().await?;
        let status = response.status();
        let text = response.bytes().await?;
        if status != reqwest::StatusCode::ACCEPTED {
            bail!("the host answered {status} to an order");
        }
        let Accepted { run } = serde_json::from_slice(&text)?;
        let ended = tokio::time::timeout(ORDER_WITHIN, self.ends.wait(&run)).await;
        let ended = ended.with_context(|| format!("the run {run} does not end"))?;
        let ended = ended.with_context(|| format!("nobody tells of the run {run}"))?;
        Ok((run, ended))
    }
}
