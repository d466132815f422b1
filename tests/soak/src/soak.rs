//! Runs that end, with retention.

use crate::Common;
use crate::flow::{self, Options};
use crate::machine;
use crate::plateau::{self, Plateau, Sample};
use crate::ports::{Away, FewExpressions, HashedRandomness, SystemClock, Upstream};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use dowel_core::JsonText;
use dowel_core::port::{Scan, Store};
use dowel_core::retention::{Retention, RetentionRules};
use dowel_engine::{Engine, EngineOptions, IntakeError, Ports, RunsQuery};
use dowel_store_sled::{SledOptions, SledStore};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Runs that end, with retention.
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How many runs.
    #[arg(long, default_value_t = 300_000)]
    runs: u64,
    /// How many finished runs retention keeps; a tenth of the runs unless given.
    #[arg(long)]
    keep: Option<u64>,
    /// Orders that are sent at the same time.
    #[arg(long, default_value_t = 64)]
    clients: u64,
    #[command(flatten)]
    common: Common,
}

/// Every so many first attempts fail, so that timers and retries are part of it.
const FAILS_EVERY: u64 = 40;

/// How many samples the curve has at least, and how often it is looked at most.
const SAMPLES: u64 = 60;

/// A sender that was told to wait.
const BACKLOG_PAUSE: Duration = Duration::from_millis(2);

/// How many more finished runs than retention keeps may be there at the end of the last
/// sweep: none, as nothing ends meanwhile.
const KEPT_TOO_MANY: u64 = 0;

#[derive(Debug, Serialize)]
struct Report {
    runs: u64,
    keep: u64,
    seconds: f64,
    runs_per_second: f64,
    samples: Vec<Sample>,
    rule: &'static str,
    disk: Option<Plateau>,
    memory: Option<Plateau>,
    /// Finished runs that are left after the last sweep.
    left: u64,
    /// Disk after the store was closed, and the time of opening it again.
    closed_disk_bytes: u64,
    reopen_ms: u64,
    verdict: &'static str,
}

