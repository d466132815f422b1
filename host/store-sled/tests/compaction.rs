//! The log is copied to a fresh one while the store works, and nothing is lost by it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are not seen as tests"
)]

mod support;

use dowel_core::port::{Batch, Scan, Store};
use dowel_store_sled::{SledOptions, SledStore};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use support::{Random, runtime};

/// Above what an empty log takes, and little enough for many compactions.
const COMPACT_ABOVE: u64 = 6 << 20;

fn open(folder: &Path) -> SledStore {
    let options = SledOptions {
        compact_above: COMPACT_ABOVE,
        ..SledOptions::default()
    };
    SledStore::open(folder, options).unwrap()
}

fn generation(folder: &Path) -> u64 {
    std::fs::read_to_string(folder.join("generation"))
        .map_or(0, |text| text.trim().parse().unwrap())
}

fn log_bytes(folder: &Path) -> u64 {
    let name = match generation(folder) {
        0 => "sled".to_owned(),
        number => format!("sled-{number}"),
    };
    std::fs::metadata(folder.join(name).join("db"))
        .unwrap()
        .len()
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// One writer's keys come and go, with values of all sizes.
async fn churn(store: Arc<dyn Store>, writer: u64, mut random: Random, rounds: u64) -> Model {
    let mut model = Model::new();
    for _ in 0..rounds {
        let mut batch = Batch::default();
        for _ in 0..1 + random.below(6) {
            let key = format!("{:03}/{writer}", random.below(400)).into_bytes();
            if random.below(3) == 0 {
                model.remove(&key);
                batch.delete(key);
            } else {
                let size = [50, 900, 900, 4000, 20_000][random.below(5) as usize];
                let value = vec![random.below(256) as u8; size];
                model.insert(key.clone(), value.clone());
                batch.put(key, value);
            }
        }
        store.commit(batch).await.unwrap();
    }
    model
}

#[test]
fn what_is_written_meanwhile_is_in_the_copy_and_the_log_stays_small() {
    const WRITERS: u64 = 4;
    const ROUNDS: u64 = 800;
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::announced();
    let store = open(folder.path());
    let mut model = runtime().block_on(async {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let seed = Random(random.below(u64::MAX));
                tokio::spawn(churn(Arc::new(store.clone()), writer, seed, ROUNDS))
            })
            .collect();
        let mut model = Model::new();
        for writer in writers {
            model.extend(writer.await.unwrap());
        }
        assert_eq!(contents(&store).await, model);
        model
    });
    let first = generation(folder.path());
    assert!(
        first > 0,
        "no compaction in {} bytes of log",
        log_bytes(folder.path())
    );
    store.close();
    let live: usize = model
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    // What was written while the copy was made comes on top.
    let bound = 4 * live as u64 + 3 * COMPACT_ABOVE;
    assert!(
        log_bytes(folder.path()) < bound,
        "{}",
        log_bytes(folder.path())
    );
    // Opening compares the fingerprint of all that is there.
    let store = open(folder.path());
    runtime().block_on(async {
        assert_eq!(contents(&store).await, model);
        let key = b"after".to_vec();
        let mut batch = Batch::default();
        batch.put(key.clone(), b"1".to_vec());
        store.commit(batch).await.unwrap();
        model.insert(key, b"1".to_vec());
        assert_eq!(contents(&store).await, model);
    });
}

async fn contents(store: &SledStore) -> Model {
    let all = store.scan(Scan::prefix("", usize::MAX)).await;
    all.unwrap().into_iter().collect()
}

#[test]
fn a_copy_that_was_not_finished_is_removed_and_a_lost_log_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    std::fs::create_dir(folder.path().join("sled-1")).unwrap();
    std::fs::write(folder.path().join("sled-1/db"), b"half a copy").unwrap();
    drop(open(folder.path()));
    assert!(!folder.path().join("sled-1").exists());
    // The pointer names a folder that is not there: nothing else may be removed.
    std::fs::write(folder.path().join("generation"), "7\n").unwrap();
    assert!(SledStore::open(folder.path(), SledOptions::default()).is_err());
    assert!(folder.path().join("sled").exists());
    std::fs::write(folder.path().join("generation"), "x").unwrap();
    assert!(SledStore::open(folder.path(), SledOptions::default()).is_err());
}
