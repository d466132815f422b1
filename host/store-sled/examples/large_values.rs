//! Measures what the threshold of large values is worth: commits of one value each by 16
//! committers, the value once in the tree and once in a file of its own, in turns:
//! `cargo run --release -p dowel-store-sled --example large_values [folder]`.

use dowel_core::port::{Batch, Store, StoreError};
use dowel_store_sled::{SledOptions, SledStore};
use std::error::Error;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long each side of a pair is measured.
const MEASURED: Duration = Duration::from_secs(2);

/// Pairs for each size; the median of their ratios is printed.
const PAIRS: usize = 5;

const COMMITTERS: usize = 16;

const SIZES: [usize; 4] = [2 * 1024, 4 * 1024, 8 * 1024, 16 * 1024];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("large-values-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut out = stdout().lock();
    for size in SIZES {
        let mut pairs = Vec::new();
        for pair in 0..PAIRS {
            let mut rates = Vec::new();
            for blob_threshold in [size, size - 1] {
                let path = folder.join(format!("{size}-{pair}-{blob_threshold}"));
                let options = SledOptions {
                    blob_threshold,
                    ..SledOptions::default()
                };
                let store = SledStore::open(&path, options)?;
                let commits = runtime.block_on(measure(&store, size))?;
                drop(store);
                std::fs::remove_dir_all(&path)?;
                rates.push(commits as f64 / MEASURED.as_secs_f64());
            }
            pairs.push((rates[0] / rates[1], rates[0], rates[1]));
        }
        pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (ratio, inline, file) = pairs[PAIRS / 2];
        writeln!(
            out,
            "{size:>6} bytes: {inline:>6.0} /s in the tree, {file:>6.0} /s in files, ratio {ratio:.2}"
        )?;
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn measure(store: &SledStore, size: usize) -> Result<usize, Box<dyn Error>> {
    let end = Instant::now() + MEASURED;
    let tasks: Vec<_> = (0..COMMITTERS)
        .map(|committer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut count = 0_usize;
                while Instant::now() < end {
                    let key = format!("{committer:03}/{count:08}").into_bytes();
                    // Each value once: equal ones would share a file.
                    let mut value = vec![b'v'; size];
                    value[..key.len()].copy_from_slice(&key);
                    let mut batch = Batch::default();
                    batch.put(key, value);
                    store.commit(batch).await?;
                    count += 1;
                }
                Ok::<_, StoreError>(count)
            })
        })
        .collect();
    let mut all = 0;
    for task in tasks {
        all += task.await??;
    }
    Ok(all)
}
