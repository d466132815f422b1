//! Whether an upstream that hangs slows another flow: the same load of a flow on an
//! engine by itself, and on one where as many calls of another flow hang as may, with
//! thousands of its runs in line.
//!
//! Engine and store are the real ones. Connectors and expressions are stood in for, so
//! that nothing else is measured.

use anyhow::{Context as _, Result};
use dowel_core::expression::{Evaluated, EvaluationError, Needs, Piece, Program, Template};
use dowel_core::journal::PinnedConnector;
use dowel_core::manifest::{Effect, Idempotency};
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, Clock, EvaluationRequest, Invoker, Mapper, Randomness,
};
use dowel_core::{ConnectionName, Digest, JsonText, RunId, SendRecord, Timestamp};
use dowel_engine::{Engine, EngineOptions, IntakeRequest, Ports};
use dowel_flow::plan::Plan;
use dowel_store_sled::{SledOptions, SledStore};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long an upstream that works takes.
const ANSWERS_AFTER: Duration = Duration::from_millis(2);

/// The connection whose upstream hangs.
const HANGS: &str = "hangs";

/// Senders at the same time.
const SENDERS: usize = 32;

/// Pairs of rounds; the middle ratio counts.
const PAIRS: usize = 9;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Runs of the flow that hangs.
    pub(crate) hanging: usize,
    /// Runs of the flow that is measured, in each round.
    pub(crate) measured: usize,
}

/// What came out.
#[derive(Debug, Serialize)]
pub(crate) struct Bulkhead {
    /// Runs of the flow whose upstream hangs.
    hanging_runs: usize,
    /// Its calls that hang at the same time.
    hanging_calls: u32,
    /// Its steps in line.
    hanging_in_line: usize,
    /// Runs of the other flow per second, by itself.
    alone_per_s: f64,
    /// The same beside the flow that hangs.
    beside_per_s: f64,
    /// The middle ratio of the two over all pairs of rounds: 1 if nothing is lost.
    ratio: f64,
}

impl Bulkhead {
    /// A few lines for people.
    pub(crate) fn table(&self) -> String {
        format!(
            "a flow by itself                        {:>9.0} runs/s\n\
             beside {} hanging calls, {} in line  {:>9.0} runs/s\n\
             ratio                                   {:>9.2}\n",
            self.alone_per_s,
            self.hanging_calls,
            self.hanging_in_line,
            self.beside_per_s,
            self.ratio
        )
    }
}

/// Measures in a folder of its own.
pub(crate) async fn measure(folder: &Path, size: Size) -> Result<Bulkhead> {
    let alone = engine(&folder.join("alone")).await?;
    let beside = engine(&folder.join("beside")).await?;
    for _ in 0..size.hanging {
        beside.accept(request("slow")).await?;
    }
    let mut rounds = Vec::new();
    round(&alone, size.measured).await?;
    round(&beside, size.measured).await?;
    for pair in 0..PAIRS {
        // Each goes first as often as the other: what else the machine does comes and goes.
        rounds.push(if pair % 2 == 0 {
            let first = round(&alone, size.measured).await?;
            (first, round(&beside, size.measured).await?)
        } else {
            let second = round(&beside, size.measured).await?;
            (round(&alone, size.measured).await?, second)
        });
    }
    rounds.sort_by(|(a, b), (c, d)| (b / a).total_cmp(&(d / c)));
    let (alone_per_s, beside_per_s) = rounds[PAIRS / 2];
    let status = beside.connections();
    let hanging = status.iter().find(|s| s.connection.as_str() == HANGS);
    let hanging = hanging.context("nothing hangs")?;
    Ok(Bulkhead {
        hanging_runs: size.hanging,
        hanging_calls: hanging.in_flight,
        hanging_in_line: hanging.waiting,
        alone_per_s,
        beside_per_s,
        ratio: beside_per_s / alone_per_s,
    })
}

/// Runs per second of one round, from the first event to the last end.
async fn round(engine: &Engine, runs: usize) -> Result<f64> {
    let started = Instant::now();
    let senders = (0..SENDERS).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let mut begun: Vec<RunId> = Vec::new();
            for _ in 0..runs / SENDERS {
                begun.push(engine.accept(request("quick")).await?.run());
            }
            for run in begun {
                engine.settled(run).await?;
            }
            anyhow::Ok(())
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await??;
    }
    let count = u32::try_from(runs / SENDERS * SENDERS)?;
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

async fn engine(folder: &Path) -> Result<Engine> {
    std::fs::create_dir_all(folder)?;
    let ports = Ports {
        store: Arc::new(SledStore::open(folder, SledOptions::default())?),
        invoker: Arc::new(Upstreams),
        mapper: Arc::new(Constants),
        clock: Arc::new(WallClock),
        randomness: Arc::new(Numbers::default()),
    };
    let plans = vec![plan("slow", HANGS)?, plan("quick", "works")?];
    Ok(Engine::start(ports, EngineOptions::default(), plans).await?)
}

fn request(flow: &str) -> IntakeRequest {
    // The names are constants of this file.
    let flow = flow.parse().unwrap_or_else(|_| unreachable!());
    IntakeRequest::new(flow, "manual", "{}")
}

/// A flow of one call.
fn plan(flow: &str, connection: &str) -> Result<Plan> {
    let connection: ConnectionName = connection.parse()?;
    let pinned = PinnedConnector {
        name: "stand-in".parse()?,
        version: semver::Version::new(1, 0, 0),
        digest: Digest::of("stand-in"),
    };
    let program = Program {
        id: "constant".into(),
        condition: None,
        outputs: vec![Template {
            pieces: vec![Piece::Text("{}".to_owned())],
        }],
        needs: Needs::default(),
    };
    let plan = serde_json::json!({
        "format": 1,
        "flow": flow,
        "version": "1.0.0",
        "source": Digest::of(flow),
        "mapping": Digest::of("stand-in"),
        "connectors": { connection.as_str(): pinned },
        "triggers": [{ "name": "manual", "schema": null, "kind": "manual" }],
        "steps": [{
            "id": "ask",
            "position": { "file": "flow.yaml", "line": 1, "column": 1 },
            "schema": null,
            "kind": { "call": {
                "connection": connection,
                "operation": "ask",
                "effect": Effect::Read,
                "idempotency": Idempotency::Natural,
                "program": program,
                "has_key": false,
                "output": null,
                "result_schema": {},
                "retry": dowel_flow::plan::RetryPolicy::default(),
                "timeout": Duration::from_secs(3600),
            } },
        }],
    });
    Ok(serde_json::from_value(plan)?)
}

/// One upstream answers, the other one hangs.
struct Upstreams;

impl Invoker for Upstreams {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        Box::pin(async move {
            if request.connection.as_str() == HANGS {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(ANSWERS_AFTER).await;
            CallOutcome {
                result: Ok(JsonText::object([])),
                sent: SendRecord::Answered,
            }
        })
    }
}

/// Every expression is an empty object.
pub(crate) struct Constants;

impl Mapper for Constants {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        let values = request.program.outputs.iter().map(|_| JsonText::object([]));
        let values = values.collect();
        Box::pin(std::future::ready(Ok(Evaluated::Values(values))))
    }
}

/// The machine's clock.
pub(crate) struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }
}

/// Ids that differ; nobody has to be unable to guess them.
#[derive(Default)]
pub(crate) struct Numbers(AtomicU64);

impl Randomness for Numbers {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}
