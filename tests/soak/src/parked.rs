//! Runs that wait: what each costs in memory, and how long a host takes to start with
//! them. The runs are made by the engine in this process: a third finds its upstream away
//! at the second step and waits for half a day, a third asks people, a third waits for an
//! event. The host that is measured is the real one, in a process of its own.

use crate::flow::{self, Options};
use crate::ports::{Away, FewExpressions, HashedRandomness, SystemClock, Upstream};
use crate::{Common, machine};
use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use dowel_core::JsonText;
use dowel_core::port::{Scan, Store as _};
use dowel_engine::{Engine, EngineOptions, IntakeError, Ports};
use dowel_store_sled::{SledOptions, SledStore};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Runs that wait.
#[derive(Debug, Args)]
pub(crate) struct Parked {
    /// How many runs.
    #[arg(long, default_value_t = 200_000)]
    count: u64,
    /// The release build of `dowel`.
    #[arg(long, default_value = "target/release/dowel")]
    dowel: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// The longest wait for a host to be ready.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// After `ready`, until caches have settled.
const SETTLE: Duration = Duration::from_secs(3);

/// Active marks that are counted at a time.
const MARKS_PER_SCAN: usize = 4_096;

/// Runs that are begun at the same time.
const CLIENTS: u64 = 64;

#[derive(Debug, Serialize)]
struct Report {
    count: u64,
    bytes_per_run: u64,
    ready_ms: u64,
    /// Of all cores: what does not depend on who else is at work on the machine.
    ready_cpu_ms: u64,
    empty_ready_ms: u64,
    empty_rss_bytes: u64,
    rss_bytes: u64,
    disk_bytes: u64,
}

pub(crate) async fn run(parked: &Parked) -> Result<ExitCode> {
    let folder = parked.common.folder()?;
    let repository = folder.path().join("repository");
    std::fs::create_dir_all(repository.join("flows"))?;
    std::fs::create_dir_all(repository.join("connectors"))?;
    std::fs::write(repository.join("bench.yaml"), "environment: bench\n")?;
    let data = folder.path().join("data");
    make(&data, parked.count).await?;
    let nothing = folder.path().join("empty");
    for data in [&nothing, &data] {
        // The first start compiles what every later one finds, and has its memory from that.
        Measured::of(parked, &repository, data).await?;
    }
    let empty = Measured::of(parked, &repository, &nothing).await?;
    let full = Measured::of(parked, &repository, &data).await?;
    let report = Report {
        count: parked.count,
        bytes_per_run: full.rss_bytes.saturating_sub(empty.rss_bytes) / parked.count.max(1),
        ready_ms: full.ready_ms,
        ready_cpu_ms: full.ready_cpu_ms,
        empty_ready_ms: empty.ready_ms,
        empty_rss_bytes: empty.rss_bytes,
        rss_bytes: full.rss_bytes,
        disk_bytes: machine::disk_bytes(&data),
    };
    if parked.common.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!(
            "{} waiting runs: {} bytes of memory each; ready in {} ms with {} ms of CPU (empty host: {} ms); {} MiB on disk",
            report.count,
            report.bytes_per_run,
            report.ready_ms,
            report.ready_cpu_ms,
            report.empty_ready_ms,
            report.disk_bytes >> 20,
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// What they wait for in turns: a timer, a person, an event.
const FLOWS: [&str; 3] = [flow::ORDERS, flow::APPROVALS, flow::EVENTS];

/// Makes a data folder with `count` runs that wait.
async fn make(data: &Path, count: u64) -> Result<()> {
    let store = SledStore::open(data, SledOptions::default())?;
    let ports = Ports {
        store: Arc::new(store.clone()),
        invoker: Arc::new(Upstream {
            away: Away::For("erp"),
            calls: AtomicU64::new(0),
            answer: JsonText::parse(r#"{"id":"C-1"}"#)?,
        }),
        mapper: Arc::new(FewExpressions),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(HashedRandomness::default()),
    };
    let half_a_day = Duration::from_secs(12 * 3600);
    let options = Options {
        retry_delay: half_a_day,
        dedupe_window: half_a_day,
    };
    let plans = vec![
        flow::plan(options)?,
        flow::approvals(options)?,
        flow::events(options)?,
    ];
    let engine = Engine::start(ports, EngineOptions::default(), plans).await?;
    let next = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(begin(engine.clone(), next.clone(), count)))
        .collect();
    for sender in senders {
        sender.await??;
    }
    while engine.working() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let open = waiting(&store).await?;
    if open != count {
        bail!("{open} of {count} runs wait");
    }
    engine.drain(Duration::from_secs(10)).await;
    store.close();
    Ok(())
}

/// How many runs have an active mark.
async fn waiting(store: &SledStore) -> Result<u64> {
    let mut scan = Scan::prefix("a", MARKS_PER_SCAN).keys_only();
    let mut count = 0;
    loop {
        let rows = store.scan(scan.clone()).await?;
        count += rows.len() as u64;
        match rows.last() {
            Some((key, _)) if rows.len() == MARKS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(count),
        }
    }
}

async fn begin(engine: Engine, next: Arc<AtomicU64>, count: u64) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(());
        }
        let flow = FLOWS[usize::try_from(number)? % FLOWS.len()];
        loop {
            match engine.accept(flow::small_order(flow, number)?).await {
                Ok(_) => break,
                Err(IntakeError::Backlog(_)) => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A host that was started on a data folder.
struct Measured {
    ready_ms: u64,
    ready_cpu_ms: u64,
    rss_bytes: u64,
}

impl Measured {
    async fn of(parked: &Parked, repository: &Path, data: &Path) -> Result<Self> {
        let begun = Instant::now();
        let mut child = command(parked, repository, data)?
            .spawn()
            .with_context(|| format!("{} cannot be started", parked.dowel.display()))?;
        let ready = tokio::time::timeout(READY_WITHIN, ready(&mut child)).await;
        ready.unwrap_or_else(|_| Err(anyhow!("the host was not ready in time")))?;
        let ready_ms = u64::try_from(begun.elapsed().as_millis())?;
        let pid = child.id().context("the host has ended")?;
        let ready_cpu_ms = machine::cpu_ms(pid)?;
        tokio::time::sleep(SETTLE).await;
        let rss_bytes = machine::resident_bytes(pid)?;
        child.kill().await?;
        Ok(Self {
            ready_ms,
            ready_cpu_ms,
            rss_bytes,
        })
    }
}

fn command(parked: &Parked, repository: &Path, data: &Path) -> Result<Command> {
    let program = std::fs::canonicalize(&parked.dowel)
        .with_context(|| format!("{} is missing", parked.dowel.display()))?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--repo").arg(repository);
    command.arg("--env-file").arg(repository.join("bench.yaml"));
    command
        .arg("--connectors")
        .arg(repository.join("connectors"));
    command.arg("--data").arg(data);
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::inherit()).kill_on_drop(true);
    command.env("DOWEL_LOG", "warn");
    Ok(command)
}

async fn ready(child: &mut Child) -> Result<()> {
    let stdout = child.stdout.take().context("the host has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("ready ") {
            return Ok(());
        }
    }
    bail!("the host ended before it was ready")
}
