//! Full disks, large values, one process per folder, closing.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are not seen as tests"
)]

mod support;

use dowel_core::code::store::IN_USE;
use dowel_core::port::{Batch, MAX_KEY_BYTES, Store, StoreError};
use dowel_store_sled::{SledOptions, SledStore};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{files_below, open, runtime};

fn put(key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.to_vec(), value.to_vec());
    batch
}

#[test]
fn a_full_disk_refuses_batches_whole_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let defaults = SledOptions::default();
    let floor = defaults.minimum_free_bytes;
    let options = SledOptions {
        free_space: Arc::new({
            let free = Arc::clone(&free);
            move |_: &Path| Ok(free.load(Ordering::Acquire))
        }),
        ..defaults
    };
    let store = SledStore::open(folder.path(), options).unwrap();
    runtime().block_on(async {
        assert_eq!(store.commit(put(b"a", b"1")).await, Ok(()));
        free.store(floor + 1000, Ordering::Release);
        assert_eq!(
            store.commit(put(b"b", &[0; 1001])).await,
            Err(StoreError::Full)
        );
        assert_eq!(
            store.commit(put(b"c", &[0; 100_000])).await,
            Err(StoreError::Full)
        );
        assert_eq!(
            store.commit(put(b"d", b"1")).await,
            Ok(()),
            "what fits is taken"
        );
        assert_eq!(store.get(b"b").await, Ok(None));
        assert_eq!(files_below(&folder.path().join("values")), 0);
        free.store(floor / 2, Ordering::Release);
        assert_eq!(store.commit(put(b"e", b"1")).await, Err(StoreError::Full));
        let mut removal = Batch::default();
        removal.delete(b"a".to_vec()).put(b"e".to_vec(), Vec::new());
        assert_eq!(
            store.commit(removal.clone()).await,
            Ok(()),
            "what removes at least as much as it puts is the way out"
        );
        assert_eq!(store.get(b"a").await, Ok(None));
        free.store(floor / 8, Ordering::Release);
        assert_eq!(store.commit(removal).await, Err(StoreError::Full));
        free.store(u64::MAX, Ordering::Release);
        assert_eq!(
            store.commit(put(b"b", &[0; 1001])).await,
            Ok(()),
            "it resumes by itself"
        );
    });
}

#[test]
fn sled_never_makes_files_that_it_does_not_sync() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    // The longest keys and the largest values of the tree, first apart, so that leaves are
    // small, then so that they fill and merge.
    runtime().block_on(async {
        let value = vec![1; SledOptions::MAX_BLOB_THRESHOLD];
        let key = |number: usize| {
            let mut key = format!("{:03}", number % 211).into_bytes();
            key.resize(MAX_KEY_BYTES - 8, b'k');
            key.extend_from_slice(format!("{number:08}").as_bytes());
            key
        };
        for chunk in (0..600).collect::<Vec<_>>().chunks(20) {
            let mut batch = Batch::default();
            for number in chunk {
                batch.put(key(number * 7919), value.clone());
            }
            assert_eq!(store.commit(batch).await, Ok(()));
        }
        for number in (0..600).filter(|number| number % 3 != 0) {
            let mut batch = Batch::default();
            batch.delete(key(number * 7919));
            assert_eq!(store.commit(batch).await, Ok(()));
        }
    });
    assert_eq!(files_below(&folder.path().join("sled/blobs")), 0);
}

#[test]
fn value_files_live_as_long_as_a_key_refers_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values");
    let large = |fill: u8| vec![fill; 50_000];
    let store = open(folder.path()).unwrap();
    runtime().block_on(async {
        assert_eq!(store.commit(put(b"a", &large(1))).await, Ok(()));
        assert_eq!(store.commit(put(b"b", &large(1))).await, Ok(()));
        assert_eq!(files_below(&values), 1, "the same value, one file");
        assert_eq!(store.commit(put(b"a", &large(2))).await, Ok(()));
        assert_eq!(files_below(&values), 2);
        assert_eq!(store.commit(put(b"b", b"small")).await, Ok(()));
        // The file goes after the acknowledgement; the next one proves that it is gone.
        assert_eq!(store.commit(put(b"c", b"")).await, Ok(()));
        assert_eq!(files_below(&values), 1);
        let mut refused = put(b"d", &large(3));
        refused.require_absent(b"a".to_vec());
        assert_eq!(
            store.commit(refused).await,
            Err(StoreError::Conflict(b"a".to_vec()))
        );
        assert_eq!(store.commit(put(b"c", b"")).await, Ok(()));
        assert_eq!(files_below(&values), 1, "a refused batch leaves no file");
    });
    drop(store);
    std::fs::create_dir_all(values.join("ab")).unwrap();
    std::fs::write(values.join("ab/orphan"), b"left by a crash").unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(files_below(&values), 1);
    assert_eq!(runtime().block_on(store.get(b"a")), Ok(Some(large(2))));
}

#[test]
fn a_second_opening_is_refused_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let Err(error) = open(folder.path()) else {
        panic!("opened twice")
    };
    assert_eq!(error.code(), IN_USE);
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    drop(store);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn closing_finishes_what_was_handed_over_and_then_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let other = store.clone();
    let pending: Vec<_> = (0..50_u8)
        .map(|number| store.commit(put(&[number], b"1")))
        .collect();
    store.close();
    runtime().block_on(async {
        for commit in pending {
            assert_eq!(commit.await, Ok(()));
        }
        assert!(matches!(
            other.commit(put(b"x", b"1")).await,
            Err(StoreError::Failed(_))
        ));
        assert!(matches!(
            other.get(b"\x01").await,
            Err(StoreError::Failed(_))
        ));
        let again = open(folder.path()).unwrap();
        assert_eq!(again.get(&[49]).await, Ok(Some(b"1".to_vec())));
    });
}
