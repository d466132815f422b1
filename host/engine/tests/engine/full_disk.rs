//! The store's disk is full while runs are at work: they wait, and go on when there is
//! room, with nothing done twice and nothing half-written.

use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::port::{Batch, BoxFuture, Scan, Snapshot, Store, StoreError};
use dowel_engine::IntakeError;
use dowel_engine::backup::verify;
use dowel_engine::state::RunStatus;
use dowel_flow::plan::{ForEach, OnItemFailure, Plan, StepKind};
use dowel_testkit::{Answer, MemoryStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// A store whose disk is full for some commits.
struct Tight {
    inner: MemoryStore,
    commits: AtomicUsize,
    /// The first commit that finds no room, and how many attempts find none.
    from: usize,
    refusals: AtomicUsize,
    refused: AtomicUsize,
    news: Notify,
}

impl Tight {
    fn new(world: &World, from: usize, refusals: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: world.store.clone(),
            commits: AtomicUsize::new(0),
            from,
            refusals: AtomicUsize::new(refusals),
            refused: AtomicUsize::new(0),
            news: Notify::new(),
        })
    }

    fn refuses(&self) -> bool {
        self.commits.fetch_add(1, Ordering::SeqCst) >= self.from
            && self.refused.load(Ordering::SeqCst) < self.refusals.load(Ordering::SeqCst)
    }
}

impl Store for Tight {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.get(key)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.refuses() {
            self.refused.fetch_add(1, Ordering::SeqCst);
            self.news.notify_one();
            return Box::pin(std::future::ready(Err(StoreError::Full)));
        }
        self.inner.commit(batch)
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        self.inner.snapshot()
    }
}

/// A read, a value and a write that must not be sent twice.
fn order() -> Plan {
    let mut order = order_plan();
    order.steps[2] = call(
        "invoice",
        "erp.create",
        r#"{"c":<$steps.customer.erp_id>}"#,
        Idempotency::None,
    );
    order
}

/// One run whose disk is full from a commit on; how many commits were refused.
async fn full_from(from: usize) -> usize {
    let world = World::default();
    let store = Tight::new(&world, from, 3);
    let engine = world.engine_on(store.clone(), order()).await;
    let run = loop {
        match engine.accept(request(ORDER)).await {
            Ok(accepted) => break accepted.run(),
            Err(IntakeError::Store(StoreError::Full)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded, "full from commit {from}");
    assert_eq!(world.calls("crm.get"), 1, "full from commit {from}");
    assert_eq!(world.calls("erp.create"), 1, "full from commit {from}");
    assert_eq!(verify(&world.store).await.unwrap().runs, 1);
    store.refused.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_run_waits_at_any_write_and_repeats_nothing() {
    let mut from = 1;
    while full_from(from).await > 0 {
        from += 1;
    }
    assert!(from >= 4, "only {from} writes");
}

#[tokio::test]
async fn calls_that_end_while_the_disk_is_full_are_not_made_again() {
    let world = World::default();
    let gate = Arc::new(Notify::new());
    let late = Answer::When(gate.clone(), json(r#"{"id":"late"}"#));
    let early = Answer::Return(json(r#"{"id":"early"}"#));
    world.connectors.script("erp.create", [early, late]);
    let both = step(
        "lines",
        StepKind::ForEach(ForEach {
            on_item_failure: OnItemFailure::Stop,
            program: program(None, &["[1,2]"]),
            parallel: 2,
            steps: vec![call(
                "book",
                "erp.create",
                r#"{"n":<$item>}"#,
                Idempotency::None,
            )],
            pages: None,
        }),
    );
    // Commits: plan, intake, both intents. The result of the first call finds no room.
    let store = Tight::new(&world, 3, usize::MAX);
    let engine = world
        .engine_on(store.clone(), plan(vec![both], "null"))
        .await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    store.news.notified().await;
    assert_eq!(world.calls("erp.create"), 2);
    gate.notify_one();
    settle().await;
    store.refusals.store(0, Ordering::SeqCst);
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(world.calls("erp.create"), 2, "nothing was sent again");
    assert_eq!(verify(&world.store).await.unwrap().runs, 1);
}

#[tokio::test]
async fn a_host_that_is_to_stop_does_not_wait_for_room() {
    let world = World::default();
    // Commits: plan, intake. What follows finds no room.
    let store = Tight::new(&world, 2, usize::MAX);
    let engine = world.engine_on(store.clone(), order_plan()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    store.news.notified().await;
    engine.drain(std::time::Duration::from_secs(3600)).await;
    let engine = world.engine(order_plan()).await;
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
}
