//! What a bulk operation costs the store, counted and not timed: each item the same,
//! however many there are.

use crate::desk::{all, ana, one_call, retry};
use crate::support::*;
use dowel_core::port::{Batch, BoxFuture, Scan, Store, StoreError};
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::{BulkState, Engine, ItemsQuery};
use dowel_testkit::{Answer, MemoryStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store that counts what it is asked.
#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    gets: AtomicU64,
    scans: AtomicU64,
    rows: AtomicU64,
    commits: AtomicU64,
    writes: AtomicU64,
}

/// What a store was asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    gets: u64,
    scans: u64,
    rows: u64,
    commits: u64,
    writes: u64,
}

impl Counting {
    fn asked(&self) -> Asked {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Asked {
            gets: read(&self.gets),
            scans: read(&self.scans),
            rows: read(&self.rows),
            commits: read(&self.commits),
            writes: read(&self.writes),
        }
    }
}

impl Asked {
    /// What was asked since, in hundredths for each item.
    fn per_item(self, before: Self, items: u64) -> [u64; 5] {
        [
            self.gets - before.gets,
            self.scans - before.scans,
            self.rows - before.rows,
            self.commits - before.commits,
            self.writes - before.writes,
        ]
        .map(|count| count * 100 / items)
    }
}

impl Store for Counting {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.inner.get(key)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>> {
        self.scans.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let found = self.inner.scan(scan).await?;
            self.rows.fetch_add(found.len() as u64, Ordering::Relaxed);
            Ok(found)
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let writes = batch.writes.len() as u64;
        self.writes.fetch_add(writes, Ordering::Relaxed);
        self.inner.commit(batch)
    }
}

async fn quiet(engine: &Engine) {
    while engine.unfinished() > 0 {
        tokio::task::yield_now().await;
    }
}

/// What retrying so many parked runs asks of the store, in hundredths for each item.
#[allow(clippy::print_stdout)] // Whoever measures reads it.
async fn cost(count: u64) -> [u64; 5] {
    let mut world = World::default();
    world.options.max_backlog = 1_000_000;
    let fail = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
    world.connectors.script("erp.create", [fail]);
    let store = Arc::new(Counting::default());
    let engine = world.engine_on(store.clone(), one_call()).await;
    for number in 0..count {
        let payload = format!(r#"{{"id":"A{number}","total":{number}}}"#);
        engine.accept(request(&payload)).await.unwrap();
    }
    quiet(&engine).await;
    assert_eq!(engine.item_count(), count);
    let answer = Answer::Return(json(r#"{"id":"X"}"#));
    world.connectors.script("erp.create", [answer]);
    let (before, begun) = (store.asked(), std::time::Instant::now());
    let every = ItemsQuery { limit: 0, ..all() };
    let bulk = engine.begin_bulk(&every, retry(), ana(), None).await;
    let bulk = bulk.unwrap();
    loop {
        let (now, _) = engine.bulk(bulk.id).await.unwrap();
        if now.state == BulkState::Done {
            assert_eq!((now.done, now.failed), (count, 0));
            break;
        }
        for _ in 0..256 {
            tokio::task::yield_now().await;
        }
    }
    quiet(&engine).await;
    let took = begun.elapsed().as_secs_f64();
    println!("{count} items in {took:.2} s: {:.0}/s", count as f64 / took);
    assert_eq!(engine.item_count(), 0);
    store.asked().per_item(before, count)
}

#[tokio::test]
async fn ten_thousand_items_cost_the_store_as_much_each_as_a_thousand() {
    let (few, many) = (cost(1_000).await, cost(10_000).await);
    println!("gets, scans, rows, commits, writes per item: {few:?} {many:?}");
    for (few, many) in few.iter().zip(many) {
        assert!(many <= few + few / 10 + 10, "{few} became {many}");
    }
}
