//! Intake: exactly one run per dedupe key, and nothing kept of what is refused.

use crate::support::*;
use dowel_core::port::{Clock, StoreError};
use dowel_engine::{Accepted, EngineOptions, IntakeError, RunsQuery};
use std::time::Duration;

#[tokio::test]
async fn a_duplicate_gets_the_first_run_until_the_window_ends() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let first = engine.accept(request(ORDER)).await.unwrap();
    assert!(matches!(first, Accepted::New(_)));
    let again = engine.accept(request(ORDER)).await.unwrap();
    assert_eq!(again, Accepted::Duplicate(first.run()));
    story(&engine, first.run()).await;
    assert_eq!(world.calls("erp.create"), 1);
    world
        .clock
        .sleep_until(world.clock.now().plus(Duration::from_secs(61)))
        .await;
    let later = engine.accept(request(ORDER)).await.unwrap();
    assert!(matches!(later, Accepted::New(_)));
    assert_eq!(engine.runs_by_key("A1").await.unwrap().len(), 2);
}

#[tokio::test]
async fn of_many_duplicates_at_the_same_time_one_begins_a_run() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let accepted =
        futures_util::future::join_all((0..32).map(|_| engine.accept(request(ORDER)))).await;
    let accepted: Vec<_> = accepted.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        accepted
            .iter()
            .filter(|a| matches!(a, Accepted::New(_)))
            .count(),
        1
    );
    assert!(accepted.iter().all(|a| a.run() == accepted[0].run()));
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let world = World {
        options: EngineOptions {
            max_backlog: 0,
            ..EngineOptions::default()
        },
        ..World::default()
    };
    let engine = world.engine(order_plan()).await;
    let commits = world.store.commits();
    assert!(matches!(
        engine.accept(request(ORDER)).await,
        Err(IntakeError::Backlog(_))
    ));

    let world = World::default();
    let engine = world.engine(order_plan()).await;
    for (payload, code) in [
        ("{", "DWL-4002"),
        (r#"{"id":"A","id":"B"}"#, "DWL-4002"),
        ("{}", "DWL-4003"),
        (r#"{"id":{}}"#, "DWL-4006"),
        (r#"{"id":""}"#, "DWL-4006"),
    ] {
        let error = engine.accept(request(payload)).await.unwrap_err();
        assert_eq!(error.code().to_string(), code, "{payload}");
    }
    assert_eq!(world.store.commits(), commits);
    let runs = engine
        .runs(&RunsQuery {
            limit: 10,
            ..RunsQuery::default()
        })
        .await
        .unwrap();
    assert!(runs.runs.is_empty());
}

#[tokio::test]
async fn an_event_that_could_not_be_written_is_not_acknowledged() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    world.store.fail_next(StoreError::Full);
    assert!(matches!(
        engine.accept(request(ORDER)).await,
        Err(IntakeError::Store(StoreError::Full))
    ));
    let accepted = engine.accept(request(ORDER)).await.unwrap();
    assert!(
        matches!(accepted, Accepted::New(_)),
        "the refused one holds no dedupe key"
    );
}

#[tokio::test]
async fn a_host_whose_store_has_failed_is_not_ready() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    assert!(engine.is_ready().await);
    world
        .store
        .fail_next(StoreError::Failed("the disk is gone".into()));
    assert!(engine.accept(request(ORDER)).await.is_err());
    assert!(!engine.is_ready().await);
}

#[tokio::test]
async fn a_draining_engine_takes_nothing_and_the_next_one_goes_on() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    engine.drain(Duration::from_secs(5)).await;
    assert!(!engine.is_ready().await);
    let other = ORDER.replace("A1", "A2");
    assert!(matches!(
        engine.accept(request(&other)).await,
        Err(IntakeError::ShuttingDown)
    ));
    let next = world.engine(order_plan()).await;
    story(&next, run).await;
    assert_eq!(world.calls("erp.create"), 1);
}

#[tokio::test]
async fn lists_go_page_by_page_from_the_newest() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let accepted = engine
            .accept(request(&ORDER.replace("A1", &format!("B{n}"))))
            .await
            .unwrap();
        world
            .clock
            .sleep_until(world.clock.now().plus(Duration::from_millis(5)))
            .await;
        ids.push(accepted.run());
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let query = RunsQuery {
            before,
            limit: 2,
            ..RunsQuery::default()
        };
        let page = engine.runs(&query).await.unwrap();
        seen.extend(page.runs.iter().map(|run| run.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
}
