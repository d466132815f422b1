//! A call of a trivial connector, through the host and on bare Wasmtime, with the same
//! component, in turns.

mod bare;
mod guest;

use crate::Bench;
use crate::report::ConnectorCall;
use crate::statistics::{median, paired_ratio, rounded};
use anyhow::{Context as _, Result, anyhow};
use bare::Bare;
use dowel_core::connection::{Connection, ConnectionLimits, DEFAULT_IDEMPOTENCY_HEADER, Isolation};
use dowel_core::port::{BoxFuture, CallRequest, Invoker as _, Secret, SecretError, Secrets};
use dowel_core::{JsonText, RunId, StepId, StepPath, Timestamp};
use dowel_wasm::{ConnectorHost, HostOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is sent and comes back: small, so that copying is not what is measured.
pub(crate) const INPUT: &str = r#"{"id":12345678901234567890,"text":"hello"}"#;

/// The operation of the guest.
pub(crate) const OPERATION: &str = "echo";

/// Rounds and calls in each: medians of rounds that take tens of milliseconds.
const ROUNDS: usize = 31;
const CALLS: usize = 2000;
/// A fresh instance costs about ten times as much.
const FRESH_CALLS: usize = 300;

/// Requests that are made at a time.
const BATCH: usize = 20;

/// The four ways of one round.
#[derive(Default)]
struct Times {
    /// Host and bare, in microseconds for a call.
    pooled: Vec<(f64, f64)>,
    fresh: Vec<(f64, f64)>,
}

pub(crate) async fn measure(bench: &Bench) -> Result<ConnectorCall> {
    let component = guest::build(&bench.arguments.repo)?;
    let host = Host::new(&component)?;
    let mut bare = Bare::new(&component)?;
    let rounds = bench.size(ROUNDS, 5);
    let mut times = Times::default();
    // The first round warms caches and pools up, and is forgotten.
    for round in 0..=rounds {
        let pooled = (
            host.time("pooled", CALLS).await?,
            bare.time_pooled(CALLS).await?,
        );
        let fresh = (
            host.time("fresh", FRESH_CALLS).await?,
            bare.time_fresh(FRESH_CALLS).await?,
        );
        if round > 0 {
            times.pooled.push(pooled);
            times.fresh.push(fresh);
        }
    }
    Ok(summary(&times))
}

fn summary(times: &Times) -> ConnectorCall {
    let host = |pairs: &[(f64, f64)]| median(&pairs.iter().map(|p| p.0).collect::<Vec<_>>());
    let bare = |pairs: &[(f64, f64)]| median(&pairs.iter().map(|p| p.1).collect::<Vec<_>>());
    ConnectorCall {
        pooled_ratio: rounded(paired_ratio(&times.pooled), 2),
        fresh_ratio: rounded(paired_ratio(&times.fresh), 2),
        pooled_us: rounded(host(&times.pooled), 2),
        bare_pooled_us: rounded(bare(&times.pooled), 2),
        fresh_us: rounded(host(&times.fresh), 2),
        bare_fresh_us: rounded(bare(&times.fresh), 2),
    }
}

/// Microseconds for one of `calls`.
pub(crate) fn each_us(took: Duration, calls: usize) -> f64 {
    let calls = u32::try_from(calls).map_or(f64::INFINITY, f64::from);
    took.as_secs_f64() * 1e6 / calls
}

/// Dowel's host with one connection for each isolation.
struct Host {
    host: ConnectorHost,
    request: CallRequest,
}

/// The trivial connector has no credential.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move { Err(SecretError::Missing(name.to_owned())) })
    }
}

impl Host {
    fn new(component: &[u8]) -> Result<Self> {
        let host = ConnectorHost::new(HostOptions::default(), Arc::new(NoSecrets))?;
        let digest = host.add(component)?.digest;
        let connections = vec![
            connection("pooled", Isolation::Pooled)?,
            connection("fresh", Isolation::PerCall)?,
        ];
        host.bind(connections).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow!(problems.join("; "))
        })?;
        let request = CallRequest {
            connection: "pooled".parse()?,
            component: digest,
            operation: OPERATION.parse()?,
            input: JsonText::parse(INPUT).context("the input is JSON")?,
            idempotency_key: bare::KEY.to_owned(),
            run: RunId::new(Timestamp::from_millis(1), [7; 10]),
            step: StepPath::top(&StepId::new(bare::STEP)?),
            attempt: 1,
            deadline: Duration::from_secs(30),
            traceparent: None,
        };
        Ok(Self { host, request })
    }

    async fn time(&self, connection: &str, calls: usize) -> Result<f64> {
        let mut request = self.request.clone();
        request.connection = connection.parse()?;
        let (mut took, mut left) = (Duration::ZERO, calls);
        while left > 0 {
            // The engine makes a request of what it journals anyway: not part of the call.
            // A few at a time, so that each is where one is that was made just now: in the
            // processor's cache.
            let batch = vec![request.clone(); left.min(BATCH)];
            left -= batch.len();
            let begun = Instant::now();
            for request in batch {
                let outcome = self.host.call(request).await;
                let output = outcome.result.map_err(|error| anyhow!("{error}"))?;
                anyhow::ensure!(
                    output.as_str() == INPUT,
                    "the guest answered with something else"
                );
            }
            took += begun.elapsed();
        }
        Ok(each_us(took, calls))
    }
}

fn connection(name: &str, isolation: Isolation) -> Result<Connection> {
    Ok(Connection {
        name: name.parse()?,
        connector: guest::NAME.parse()?,
        config: JsonText::parse("{}").context("an object is JSON")?,
        auth: None,
        tls: None,
        allow: Vec::new(),
        private_addresses: Vec::new(),
        limits: ConnectionLimits::default(),
        idempotency_header: DEFAULT_IDEMPOTENCY_HEADER.to_owned(),
        isolation,
    })
}
