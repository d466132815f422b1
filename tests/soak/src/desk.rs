//! How fast the pages of the desk answer with many runs in the store. The runs are made by
//! the engine in this process, which then serves the desk over real HTTP on a local socket.

use crate::flow::{self, Options};
use crate::ports::{Away, FewExpressions, HashedRandomness, SystemClock, Upstream};
use crate::{Common, machine};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use dowel_api::{ApiOptions, ApiState, LocalListener};
use dowel_core::JsonText;
use dowel_core::port::{BoxFuture, Secret, SecretError, Secrets};
use dowel_engine::state::RunStatus;
use dowel_engine::{Engine, EngineOptions, IntakeError, ItemsQuery, Ports, RunsQuery};
use dowel_store_sled::{SledOptions, SledStore};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Pages of the desk over many runs.
#[derive(Debug, Args)]
pub(crate) struct Desk {
    /// How many runs.
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 100)]
    requests: usize,
    /// The longest time that 95 of 100 answers may take, in milliseconds.
    #[arg(long, default_value_t = 50)]
    limit_ms: u64,
    /// A data folder that an earlier call has filled and left.
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Orders that are sent at the same time.
const CLIENTS: u64 = 64;

/// A sender that was told to wait.
const BACKLOG_PAUSE: Duration = Duration::from_millis(2);

/// Requests before those that count: caches have settled then.
const WARM_UP: usize = 5;

/// Nobody asks for secrets.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move { Err(SecretError::Missing(name.to_owned())) })
    }
}

#[derive(Debug, Serialize)]
struct Measured {
    page: String,
    bytes: usize,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    runs: u64,
    fill_seconds: f64,
    disk_bytes: u64,
    limit_ms: u64,
    pages: Vec<Measured>,
    slowest_p95_ms: f64,
}

pub(crate) async fn run(desk: &Desk) -> Result<ExitCode> {
    let folder = desk.common.folder()?;
    let data = desk
        .data
        .clone()
        .unwrap_or_else(|| folder.path().join("data"));
    let store = SledStore::open(&data, SledOptions::default())?;
    let engine = start(store.clone()).await?;
    let begun = Instant::now();
    if desk.data.is_none() || engine.runs(&RunsQuery::default()).await?.runs.is_empty() {
        fill(&engine, desk.runs).await?;
    }
    let fill_seconds = begun.elapsed().as_secs_f64();
    let pages = measure(desk, &engine).await?;
    engine.drain(Duration::from_secs(10)).await;
    store.close();
    let slowest = pages.iter().map(|page| page.p95_ms).fold(0.0, f64::max);
    let report = Report {
        runs: desk.runs,
        fill_seconds,
        disk_bytes: machine::disk_bytes(&data),
        limit_ms: desk.limit_ms,
        pages,
        slowest_p95_ms: slowest,
    };
    print(&report, desk.common.json)?;
    Ok(ExitCode::from(u8::from(slowest > desk.limit_ms as f64)))
}

async fn start(store: SledStore) -> Result<Engine> {
    let ports = Ports {
        store: Arc::new(store),
        invoker: Arc::new(Upstream {
            away: Away::Every(400),
            calls: AtomicU64::new(0),
            answer: JsonText::parse(r#"{"id":"C-1","name":"Example"}"#)?,
        }),
        mapper: Arc::new(FewExpressions),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(HashedRandomness::default()),
    };
    let options = EngineOptions {
        max_backlog: 512,
        ..EngineOptions::default()
    };
    let times = Options {
        retry_delay: Duration::from_millis(200),
        dedupe_window: Duration::from_secs(86_400),
    };
    let plans = vec![flow::plan(times)?, flow::approvals(times)?];
    Ok(Engine::start(ports, options, plans).await?)
}

async fn fill(engine: &Engine, runs: u64) -> Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let senders = (0..CLIENTS).map(|_| tokio::spawn(send(engine.clone(), next.clone(), runs)));
    for sender in senders.collect::<Vec<_>>() {
        sender.await??;
    }
    while engine.working() > 0 {
        tokio::time::sleep(BACKLOG_PAUSE).await;
    }
    Ok(())
}

