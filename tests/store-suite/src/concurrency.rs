//! Many at once.

use crate::{Subject, puts};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const COMMITTERS: u64 = 16;
const INCREMENTS: u64 = 25;
/// Fewer than committers, so that they conflict.
const COUNTERS: u64 = 4;

fn number(value: Option<Vec<u8>>) -> u64 {
    value
        .and_then(|value| value.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

/// Adds one to a counter by compare-and-set; returns how often it was refused.
async fn increment(store: &dyn Store, key: &[u8], witness: Vec<u8>) -> u64 {
    let mut refused = 0;
    loop {
        let now = match store.get(key).await {
            Ok(now) => now,
            Err(error) => panic!("{error}"),
        };
        let mut batch = puts(&[
            (key, &(number(now.clone()) + 1).to_be_bytes()),
            (&witness, b""),
        ]);
        match now {
            Some(value) => batch.require_equal(key.to_vec(), value),
            None => batch.require_absent(key.to_vec()),
        };
        match store.commit(batch).await {
            Ok(()) => return refused,
            Err(StoreError::Conflict(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn counters_lose_no_increment(subject: &dyn Subject) {
    let store = subject.open();
    let committers: Vec<_> = (0..COMMITTERS)
        .map(|committer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let key = format!("counter/{}", committer % COUNTERS).into_bytes();
                for round in 0..INCREMENTS {
                    let witness = format!("witness/{committer}/{round}").into_bytes();
                    increment(&*store, &key, witness).await;
                }
            })
        })
        .collect();
    for committer in committers {
        assert!(committer.await.is_ok(), "a committer broke off");
    }
    let counters = store
        .scan(Scan::prefix("counter/", usize::MAX))
        .await
        .unwrap_or_default();
    let total: u64 = counters
        .into_iter()
        .map(|(_, value)| number(Some(value)))
        .sum();
    assert_eq!(total, COMMITTERS * INCREMENTS);
    let witnesses = store
        .scan(Scan::prefix("witness/", usize::MAX))
        .await
        .unwrap_or_default();
    assert_eq!(witnesses.len() as u64, total);
}

/// Each batch writes the same value under keys that lie far apart.
pub(crate) async fn readers_never_see_half_a_batch(subject: &dyn Subject) {
    const KEYS: u64 = 60;
    const BATCHES: u64 = 40;
    let store = subject.open();
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        async move {
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let found = store
                    .scan(Scan::prefix("half/", usize::MAX))
                    .await
                    .unwrap_or_default();
                assert!(
                    found.windows(2).all(|pair| pair[0].1 == pair[1].1),
                    "half a batch"
                );
                assert!(
                    found.is_empty() || found.len() as u64 == KEYS,
                    "{} of {KEYS}",
                    found.len()
                );
                let seen = found
                    .into_iter()
                    .next()
                    .map_or(0, |(_, value)| number(Some(value)));
                assert!(seen >= last, "a reader went back from {last} to {seen}");
                last = seen;
                tokio::task::yield_now().await;
            }
        }
    });
    for round in 1..=BATCHES {
        let mut batch = Batch::default();
        for key in 0..KEYS {
            batch.put(
                format!("half/{key:03}").into_bytes(),
                round.to_be_bytes().to_vec(),
            );
        }
        assert_eq!(store.commit(batch).await, Ok(()));
        let seen = store.get(b"half/000").await.unwrap_or_default();
        assert_eq!(number(seen), round, "what was acknowledged can be read");
    }
    done.store(true, Ordering::Release);
    assert!(reader.await.is_ok(), "the reader saw half a batch");
}
