//! Retention: what goes, what stays, and what an interruption leaves.

use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::port::{Clock, Scan, Store, StoreError};
use dowel_core::retention::{Keep, Retention, RetentionRules};
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{Accepted, Engine, EngineOptions, RunsQuery, Swept};
use dowel_flow::plan::{ForEach, OnItemFailure, StepKind};
use dowel_testkit::Answer;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn world(rule: Retention) -> World {
    World {
        options: EngineOptions {
            retention: RetentionRules {
                default: rule,
                ..RetentionRules::default()
            },
            ..EngineOptions::default()
        },
        ..World::default()
    }
}

fn order(id: &str) -> String {
    ORDER.replace("A1", id)
}

async fn accept(engine: &Engine, id: &str) -> dowel_core::RunId {
    let run = engine.accept(request(&order(id))).await.unwrap().run();
    story(engine, run).await;
    run
}

async fn pass_time(world: &World, by: Duration) {
    let at = world.clock.now().plus(by);
    world.clock.sleep_until(at).await;
}

/// Every key but plans.
async fn keys(world: &World) -> Vec<Vec<u8>> {
    let all = world.store.scan(Scan::prefix("", usize::MAX)).await;
    let keys = all.unwrap().into_iter().map(|(key, _)| key);
    let is_of_store = |key: &Vec<u8>| key.starts_with(b"p") || key.starts_with(b"R");
    keys.filter(|key| !is_of_store(key)).collect()
}

fn by_age(runs: u64, dedupe_keys: u64) -> Swept {
    Swept {
        by_age: runs,
        by_count: 0,
        dedupe_keys,
    }
}

