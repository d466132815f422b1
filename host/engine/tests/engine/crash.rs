//! The host stops before or after any write of the journal; the next one goes on.

use crate::blobs::large_order;
use crate::support::*;
use dowel_core::port::{Batch, BoxFuture, Scan, Store, StoreError};
use dowel_core::{Digest, ErrorKind, SendRecord};
use dowel_engine::backup::verify;
use dowel_engine::state::RunStatus;
use dowel_testkit::{Answer, MemoryStore};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Crash {
    Before,
    After,
}

/// A store whose host stops at a commit: that commit and every later call never end.
pub(crate) struct Mortal {
    pub(crate) inner: MemoryStore,
    pub(crate) commits: AtomicUsize,
    pub(crate) last: usize,
    pub(crate) crash: Crash,
    pub(crate) dead: Arc<Notify>,
}

impl Mortal {
    pub(crate) fn new(inner: &MemoryStore, last: usize, crash: Crash, dead: &Arc<Notify>) -> Self {
        Self {
            inner: inner.clone(),
            commits: AtomicUsize::new(0),
            last,
            crash,
            dead: dead.clone(),
        }
    }
}

impl Store for Mortal {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.get(key)
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError>> {
        self.inner.scan(scan)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let number = self.commits.fetch_add(1, Ordering::SeqCst);
            if number < self.last {
                return self.inner.commit(batch).await;
            }
            if number == self.last && self.crash == Crash::After {
                self.inner.commit(batch).await?;
            }
            self.dead.notify_one();
            std::future::pending().await
        })
    }
}

/// What came of `work`; nothing if its host died. A host that died while the work ended
/// counts as dead, whichever the scheduler polls first.
pub(crate) async fn before_death<T>(dead: &Notify, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = dead.notified() => None,
        done = work => Some(done),
    }
}

/// Stops at commit number `last`, restarts, and returns whether it came to that.
async fn crash_at(order: &str, last: usize, crash: Crash) -> bool {
    let world = World::default();
    world.connectors.script(
        "erp.create",
        [
            Answer::Fail(ErrorKind::Unavailable, SendRecord::Sent),
            Answer::Return(json(r#"{"id":"INV-1"}"#)),
        ],
    );
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    // The first commit keeps the plan; a host that dies there has accepted nothing.
    let first = world.engine_on(Arc::new(store), order_plan()).await;
    let acknowledged = before_death(&dead, first.accept(request(order))).await;
    let acknowledged = acknowledged.map(|accepted| accepted.unwrap().run());
    if let Some(run) = acknowledged
        && let Some(status) = before_death(&dead, first.settled(run)).await
    {
        assert_eq!(status.unwrap(), RunStatus::Succeeded);
        return false;
    }
    let customers = completed_customers(&world).await;
    let engine = world.engine(order_plan()).await;
    // A sender without an answer sends again; one with an answer may, too.
    let accepted = engine.accept(request(order)).await.unwrap();
    if let Some(run) = acknowledged {
        assert_eq!(accepted.run(), run, "the acknowledged run is still there");
    }
    let story = story(&engine, accepted.run()).await;
    assert_eq!(
        story.status,
        RunStatus::Succeeded,
        "crash {crash:?} commit {last}"
    );
    let calls = world.connectors.calls();
    let invoices: BTreeSet<_> = calls
        .iter()
        .filter(|c| c.name == "erp.create")
        .map(|c| (c.key.clone(), c.input.clone()))
        .collect();
    assert_eq!(
        invoices.len(),
        1,
        "one key and the same bytes in every attempt"
    );
    if customers > 0 {
        assert_eq!(
            world.calls("crm.get"),
            customers,
            "a completed step was called again"
        );
    }
    // A value lies beside the journal if and only if the journal refers to it.
    let pages = world.store.scan(Scan::prefix("j", 100)).await.unwrap();
    let text: String = pages
        .iter()
        .map(|(_, page)| String::from_utf8_lossy(page).into_owned())
        .collect();
    let values = world.store.scan(Scan::prefix("b", 100)).await.unwrap();
    let digests: BTreeSet<_> = values.iter().map(|(_, v)| Digest::of(v).hex()).collect();
    assert_eq!(digests.len(), values.len());
    assert_eq!(digests.is_empty(), order.len() < 16 * 1024);
    for digest in digests {
        assert!(text.contains(&digest), "crash {crash:?} commit {last}");
    }
    assert_eq!(verify(&world.store).await.unwrap().runs, 1);
    true
}

/// How often the customer was asked for, if the journal has the answer; else 0.
async fn completed_customers(world: &World) -> usize {
    let pages = world.store.scan(Scan::prefix("j", 100)).await.unwrap();
    let done = pages.iter().any(|(_, page)| {
        let text = String::from_utf8_lossy(page);
        text.contains("call-succeeded") && text.contains("\"customer\"")
    });
    if done { world.calls("crm.get") } else { 0 }
}

#[tokio::test]
async fn every_write_may_be_the_last_one() {
    let large = large_order("A1");
    for order in [ORDER, &large] {
        for crash in [Crash::Before, Crash::After] {
            let mut crashes = 0;
            for last in 1.. {
                if !crash_at(order, last, crash).await {
                    break;
                }
                crashes += 1;
            }
            assert!(crashes >= 4, "only {crashes} writes were tried");
        }
    }
}

#[tokio::test]
async fn an_open_call_that_cannot_be_repeated_parks_after_a_crash() {
    use dowel_core::manifest::Idempotency;
    let world = World::default();
    let order = || {
        plan(
            vec![call("pay", "erp.create", "{}", Idempotency::None)],
            "null",
        )
    };
    let dead = Arc::new(Notify::new());
    // Commits: plan, intake, intent, result. It dies with the result unwritten.
    let store = Mortal::new(&world.store, 3, Crash::Before, &dead);
    let first = world.engine_on(Arc::new(store), order()).await;
    let run = first.accept(request(ORDER)).await.unwrap().run();
    dead.notified().await;
    let engine = world.engine(order()).await;
    let story = story(&engine, run).await;
    assert_eq!(story.status, RunStatus::Parked);
    assert_eq!(story.error.unwrap().kind, ErrorKind::UnknownOutcome);
    assert_eq!(world.calls("erp.create"), 1, "it was not blindly repeated");
}

#[tokio::test]
async fn a_retry_is_a_timer_that_survives_the_host() {
    let world = World::default();
    world.connectors.script(
        "crm.get",
        [
            Answer::Fail(ErrorKind::RateLimited, SendRecord::Answered),
            Answer::Return(json(r#"{"erp_id":1}"#)),
        ],
    );
    let dead = Arc::new(Notify::new());
    // Commits: plan, intake, the failed attempt with its timer.
    let store = Mortal::new(&world.store, 2, Crash::After, &dead);
    let first = world.engine_on(Arc::new(store), order_plan()).await;
    let run = first.accept(request(ORDER)).await.unwrap().run();
    dead.notified().await;
    let engine = world.engine(order_plan()).await;
    let story = story(&engine, run).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(story.steps[0].attempts.len(), 2);
    assert_eq!(world.calls("crm.get"), 2);
}
