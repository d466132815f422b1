//! The bare client in a process of its own: the two HTTP calls of `order-to-invoice`,
//! with the same bytes, and nothing else. No flow, no sandbox, no disk, no record.
//!
//! It uses the HTTP client library that the host's gateway uses, on the same async
//! runtime with as many threads, and keeps its connections open.

use super::Helper;
use crate::orders::load::{Load, closed_loop, histogram};
use anyhow::{Context as _, Result, ensure};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The helper's name.
pub(crate) const ROLE: &str = "bare";

/// What the gateway sends with its requests.
const USER_AGENT: &str = concat!("dowel/", env!("CARGO_PKG_VERSION"));
const TRACE: &str = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";

/// The longest time that an order may take; beyond it something is broken.
const ORDER_WITHIN: Duration = Duration::from_secs(60);

/// The bare client's process, seen from the benchmark.
pub(crate) struct BareProcess(Helper);

impl BareProcess {
    /// `shop` is the shop's address.
    pub(crate) async fn start(shop: &str) -> Result<Self> {
        let mut helper = Helper::start(ROLE)?;
        helper.ask(shop).await?;
        Ok(Self(helper))
    }

    /// A round of orders.
    pub(crate) async fn load(&mut self, clients: usize, time: Duration) -> Result<Load> {
        let line = format!("{clients} {}", time.as_millis());
        let answer = self.0.ask(&line).await?;
        let (orders, micros) = answer.split_once(' ').context("two numbers are expected")?;
        Ok(Load {
            orders: orders.parse()?,
            elapsed: Duration::from_micros(micros.parse()?),
            latency: histogram()?,
        })
    }
}

/// The helper itself. The first line is the shop's address, every other one a round.
pub(crate) async fn run() -> Result<()> {
    let client: std::sync::OnceLock<Bare> = std::sync::OnceLock::new();
    super::serve(|line| {
        let bare = client.get().cloned();
        let client = &client;
        async move {
            let Some(bare) = bare else {
                // Only the first line comes here, so nobody has set it before.
                let _ = client.set(Bare::new(&line)?);
                return Ok(String::new());
            };
            let (clients, millis) = line.split_once(' ').context("two numbers are expected")?;
            let time = Duration::from_millis(millis.parse()?);
            let order = move || {
                let bare = bare.clone();
                async move { bare.order().await }
            };
            let load = closed_loop(clients.parse()?, time, order).await?;
            Ok(format!("{} {}", load.orders, load.elapsed.as_micros()))
        }
    })
    .await
}

/// Makes the same two calls as the flow, and nothing else.
#[derive(Clone)]
struct Bare {
    http: reqwest::Client,
    shop: Arc<str>,
    tokens: Arc<dowel_shop::ShopOptions>,
    orders: Arc<AtomicU64>,
}

#[derive(Deserialize)]
struct Contact {
    erp_id: String,
}

#[derive(Deserialize)]
struct Invoice {
    id: String,
}

impl Bare {
    fn new(shop: &str) -> Result<Self> {
        // As the gateway's client: keep-alive, no proxy, small packets leave at once.
        let http = reqwest::Client::builder()
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(USER_AGENT)
            .tcp_nodelay(true)
            .timeout(ORDER_WITHIN)
            .build()?;
        Ok(Self {
            http,
            shop: format!("http://{shop}").into(),
            tokens: Arc::default(),
            orders: Arc::default(),
        })
    }

    /// From the first request to the last answer.
    async fn order(&self) -> Result<Instant> {
        let id = self.orders.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}/crm/contacts/c-7", self.shop);
        let request = self.http.get(url).bearer_auth(&self.tokens.crm_token);
        let request = request.header("traceparent", HeaderValue::from_static(TRACE));
        let response = request.send().await?.error_for_status()?;
        let contact: Contact = serde_json::from_slice(&response.bytes().await?)?;
        let customer = contact.erp_id;
        let invoice = format!(
            r#"{{"order_id":"B-{id}","customer":"{customer}","currency":"EUR","lines":[{{"sku":"MUG","qty":3,"amount":"59.97"}},{{"sku":"PEN","qty":3,"amount":"0.30"}}],"total":"60.27"}}"#
        );
        let url = format!("{}/erp/invoices", self.shop);
        let request = self.http.post(url).bearer_auth(&self.tokens.erp_token);
        let request = request
            .header("idempotency-key", format!("inv-B-{id}-1"))
            .header("traceparent", HeaderValue::from_static(TRACE))
            .header(CONTENT_TYPE, "application/json");
        let response = request.body(invoice).send().await?.error_for_status()?;
        let invoice: Invoice = serde_json::from_slice(&response.bytes().await?)?;
        ensure!(!invoice.id.is_empty(), "the ERP gave no id");
        Ok(Instant::now())
    }
}