pub(crate) async fn run(soak: &Soak) -> Result<ExitCode> {
    let folder = soak.common.folder()?;
    let data = folder.path().join("data");
    let keep = soak.keep.unwrap_or(soak.runs / 10).max(1);
    let store = SledStore::open(&data, SledOptions::default())?;
    let engine = start(store.clone(), keep).await?;
    let begun = Instant::now();
    let accepted = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> = (0..soak.clients)
        .map(|_| tokio::spawn(send(engine.clone(), accepted.clone(), soak.runs)))
        .collect();
    let samples = watch(soak, &data, &accepted, begun).await?;
    for sender in senders {
        sender.await??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    settle(&engine).await?;
    engine.sweep().await?;
    let left = finished(&store).await?;
    engine.drain(Duration::from_secs(10)).await;
    store.close();
    let closed_disk_bytes = machine::disk_bytes(&data);
    let again = Instant::now();
    SledStore::open(&data, SledOptions::default())?.close();
    let reopen_ms = u64::try_from(again.elapsed().as_millis())?;
    let full = 2 * keep;
    let disk = plateau::judge(&samples, full, |sample| sample.disk_bytes);
    let memory = plateau::judge(&samples, full, |sample| sample.rss_bytes);
    let is_flat = |curve: &Option<Plateau>| curve.is_some_and(|curve| curve.is_flat);
    let is_bounded = is_flat(&disk) && is_flat(&memory) && left <= keep + KEPT_TOO_MANY;
    let report = Report {
        runs: soak.runs,
        keep,
        seconds,
        runs_per_second: soak.runs as f64 / seconds,
        samples,
        rule: plateau::RULE,
        disk,
        memory,
        left,
        closed_disk_bytes,
        reopen_ms,
        verdict: if is_bounded { "bounded" } else { "not bounded" },
    };
    print(&report, soak.common.json)?;
    Ok(ExitCode::from(u8::from(!is_bounded)))
}

async fn start(store: SledStore, keep: u64) -> Result<Engine> {
    let ports = Ports {
        store: Arc::new(store),
        invoker: Arc::new(Upstream {
            away: Away::Every(FAILS_EVERY),
            calls: AtomicU64::new(0),
            answer: JsonText::parse(r#"{"id":"C-1","name":"Example"}"#)?,
        }),
        mapper: Arc::new(FewExpressions),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(HashedRandomness::default()),
    };
    let retention = Retention {
        max_runs: Some(keep),
        ..Retention::FOREVER
    };
    let options = EngineOptions {
        max_backlog: 512,
        retention: RetentionRules {
            default: retention,
            ..RetentionRules::default()
        },
        sweep_every: Some(Duration::from_secs(1)),
        ..EngineOptions::default()
    };
    let plan = flow::plan(Options {
        retry_delay: Duration::from_millis(200),
        dedupe_window: Duration::from_secs(20),
    })?;
    Ok(Engine::start(ports, options, vec![plan]).await?)
}

/// Sends orders until all are sent.
async fn send(engine: Engine, accepted: Arc<AtomicU64>, runs: u64) -> Result<()> {
    loop {
        let number = accepted.fetch_add(1, Ordering::Relaxed);
        if number >= runs {
            return Ok(());
        }
        loop {
            match engine.accept(flow::order(number)?).await {
                Ok(_) => break,
                Err(IntakeError::Backlog(_)) => tokio::time::sleep(BACKLOG_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn watch(
    soak: &Soak,
    data: &Path,
    accepted: &AtomicU64,
    begun: Instant,
) -> Result<Vec<Sample>> {
    const LOOK: Duration = Duration::from_millis(250);
    let every = (soak.runs / SAMPLES).max(1);
    let mut samples: Vec<Sample> = Vec::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let runs = accepted.load(Ordering::Relaxed).min(soak.runs);
        let last = samples.last().map_or(0, |sample| sample.runs);
        let is_over = runs >= soak.runs;
        if runs < last + every && !is_over {
            continue;
        }
        let sample = Sample {
            runs,
            seconds: begun.elapsed().as_secs_f64(),
            disk_bytes: machine::disk_bytes(data),
            rss_bytes: machine::resident_bytes(std::process::id())?,
        };
        if !soak.common.json {
            print_sample(&sample);
        }
        samples.push(sample);
        if is_over {
            return Ok(samples);
        }
    }
}

/// Waits until no run is at work or waits.
async fn settle(engine: &Engine) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if engine.unfinished() == 0 {
            return Ok(());
        }
        tokio::time::sleep(BACKLOG_PAUSE).await;
    }
    let listed = engine.runs(&RunsQuery::default()).await?;
    bail!("runs do not end: {:?}", listed.runs.first())
}

/// Finished runs in the store, counted in its index.
async fn finished(store: &SledStore) -> Result<u64> {
    let found = store
        .scan(Scan::prefix("e", usize::MAX).keys_only())
        .await
        .context("the index cannot be read")?;
    Ok(found.len() as u64)
}

fn print_sample(sample: &Sample) {
    println!(
        "{:>9} runs  {:>7.1} s  disk {:>7.1} MiB  memory {:>6.1} MiB",
        sample.runs,
        sample.seconds,
        mib(sample.disk_bytes),
        mib(sample.rss_bytes)
    );
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn print(report: &Report, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!("\nrule: {}", report.rule);
    for (name, curve) in [("disk", &report.disk), ("memory", &report.memory)] {
        match curve {
            Some(curve) => println!(
                "{name}: early {:.1} MiB, late {:.1} MiB, limit {:.1} MiB",
                mib(curve.early),
                mib(curve.late),
                mib(curve.limit)
            ),
            None => println!("{name}: too few samples"),
        }
    }
    println!(
        "{} runs, {:.0} /s; {} finished runs left of {} to keep; closed: {:.1} MiB; opened again in {} ms",
        report.runs,
        report.runs_per_second,
        report.left,
        report.keep,
        mib(report.closed_disk_bytes),
        report.reopen_ms
    );
    println!("verdict: {}", report.verdict);
    Ok(())
}
