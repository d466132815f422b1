//! Files that were cut, changed or lost: everything acknowledged is there, or the store
//! says that it is not.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are not seen as tests"
)]

mod support;

use dowel_core::code::store::{BEHIND, DAMAGED};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use support::{Random, accept_loss, batch, open, runtime, whole_batches};
use tempfile::TempDir;

const BATCHES: u64 = 120;

/// What a process leaves that commits `BATCHES` batches and is killed, with the watermark
/// as it was after `marked` of them.
fn killed(marked: u64) -> TempDir {
    let live = tempfile::tempdir().unwrap();
    let store = open(live.path()).unwrap();
    let image = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        for number in 0..BATCHES {
            assert_eq!(store.commit(batch(0, number)).await, Ok(()));
            if number + 1 == marked {
                fs::copy(
                    live.path().join("watermark"),
                    image.path().join("watermark"),
                )
                .unwrap();
            }
        }
    });
    let mark = fs::read(image.path().join("watermark")).unwrap();
    copy(live.path(), image.path());
    fs::write(image.path().join("watermark"), mark).unwrap();
    image
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// A copy of an image that `damage` may spoil.
fn spoiled(image: &TempDir, damage: impl FnOnce(&Path)) -> TempDir {
    let copied = tempfile::tempdir().unwrap();
    copy(image.path(), copied.path());
    damage(copied.path());
    copied
}

fn count(folder: &Path) -> Result<u64, dowel_store_sled::OpenError> {
    let store = open(folder)?;
    Ok(runtime().block_on(whole_batches(&store, 0)))
}

fn cut(folder: &Path, bytes: u64) {
    let file = fs::File::options()
        .write(true)
        .open(folder.join("sled/db"))
        .unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(bytes)).unwrap();
}

fn flip(file: &Path, at: u64) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[!byte[0]], at).unwrap();
}

