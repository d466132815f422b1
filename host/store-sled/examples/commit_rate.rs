//! Measures durable commits per second of 1 KiB values with 1, 16 and 64 committers, and
//! the `fdatasync` of this disk beside them:
//! `cargo run --release -p dowel-store-sled --example commit_rate [folder]`.

use dowel_core::port::{Batch, Store};
use dowel_store_sled::{SledOptions, SledStore};
use std::error::Error;
use std::fs::File;
use std::io::{Write, stdout};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long each number is measured.
const MEASURED: Duration = Duration::from_secs(5);
const VALUE_BYTES: usize = 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("commit-rate-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut out = stdout().lock();
    let syncs = sync_latencies(&folder)?;
    writeln!(
        out,
        "fdatasync of 4 KiB: p50 {:?}, p99 {:?}",
        percentile(&syncs, 50),
        percentile(&syncs, 99)
    )?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    for committers in [1, 16, 64] {
        let store = SledStore::open(&folder.join(committers.to_string()), SledOptions::default())?;
        let mut took = runtime.block_on(measure(&store, committers))?;
        took.sort_unstable();
        let per_second = took.len() as f64 / MEASURED.as_secs_f64();
        writeln!(
            out,
            "{committers:>3} committers: {per_second:>6.0} commits/s, p50 {:?}, p99 {:?}",
            percentile(&took, 50),
            percentile(&took, 99)
        )?;
        drop(store);
        let opening = Instant::now();
        drop(SledStore::open(
            &folder.join(committers.to_string()),
            SledOptions::default(),
        )?);
        writeln!(
            out,
            "    opening and closing {} keys again: {:?}",
            took.len(),
            opening.elapsed()
        )?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn measure(store: &SledStore, committers: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
    let end = Instant::now() + MEASURED;
    let tasks: Vec<_> = (0..committers)
        .map(|committer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < end {
                    let mut batch = Batch::default();
                    let key = format!("{committer:03}/{:08}", took.len()).into_bytes();
                    batch.put(key, vec![b'v'; VALUE_BYTES]);
                    let start = Instant::now();
                    store.commit(batch).await?;
                    took.push(start.elapsed());
                }
                Ok::<_, dowel_core::port::StoreError>(took)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

fn sync_latencies(folder: &Path) -> std::io::Result<Vec<Duration>> {
    const ROUNDS: u64 = 300;
    let file = File::create(folder.join("sync"))?;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        file.write_all_at(&[1; 4096], round * 4096)?;
        let start = Instant::now();
        file.sync_data()?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    Ok(took)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}