#[tokio::test]
async fn a_finished_run_goes_when_it_is_old_enough_and_leaves_nothing() {
    let world = world(Retention {
        succeeded: Keep::For(10 * MINUTE),
        ..Retention::FOREVER
    });
    let engine = world.engine(order_plan()).await;
    let first = accept(&engine, "A1").await;
    pass_time(&world, 5 * MINUTE).await;
    let second = accept(&engine, "A2").await;
    assert_eq!(engine.sweep().await.unwrap(), Swept::default());
    pass_time(&world, 5 * MINUTE).await;
    assert_eq!(engine.sweep().await.unwrap(), by_age(1, 0));
    assert!(engine.story(first).await.unwrap().is_none());
    assert!(engine.story(second).await.unwrap().is_some());
    let listed = engine
        .runs(&RunsQuery {
            limit: 9,
            ..RunsQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(listed.runs.len(), 1);
    assert!(engine.runs_by_key("A1").await.unwrap().is_empty());
    pass_time(&world, 5 * MINUTE).await;
    assert_eq!(engine.sweep().await.unwrap(), by_age(1, 0));
    assert_eq!(keys(&world).await, Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn a_dedupe_key_outlives_its_run_until_its_window_ends() {
    let world = world(Retention {
        succeeded: Keep::For(Duration::from_secs(10)),
        ..Retention::FOREVER
    });
    let engine = world.engine(order_plan()).await;
    let run = accept(&engine, "A1").await;
    pass_time(&world, Duration::from_secs(30)).await;
    assert_eq!(engine.sweep().await.unwrap(), by_age(1, 0));
    assert!(engine.story(run).await.unwrap().is_none());
    let again = engine.accept(request(&order("A1"))).await.unwrap();
    assert_eq!(
        again,
        Accepted::Duplicate(run),
        "within the window of a minute"
    );
    pass_time(&world, Duration::from_secs(31)).await;
    assert_eq!(engine.sweep().await.unwrap(), by_age(0, 1));
    assert_eq!(keys(&world).await, Vec::<Vec<u8>>::new());
    assert!(matches!(
        engine.accept(request(&order("A1"))).await.unwrap(),
        Accepted::New(_)
    ));
}

#[tokio::test]
async fn a_dedupe_key_that_a_later_run_has_stays_with_that_run() {
    let world = world(Retention {
        succeeded: Keep::For(10 * MINUTE),
        ..Retention::FOREVER
    });
    let engine = world.engine(order_plan()).await;
    accept(&engine, "A1").await;
    pass_time(&world, 10 * MINUTE).await;
    let later = accept(&engine, "A1").await;
    assert_eq!(engine.sweep().await.unwrap(), by_age(1, 0));
    let again = engine.accept(request(&order("A1"))).await.unwrap();
    assert_eq!(again, Accepted::Duplicate(later));
    assert_eq!(engine.runs_by_key("A1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn parked_and_waiting_runs_are_never_removed() {
    let world = world(Retention {
        succeeded: Keep::For(Duration::ZERO),
        failed: Keep::For(Duration::ZERO),
        max_runs: Some(1),
    });
    world.connectors.script(
        "crm.get",
        [Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)],
    );
    let engine = world.engine(order_plan()).await;
    let parked = accept(&engine, "A1").await;
    accept(&engine, "A2").await;
    pass_time(&world, 1000 * MINUTE).await;
    engine.sweep().await.unwrap();
    let story = engine.story(parked).await.unwrap().unwrap();
    assert_eq!(story.status, RunStatus::Parked);
}

#[tokio::test]
async fn the_number_of_finished_runs_is_kept_also_over_a_restart() {
    let limited = Retention {
        max_runs: Some(3),
        ..Retention::FOREVER
    };
    let world = world(limited);
    let engine = world.engine(order_plan()).await;
    let mut runs = Vec::new();
    for id in ["A1", "A2", "A3", "A4", "A5"] {
        runs.push(accept(&engine, id).await);
        pass_time(&world, MINUTE).await;
    }
    drop(engine);
    let engine = world.engine(order_plan()).await;
    for id in ["A6", "A7"] {
        runs.push(accept(&engine, id).await);
        pass_time(&world, MINUTE).await;
    }
    let swept = engine.sweep().await.unwrap();
    assert_eq!((swept.by_age, swept.by_count), (0, 4));
    for (place, run) in runs.iter().enumerate() {
        let is_there = engine.story(*run).await.unwrap().is_some();
        assert_eq!(is_there, place >= 4, "run {place} of {}", runs.len());
    }
    assert_eq!(engine.sweep().await.unwrap(), Swept::default());
}

#[tokio::test]
async fn a_flow_has_its_own_rule() {
    let mut world = world(Retention {
        succeeded: Keep::For(MINUTE),
        ..Retention::FOREVER
    });
    let own = ("test".parse().unwrap(), Retention::FOREVER);
    world.options.retention.flows.extend([own]);
    let engine = world.engine(order_plan()).await;
    accept(&engine, "A1").await;
    pass_time(&world, 10 * MINUTE).await;
    assert_eq!(engine.sweep().await.unwrap(), Swept::default());
}

/// A loop with more pages than one batch removes.
#[tokio::test]
async fn an_interrupted_removal_is_in_no_list_and_goes_on() {
    let items = 300;
    let world = world(Retention {
        succeeded: Keep::For(MINUTE),
        ..Retention::FOREVER
    });
    let list: Vec<String> = (0..items).map(|number| number.to_string()).collect();
    let plan = || {
        let put = call("put", "erp.create", "{}", Idempotency::Keyed);
        let each = StepKind::ForEach(ForEach {
            on_item_failure: OnItemFailure::Stop,
            program: program(None, &["<$trigger.list>"]),
            parallel: 1,
            steps: vec![put],
            pages: None,
        });
        plan(vec![step("each", each)], "null")
    };
    let payload = format!(r#"{{"id":"A1","list":[{}]}}"#, list.join(","));
    let engine = world.engine(plan()).await;
    let run = engine.accept(request(&payload)).await.unwrap().run();
    story(&engine, run).await;
    let pages = world
        .store
        .scan(Scan::prefix("j", usize::MAX))
        .await
        .unwrap()
        .len();
    assert!(pages > 256, "only {pages} pages");
    pass_time(&world, 2 * MINUTE).await;
    // The first batch of the removal is written, the second is not.
    world.store.fail_after(1, StoreError::Full);
    assert!(engine.sweep().await.is_err());
    let listed = engine.runs(&RunsQuery::default()).await.unwrap();
    assert!(listed.runs.is_empty());
    assert!(engine.story(run).await.unwrap().is_none());
    let left = world
        .store
        .scan(Scan::prefix("j", usize::MAX))
        .await
        .unwrap()
        .len();
    assert!((1..pages).contains(&left), "{left} of {pages}");
    assert_eq!(engine.sweep().await.unwrap(), by_age(1, 0));
    assert_eq!(keys(&world).await, Vec::<Vec<u8>>::new());
}
