//! Whether hostile guests slow a flow that behaves: the same flow on the same host, calm
//! and under attack, in one run. The attackers are the guests of `tests/hostile`, each on
//! a connection of its own, as many at a time as a careless environment would allow.

use crate::bulkhead::{Constants, Numbers, WallClock};
use crate::statistics::percentile;
use anyhow::{Context as _, Result, bail};
use dowel_core::connection::{Connection, ConnectionLimits, DEFAULT_IDEMPOTENCY_HEADER, Isolation};
use dowel_core::expression::{Needs, Piece, Program, Template};
use dowel_core::journal::PinnedConnector;
use dowel_core::manifest::{Effect, Idempotency};
use dowel_core::port::{BoxFuture, CallRequest, Invoker, Secret, SecretError, Secrets};
use dowel_core::{ConnectionName, Digest, JsonText, RunId, StepId, StepPath, Timestamp};
use dowel_engine::{Engine, EngineOptions, IntakeRequest, Ports};
use dowel_flow::plan::Plan;
use dowel_store_sled::{SledOptions, SledStore};
use dowel_wasm::{ConnectorHost, HostOptions, package};
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the attackers do, with their inputs.
const ATTACKS: [(&str, &str); 8] = [
    ("spin", "{}"),
    ("memory", "{}"),
    ("overflow", "{}"),
    ("flood", r#"{"lines":10000}"#),
    ("sleep", "{}"),
    ("junk", "{}"),
    ("hold", r#"{"count":100000}"#),
    ("large", r#"{"bytes":20000000}"#),
];

/// Attackers of each kind at the same time.
const OF_EACH: usize = 2;

/// How long an attacker may go on in one call.
const ATTACK: Duration = Duration::from_secs(2);

/// The connection of the flow that behaves.
const CALM: &str = "calm";

/// Rounds of each sort; they take turns.
const ROUNDS: usize = 6;

/// What came out, in milliseconds from the event to the end of its run.
#[derive(Debug, Serialize)]
pub(crate) struct Hostile {
    attackers: usize,
    attacks: u64,
    runs: usize,
    calm_p50_ms: f64,
    calm_p99_ms: f64,
    attacked_p50_ms: f64,
    attacked_p99_ms: f64,
    /// Of the two p99: 1 if the attack is not felt.
    ratio_p99: f64,
}

impl Hostile {
    /// A few lines for people.
    pub(crate) fn table(&self) -> String {
        format!(
            "a flow by itself             p50 {:>8.2} ms   p99 {:>8.2} ms\n\
             beside {:>3} hostile guests   p50 {:>8.2} ms   p99 {:>8.2} ms\n\
             ratio of p99                     {:>8.2}      ({} attacks)\n",
            self.calm_p50_ms,
            self.calm_p99_ms,
            self.attackers,
            self.attacked_p50_ms,
            self.attacked_p99_ms,
            self.ratio_p99,
            self.attacks
        )
    }
}

#[derive(Debug)]
struct NoSecrets;

impl Secrets for NoSecrets {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(std::future::ready(Err(SecretError::Missing(
            name.to_owned(),
        ))))
    }
}

/// Measures in a folder of its own; `runs` of each sort.
pub(crate) async fn measure(folder: &Path, runs: usize) -> Result<Hostile> {
    let guest = package::describe(&guest()?)?;
    let host = ConnectorHost::new(HostOptions::default(), Arc::new(NoSecrets))?;
    let digest = host.add(&guest)?.digest;
    let mut connections = vec![connection(CALM)?];
    for (attack, _) in ATTACKS {
        connections.push(connection(attack)?);
    }
    if let Err(problems) = host.bind(connections) {
        bail!("{problems:?}");
    }
    let engine = engine(folder, &host, digest).await?;
    let attacks = Arc::new(AtomicU64::new(0));
    // Warm up.
    round(&engine, runs / ROUNDS).await?;
    let (mut calm, mut attacked) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        calm.extend(round(&engine, runs / ROUNDS).await?);
        let attackers = attackers(&host, digest, &attacks)?;
        attacked.extend(round(&engine, runs / ROUNDS).await?);
        for attacker in attackers {
            attacker.abort();
        }
    }
    let calm_p99_ms = percentile(&mut calm, 99);
    let attacked_p99_ms = percentile(&mut attacked, 99);
    Ok(Hostile {
        attackers: ATTACKS.len() * OF_EACH,
        attacks: attacks.load(Ordering::Relaxed),
        runs: calm.len(),
        calm_p50_ms: percentile(&mut calm, 50),
        calm_p99_ms,
        attacked_p50_ms: percentile(&mut attacked, 50),
        attacked_p99_ms,
        ratio_p99: attacked_p99_ms / calm_p99_ms,
    })
}

/// One run after the other, each from its event to its end.
async fn round(engine: &Engine, runs: usize) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..runs {
        let begun = Instant::now();
        let flow = "behaves".parse()?;
        let run = engine
            .accept(IntakeRequest::new(flow, "manual", "{}"))
            .await?
            .run();
        engine.settled(run).await?;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(times)
}

/// Each makes one call after the other until it is stopped.
fn attackers(
    host: &ConnectorHost,
    digest: Digest,
    attacks: &Arc<AtomicU64>,
) -> Result<Vec<tokio::task::JoinHandle<()>>> {
    let mut tasks = Vec::new();
    for (attack, input) in ATTACKS {
        for _ in 0..OF_EACH {
            let request = CallRequest {
                connection: attack.parse()?,
                component: digest,
                operation: attack.parse()?,
                input: JsonText::parse(input)?,
                idempotency_key: "attack".to_owned(),
                run: RunId::new(Timestamp::default(), [0; 10]),
                step: StepPath::top(&StepId::new("attack")?),
                attempt: 1,
                deadline: ATTACK,
                traceparent: None,
            };
            let (host, attacks) = (host.clone(), Arc::clone(attacks));
            tasks.push(tokio::spawn(async move {
                loop {
                    drop(host.call(request.clone()).await);
                    attacks.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }));
        }
    }
    Ok(tasks)
}

fn connection(name: &str) -> Result<Connection> {
    Ok(Connection {
        name: name.parse()?,
        connector: "hostile".parse()?,
        config: JsonText::parse(r#"{"base_url":"http://127.0.0.1:9"}"#)?,
        auth: None,
        tls: None,
        allow: vec!["* http://127.0.0.1:9/*".parse()?],
        private_addresses: Vec::new(),
        limits: ConnectionLimits::default(),
        idempotency_header: DEFAULT_IDEMPOTENCY_HEADER.to_owned(),
        isolation: Isolation::Pooled,
    })
}

async fn engine(folder: &Path, host: &ConnectorHost, digest: Digest) -> Result<Engine> {
    std::fs::create_dir_all(folder)?;
    let ports = Ports {
        store: Arc::new(SledStore::open(folder, SledOptions::default())?),
        invoker: Arc::new(host.clone()),
        mapper: Arc::new(Constants),
        clock: Arc::new(WallClock),
        randomness: Arc::new(Numbers::default()),
    };
    Ok(Engine::start(ports, EngineOptions::default(), vec![plan(digest)?]).await?)
}

/// A flow of one call.
fn plan(digest: Digest) -> Result<Plan> {
    let connection: ConnectionName = CALM.parse()?;
    let pinned = PinnedConnector {
        name: "hostile".parse()?,
        version: semver::Version::new(1, 0, 0),
        digest,
    };
    let program = Program {
        id: "constant".into(),
        condition: None,
        outputs: vec![Template {
            pieces: vec![Piece::Text("{}".to_owned())],
        }],
        needs: Needs::default(),
    };
    Ok(serde_json::from_value(json!({
        "format": 1,
        "flow": "behaves",
        "version": "1.0.0",
        "source": Digest::of("behaves"),
        "mapping": Digest::of("stand-in"),
        "connectors": { CALM: pinned },
        "triggers": [{ "name": "manual", "schema": null, "kind": "manual" }],
        "steps": [{
            "id": "ask",
            "position": { "file": "flow.yaml", "line": 1, "column": 1 },
            "schema": null,
            "kind": { "call": {
                "connection": connection,
                "operation": "echo",
                "effect": Effect::Read,
                "idempotency": Idempotency::Natural,
                "program": program,
                "has_key": false,
                "output": null,
                "result_schema": {},
                "retry": dowel_flow::plan::RetryPolicy::default(),
                "timeout": Duration::from_secs(30),
            } },
        }],
    }))?)
}

/// Builds the guests of the tests.
fn guest() -> Result<Vec<u8>> {
    let status = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--package",
            "dowel-hostile",
            "--lib",
            "--profile",
            "guest",
        ])
        .args(["--target", "wasm32-wasip2", "--target-dir", "target/guests"])
        .status()
        .context("cargo cannot be started")?;
    if !status.success() {
        bail!("the hostile guest does not build");
    }
    let built = "target/guests/wasm32-wasip2/guest/dowel_hostile.wasm";
    std::fs::read(built).with_context(|| built.to_owned())
}
