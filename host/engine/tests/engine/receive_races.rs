//! An event and a run that begins to wait for it meet at every moment, and the host stops
//! at every write.

use crate::crash::{Crash, Mortal};
use crate::receive::{asked, open, paid, payment, send, waiting};
use crate::support::*;
use dowel_core::port::{Batch, BoxFuture, Scan, Store, StoreError, Write};
use dowel_engine::Engine;
use dowel_engine::state::RunStatus;
use dowel_testkit::MemoryStore;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// Stops at commit number `last` and restarts; whether it came to that.
async fn crash_at(last: usize, crash: Crash, is_early: bool) -> bool {
    let world = World::default();
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    let start = world.engine_on(Arc::new(store), waiting(payment()));
    let first = tokio::select! {
        biased;
        () = dead.notified() => return true,
        engine = start => engine,
    };
    let play = async {
        let run = first.accept(request(ORDER)).await.unwrap().run();
        if !is_early {
            asked(&first, 1).await;
        }
        send(&first, paid("P1", "A1", "6")).await;
        first.settled(run).await.unwrap()
    };
    let died = tokio::select! {
        biased;
        () = dead.notified() => true,
        status = play => {
            assert_eq!(status, RunStatus::Succeeded);
            false
        }
    };
    if !died {
        return false;
    }
    let second = world.engine(waiting(payment())).await;
    // Senders without an answer send again: nothing happens twice.
    let run = second.accept(request(ORDER)).await.unwrap().run();
    send(&second, paid("P1", "A1", "6")).await;
    let told = story(&second, run).await;
    assert_eq!(told.status, RunStatus::Succeeded, "{last} {crash:?}");
    assert_eq!(told.output, Some(json("6")), "{last} {crash:?}");
    assert_eq!(told.steps.len(), 1, "{last} {crash:?}");
    settle().await;
    assert!(open(&second).await.is_empty(), "{last} {crash:?}");
    let inbox = world.store.scan(Scan::prefix("i", 10)).await.unwrap();
    assert!(inbox.is_empty(), "{last} {crash:?}");
    true
}

#[tokio::test]
async fn every_write_around_an_event_may_be_the_last_one() {
    for is_early in [false, true] {
        for crash in [Crash::Before, Crash::After] {
            // The first commit keeps the plan.
            let mut last = 1;
            while crash_at(last, crash, is_early).await {
                last += 1;
            }
            assert!(last >= 4, "only {last} writes");
        }
    }
}

/// A store in which something happens just before the first batch that writes a key of a
/// family.
struct Meddler {
    inner: MemoryStore,
    family: &'static [u8],
    is_done: AtomicBool,
    meddle: OnceLock<Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>>,
}

impl Store for Meddler {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.get(key)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let writes =
                |write: &Write| matches!(write, Write::Put(key, _) if key.starts_with(self.family));
            if batch.writes.iter().any(writes)
                && let Some(meddle) = self.meddle.get()
                && !self.is_done.swap(true, Ordering::SeqCst)
            {
                meddle().await;
            }
            self.inner.commit(batch).await
        })
    }
}

async fn meddled(world: &World, family: &'static [u8]) -> (Engine, Arc<Meddler>) {
    let store = Arc::new(Meddler {
        inner: world.store.clone(),
        family,
        is_done: AtomicBool::new(false),
        meddle: OnceLock::new(),
    });
    let mut plan = waiting(payment());
    plan.dedupe = None;
    (world.engine_on(store.clone(), plan).await, store)
}

#[tokio::test]
async fn an_event_that_comes_between_the_look_and_the_wait_is_not_missed() {
    let world = World::default();
    let (engine, store) = meddled(&world, b"mw").await;
    let sender = engine.clone();
    let meddle = move || -> BoxFuture<'static, ()> {
        let sender = sender.clone();
        Box::pin(async move {
            assert_eq!(send(&sender, paid("P1", "A1", "1")).await, []);
        })
    };
    assert!(store.meddle.set(Box::new(meddle)).is_ok());
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    let told = story(&engine, run).await;
    assert_eq!(told.output, Some(json("1")));
    assert!(store.is_done.load(Ordering::SeqCst));
    assert!(open(&engine).await.is_empty());
}

#[tokio::test]
async fn a_run_that_begins_to_wait_while_the_event_is_taken_in_is_not_missed() {
    let world = World::default();
    let (engine, store) = meddled(&world, b"mb").await;
    let other = engine.clone();
    let meddle = move || -> BoxFuture<'static, ()> {
        let other = other.clone();
        Box::pin(async move {
            other.accept(request(ORDER)).await.unwrap();
            asked(&other, 1).await;
        })
    };
    assert!(store.meddle.set(Box::new(meddle)).is_ok());
    let received = send(&engine, paid("P1", "A1", "1")).await;
    assert_eq!(received.len(), 1, "in the transaction, and not later");
    let told = story(&engine, received[0]).await;
    assert_eq!(told.output, Some(json("1")));
}