/// Sends orders until all are sent; a few of them ask people.
async fn send(engine: Engine, next: Arc<AtomicU64>, runs: u64) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= runs {
            return Ok(());
        }
        let asks = number.is_multiple_of(10_007);
        let flow = if asks { flow::APPROVALS } else { flow::ORDERS };
        loop {
            match engine.accept(flow::small_order(flow, number)?).await {
                Ok(_) => break,
                Err(IntakeError::Backlog(_)) => tokio::time::sleep(BACKLOG_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Pages with something on them, of the runs that are there.
async fn pages(engine: &Engine, runs: u64) -> Result<Vec<String>> {
    let one = |status| RunsQuery {
        status: Some(status),
        limit: 1,
        ..RunsQuery::default()
    };
    let first = async |status| {
        let found = engine.runs(&one(status)).await?.runs;
        let run = found
            .first()
            .with_context(|| format!("no run is {status:?}"))?;
        Ok::<_, anyhow::Error>(run.id)
    };
    let (good, bad) = (
        first(RunStatus::Succeeded).await?,
        first(RunStatus::Failed).await?,
    );
    let items = engine
        .items(&ItemsQuery {
            limit: 1,
            ..ItemsQuery::default()
        })
        .await?;
    let item = items
        .items
        .first()
        .context("nothing waits for a person")?
        .id;
    let middle = runs / 2;
    Ok([
        String::new(),
        "/runs".to_owned(),
        format!("/runs?cursor={good}"),
        "/runs?flow=soak".to_owned(),
        "/runs?flow=soak-approvals".to_owned(),
        "/runs?status=succeeded".to_owned(),
        "/runs?status=failed".to_owned(),
        "/runs?status=parked".to_owned(),
        "/runs?status=running".to_owned(),
        "/runs?status=waiting".to_owned(),
        "/runs?flow=soak&status=failed".to_owned(),
        "/runs?flow=soak-approvals&status=succeeded".to_owned(),
        format!("/runs?key=order-{middle:09}"),
        "/runs?key=nothing".to_owned(),
        "/search?q=nothing".to_owned(),
        format!("/runs/{good}"),
        format!("/runs/{bad}"),
        "/exceptions".to_owned(),
        "/exceptions?flow=soak".to_owned(),
        "/exceptions?kind=timeout".to_owned(),
        "/exceptions?overdue=1".to_owned(),
        format!("/exceptions/{item}"),
        "/approvals".to_owned(),
        "/bulk".to_owned(),
        "/flows".to_owned(),
        "/flows/soak".to_owned(),
        "/flows/soak?window=30d".to_owned(),
        "/schedules".to_owned(),
        "/connections".to_owned(),
        "/connectors".to_owned(),
        "/events".to_owned(),
        "/audit".to_owned(),
    ]
    .into())
}

async fn measure(desk: &Desk, engine: &Engine) -> Result<Vec<Measured>> {
    let state = ApiState::new(
        engine.clone(),
        ApiOptions::default(),
        Arc::new(NoSecrets),
        Arc::new(HashedRandomness::default()),
    );
    let router = dowel_api::admin(Arc::new(state));
    // The local socket needs no user. Whoever is sent to the page for signing in has not been
    // shown what is measured.
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket");
    let listener = LocalListener::open(&socket, router)?;
    let client = reqwest::Client::builder()
        .unix_socket(socket.as_path())
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let mut all = Vec::new();
    for page in pages(engine, desk.runs).await? {
        let url = format!("http://localhost/desk{page}");
        let mut times = Vec::with_capacity(desk.requests);
        let mut bytes = 0;
        for number in 0..WARM_UP + desk.requests {
            let begun = Instant::now();
            let response = client.get(&url).send().await?;
            if !response.status().is_success() {
                bail!("{url} answers {}", response.status());
            }
            bytes = response.bytes().await?.len();
            if number >= WARM_UP {
                times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |share: usize| {
            times
                .get(times.len() * share / 100)
                .or(times.last())
                .copied()
        };
        all.push(Measured {
            page: format!("/desk{page}"),
            bytes,
            p50_ms: at(50).unwrap_or_default(),
            p95_ms: at(95).unwrap_or_default(),
            max_ms: times.last().copied().unwrap_or_default(),
        });
    }
    listener.close().await;
    Ok(all)
}

fn print(report: &Report, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string(report)?);
        return Ok(());
    }
    println!(
        "{:>9} {:>9} {:>9} {:>9}  page",
        "p50 ms", "p95 ms", "max ms", "KiB"
    );
    for page in &report.pages {
        println!(
            "{:>9.1} {:>9.1} {:>9.1} {:>9.1}  {}",
            page.p50_ms,
            page.p95_ms,
            page.max_ms,
            page.bytes as f64 / 1024.0,
            page.page
        );
    }
    println!(
        "{} runs, made in {:.0} s, {} MiB on disk; the slowest page answers 95 of 100 requests within {:.1} ms, {} ms are allowed",
        report.runs,
        report.fill_seconds,
        report.disk_bytes >> 20,
        report.slowest_p95_ms,
        report.limit_ms
    );
    Ok(())
}
