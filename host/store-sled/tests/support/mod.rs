//! Batches of a known shape, and whether a store holds them whole.

#![allow(dead_code, reason = "each test program uses its part")]

use dowel_core::port::{Batch, Scan, Store};
use dowel_store_sled::{OpenError, SledOptions, SledStore};
use std::path::Path;

/// Every so many batches carry a value that is too large for the tree.
const LARGE_EVERY: u64 = 7;
const LARGE_BYTES: usize = 40_000;
/// A rolling batch deletes what the one so many before it put.
const KEPT: u64 = 40;

pub(crate) fn open(path: &Path) -> Result<SledStore, OpenError> {
    SledStore::open(path, SledOptions::default())
}

/// A store that compacts its log again and again.
pub(crate) fn open_restless(path: &Path) -> Result<SledStore, OpenError> {
    let options = SledOptions {
        compact_above: RESTLESS_COMPACT_ABOVE,
        ..SledOptions::default()
    };
    SledStore::open(path, options)
}

/// Two segments: little more than an empty log has.
const RESTLESS_COMPACT_ABOVE: u64 = 4 << 20;

pub(crate) fn accept_loss(path: &Path) -> SledStore {
    let options = SledOptions {
        accept_loss: true,
        ..SledOptions::default()
    };
    SledStore::open(path, options).unwrap()
}

/// Stands once in each batch's data, so that a trace of writes shows where the batch is.
pub(crate) fn marker(writer: u64, number: u64) -> String {
    format!("[batch {writer} {number}]")
}

/// Three values under keys that lie apart, and the writer's head, which must have been at
/// the batch before.
pub(crate) fn batch(writer: u64, number: u64) -> Batch {
    let mut batch = Batch::default();
    let head = format!("head/{writer}").into_bytes();
    match number {
        0 => batch.require_absent(head.clone()),
        _ => batch.require_equal(head.clone(), (number - 1).to_be_bytes().to_vec()),
    };
    batch.put(head, number.to_be_bytes().to_vec());
    for (key, value) in entries(writer, number) {
        batch.put(key, value);
    }
    batch
}

/// The same, and it deletes what the batch [`KEPT`] before it put.
pub(crate) fn rolling_batch(writer: u64, number: u64) -> Batch {
    let mut batch = batch(writer, number);
    if let Some(old) = number.checked_sub(KEPT) {
        for (key, _) in entries(writer, old) {
            batch.delete(key);
        }
    }
    batch
}

fn entries(writer: u64, number: u64) -> [(Vec<u8>, Vec<u8>); 3] {
    let mark = marker(writer, number);
    let size = if number % LARGE_EVERY == 3 {
        LARGE_BYTES
    } else {
        1000
    };
    [
        (
            format!("a/{writer}/{number:06}").into_bytes(),
            mark.clone().into_bytes(),
        ),
        (
            format!("m/{writer}/{number:06}").into_bytes(),
            vec![b'm'; 300],
        ),
        (
            format!("z/{writer}/{number:06}").into_bytes(),
            mark.bytes().cycle().skip(1).take(size).collect(),
        ),
    ]
}

/// How many batches of a writer the store holds. Panics if any is there in part.
pub(crate) async fn whole_batches(store: &dyn Store, writer: u64) -> u64 {
    whole(store, writer, u64::MAX).await
}

/// The same of rolling batches.
pub(crate) async fn whole_rolling_batches(store: &dyn Store, writer: u64) -> u64 {
    whole(store, writer, KEPT).await
}

async fn whole(store: &dyn Store, writer: u64, kept: u64) -> u64 {
    let head = store
        .get(format!("head/{writer}").as_bytes())
        .await
        .unwrap();
    let count = head.map_or(0, |head| u64::from_be_bytes(head.try_into().unwrap()) + 1);
    for number in count.saturating_sub(kept)..count {
        for (key, value) in entries(writer, number) {
            assert_eq!(
                store.get(&key).await,
                Ok(Some(value)),
                "batch {number} of {count} is not whole"
            );
        }
    }
    for place in ["a", "m", "z"] {
        let found = store
            .scan(Scan::prefix(format!("{place}/{writer}/"), usize::MAX))
            .await
            .unwrap();
        assert_eq!(
            found.len() as u64,
            count.min(kept),
            "part of a batch that is too new or too old in {place}"
        );
    }
    count
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Random numbers from a seed (SplitMix64; Steele, Lea, Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// A new seed, or the one of the environment variable `DOWEL_SEED`, printed.
    pub(crate) fn announced() -> Self {
        let seed = std::env::var("DOWEL_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap();
            u64::from(now.subsec_nanos()) ^ now.as_secs()
        });
        println!("repeat with DOWEL_SEED={seed}");
        Self(seed)
    }
}

/// How many files a folder holds.
pub(crate) fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}
