//! A full disk under the engine and the real store: runs at work wait with the results of
//! their calls, retention still removes, and everything goes on when there is room.

use crate::flow::{self, Options};
use crate::ports::{FewExpressions, HashedRandomness};
use dowel_core::port::{BoxFuture, CallOutcome, CallRequest, Invoker, StoreError};
use dowel_core::retention::{Retention, RetentionRules};
use dowel_core::{JsonText, RunId, SendRecord, Timestamp};
use dowel_engine::state::RunStatus;
use dowel_engine::{Engine, EngineOptions, IntakeError, Ports};
use dowel_store_sled::{SledOptions, SledStore};
use dowel_testkit::VirtualClock;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// An upstream that answers when the test says so.
struct Gate {
    calls: AtomicU64,
    answers: Semaphore,
}

impl Invoker for Gate {
    fn call(&self, _: CallRequest) -> BoxFuture<'_, CallOutcome> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            self.answers.acquire().await.unwrap().forget();
            CallOutcome {
                result: Ok(JsonText::parse(r#"{"id":"C-1"}"#).unwrap()),
                sent: SendRecord::Answered,
            }
        })
    }
}

async fn accept(engine: &Engine, numbers: std::ops::Range<u64>) -> Vec<RunId> {
    let mut runs = Vec::new();
    for number in numbers {
        let order = flow::small_order(flow::ORDERS, number).unwrap();
        runs.push(engine.accept(order).await.unwrap().run());
    }
    runs
}

async fn calls(gate: &Gate, wanted: u64) {
    while gate.calls.load(Ordering::SeqCst) < wanted {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn runs_wait_for_room_and_no_call_is_repeated() {
    const RUNS: u64 = 10;
    let folder = tempfile::tempdir().unwrap();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let measured = free.clone();
    let options = SledOptions {
        free_space: Arc::new(move |_: &Path| Ok(measured.load(Ordering::SeqCst))),
        ..SledOptions::default()
    };
    let floor = options.minimum_free_bytes;
    let store = SledStore::open(folder.path(), options).unwrap();
    let gate = Arc::new(Gate {
        calls: AtomicU64::new(0),
        answers: Semaphore::new(2),
    });
    let ports = Ports {
        store: Arc::new(store.clone()),
        invoker: gate.clone(),
        mapper: Arc::new(FewExpressions),
        clock: Arc::new(VirtualClock::at(Timestamp::from_millis(1_772_355_600_000))),
        randomness: Arc::new(HashedRandomness::default()),
    };
    let keep_none = Retention {
        max_runs: Some(0),
        ..Retention::FOREVER
    };
    let options = EngineOptions {
        retention: RetentionRules {
            default: keep_none,
            ..RetentionRules::default()
        },
        ..EngineOptions::default()
    };
    let plan = flow::plan(Options {
        retry_delay: Duration::from_secs(1),
        dedupe_window: Duration::from_secs(3600),
    });
    let engine = Engine::start(ports, options, vec![plan.unwrap()])
        .await
        .unwrap();
    // One run has ended before.
    let ended = accept(&engine, 1..2).await[0];
    engine.settled(ended).await.unwrap();
    let runs = accept(&engine, 2..2 + RUNS).await;
    // Two calls of the run before, and the first call of each of the others.
    calls(&gate, 2 + RUNS).await;

    free.store(floor / 2, Ordering::SeqCst);
    gate.answers.add_permits(usize::try_from(2 * RUNS).unwrap());
    while gate.answers.available_permits() > usize::try_from(RUNS).unwrap() {
        tokio::task::yield_now().await;
    }
    let order = flow::small_order(flow::ORDERS, 99).unwrap();
    let refused = engine.accept(order).await.unwrap_err();
    assert!(matches!(refused, IntakeError::Store(StoreError::Full)));
    assert_eq!(engine.working(), RUNS, "they wait, and none has ended");
    assert_eq!(engine.sweep().await.unwrap().by_count, 1, "removals go on");
    assert!(engine.story(ended).await.unwrap().is_none());

    free.store(u64::MAX, Ordering::SeqCst);
    for run in runs {
        assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Succeeded);
    }
    assert_eq!(
        gate.calls.load(Ordering::SeqCst),
        2 + 2 * RUNS,
        "two for each run"
    );
    engine.drain(Duration::from_secs(1)).await;
    store.close();
}