/// The files of large values.
fn value_files(folder: &Path) -> Vec<PathBuf> {
    let shelves = fs::read_dir(folder.join("values")).unwrap();
    let files = shelves.flat_map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// After a loss was accepted the store holds a whole beginning and goes on from there.
fn check_goes_on(folder: &Path) -> u64 {
    let store = accept_loss(folder);
    let left = runtime().block_on(async {
        let left = whole_batches(&store, 0).await;
        assert_eq!(store.commit(batch(0, left)).await, Ok(()));
        left
    });
    drop(store);
    assert_eq!(
        count(folder).unwrap(),
        left + 1,
        "accepted once, it opens without being asked"
    );
    left
}

#[test]
fn a_killed_process_leaves_everything() {
    assert_eq!(count(killed(BATCHES).path()).unwrap(), BATCHES);
}

#[test]
fn a_tail_cut_below_the_watermark_is_refused_and_can_be_accepted() {
    let image = killed(BATCHES);
    let mut refused = 0;
    for bytes in [1, 7, 100, 1_000, 10_000, 50_000, 100_000] {
        let folder = spoiled(&image, |folder| cut(folder, bytes));
        match count(folder.path()) {
            Ok(there) => assert_eq!(there, BATCHES, "{bytes} cut off without a word"),
            Err(error) => {
                assert_eq!(error.code(), BEHIND, "{bytes}: {error}");
                assert!(error.to_string().contains("--accept-loss"), "{error}");
                assert!(open(folder.path()).is_err(), "{bytes}: refused only once");
                assert!(check_goes_on(folder.path()) < BATCHES);
                refused += 1;
            }
        }
    }
    assert!(
        refused >= 3,
        "only {refused} cuts reached what was acknowledged"
    );
}

#[test]
fn a_tail_cut_above_the_watermark_opens() {
    const MARKED: u64 = 40;
    let image = killed(MARKED);
    let mut shortened = 0;
    for bytes in [1, 100, 1_000, 5_000, 10_000, 20_000] {
        let folder = spoiled(&image, |folder| cut(folder, bytes));
        let there = count(folder.path()).unwrap();
        assert!(
            (MARKED..=BATCHES).contains(&there),
            "{there} left after cutting {bytes}"
        );
        shortened += u64::from(there < BATCHES);
    }
    assert!(shortened > 0, "no cut reached a batch");
}

#[test]
fn a_flipped_byte_anywhere_is_never_silent() {
    let image = killed(BATCHES);
    let length = fs::metadata(image.path().join("sled/db")).unwrap().len();
    let mut random = Random::announced();
    // The start holds a segment's header; the rest is anywhere.
    let places = (0..8)
        .map(|at| at * 3)
        .chain((0..32).map(|_| random.below(length)));
    let mut refused = 0;
    for at in places {
        let folder = spoiled(&image, |folder| flip(&folder.join("sled/db"), at));
        match count(folder.path()) {
            Ok(there) => assert_eq!(there, BATCHES, "byte {at} lost something without a word"),
            Err(error) => {
                assert!([BEHIND, DAMAGED].contains(&error.code()), "{at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

/// sled takes a segment with a damaged header for free space and leaves out what was in
/// it, wherever in the log it was; the sequence number behind it is still there.
#[test]
fn a_damaged_segment_header_in_the_middle_is_never_silent() {
    const SEGMENT: u64 = 2 * 1024 * 1024;
    const KEYS: usize = 900;
    let live = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let store = open(live.path()).unwrap();
    for number in 0..KEYS {
        let mut batch = Batch::default();
        batch.put(format!("{number:05}").into_bytes(), vec![1; 8_000]);
        assert_eq!(runtime.block_on(store.commit(batch)), Ok(()));
    }
    let image = tempfile::tempdir().unwrap();
    copy(live.path(), image.path());
    let segments = fs::metadata(image.path().join("sled/db"))
        .unwrap()
        .len()
        .div_ceil(SEGMENT);
    assert!(segments > 4, "{segments}");
    let mut codes = Vec::new();
    for segment in 0..segments {
        let folder = spoiled(&image, |folder| {
            flip(&folder.join("sled/db"), segment * SEGMENT + 6);
        });
        match open(folder.path()) {
            Ok(store) => {
                let found = runtime
                    .block_on(store.scan(Scan::prefix("", usize::MAX)))
                    .unwrap();
                assert_eq!(
                    found.len(),
                    KEYS,
                    "segment {segment} lost something without a word"
                );
                assert!(found.iter().all(|(_, value)| value == &vec![1; 8_000]));
            }
            Err(error) => codes.push(error.code()),
        }
    }
    assert!(
        codes.contains(&BEHIND) || codes.contains(&DAMAGED),
        "{codes:?}"
    );
}

/// Whatever the reason is for which sled comes back with other entries than were written.
#[test]
fn a_lost_or_changed_entry_is_refused_and_can_be_accepted() {
    let image = killed(BATCHES);
    let key = b"\x01m/0/000050";
    for value in [None, Some(b"\x01changed")] {
        let folder = spoiled(&image, |folder| {
            let sled = sled::Config::new()
                .path(folder.join("sled"))
                .segment_size(2 * 1024 * 1024);
            let tree = sled.open().unwrap();
            let before = match value {
                None => tree.remove(key),
                Some(value) => tree.insert(key, value),
            };
            assert!(before.unwrap().is_some());
        });
        let error = count(folder.path()).unwrap_err();
        assert_eq!(error.code(), DAMAGED, "{error}");
        let store = accept_loss(folder.path());
        let expected = value.map(|value| value[1..].to_vec());
        assert_eq!(runtime().block_on(store.get(&key[1..])), Ok(expected));
        drop(store);
        assert!(
            open(folder.path()).is_ok(),
            "accepted once, it opens without being asked"
        );
    }
}

#[test]
fn a_lost_or_spoiled_watermark_is_refused() {
    let image = killed(BATCHES);
    let lost = spoiled(&image, |folder| {
        fs::remove_file(folder.join("watermark")).unwrap();
    });
    assert_eq!(count(lost.path()).unwrap_err().code(), DAMAGED);
    assert_eq!(check_goes_on(lost.path()), BATCHES);
    let spoiled_mark = spoiled(&image, |folder| {
        fs::write(folder.join("watermark"), [0; 9000]).unwrap();
    });
    assert_eq!(count(spoiled_mark.path()).unwrap_err().code(), DAMAGED);
}

#[test]
fn a_lost_database_is_refused() {
    let image = killed(BATCHES);
    let folder = spoiled(&image, |folder| {
        fs::remove_dir_all(folder.join("sled")).unwrap();
    });
    let error = count(folder.path()).unwrap_err();
    assert_eq!(error.code(), BEHIND);
    assert!(
        error
            .to_string()
            .contains(&format!("last {BATCHES} groups")),
        "{error}"
    );
}

#[test]
fn a_lost_value_file_is_refused() {
    let image = killed(BATCHES);
    let folder = spoiled(&image, |folder| {
        fs::remove_file(&value_files(folder)[0]).unwrap();
    });
    assert_eq!(count(folder.path()).unwrap_err().code(), DAMAGED);
}

#[test]
fn a_changed_value_file_is_an_error_of_its_key_alone_and_can_be_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let mut large = Batch::default();
    large
        .put(b"large".to_vec(), vec![1; 100_000])
        .put(b"small".to_vec(), b"1".to_vec());
    let runtime = runtime();
    let store = open(folder.path()).unwrap();
    assert_eq!(runtime.block_on(store.commit(large)), Ok(()));
    drop(store);
    flip(&value_files(folder.path())[0], 5_000);
    let store = open(folder.path()).unwrap();
    let read = runtime.block_on(store.get(b"large"));
    assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
    let read = runtime.block_on(store.get(b"small"));
    assert_eq!(read, Ok(Some(b"1".to_vec())), "others are read");
    let mut more = Batch::default();
    more.put(b"more".to_vec(), b"2".to_vec());
    assert_eq!(runtime.block_on(store.commit(more)), Ok(()));
    drop(store);
    let store = accept_loss(folder.path());
    assert_eq!(runtime.block_on(store.get(b"large")), Ok(None));
    assert_eq!(
        runtime.block_on(store.get(b"small")),
        Ok(Some(b"1".to_vec()))
    );
}
