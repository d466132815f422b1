//! Bulk operations: one decision about everything that a query finds.

use crate::crash::{Crash, Mortal};
use crate::desk::{all, ana, items, one_call, retry};
use crate::support::*;
use dowel_core::port::Clock;
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::{
    Action, AuditQuery, Bulk, BulkChange, BulkState, CommandError, Engine, ItemsQuery, RunsQuery,
};
use dowel_flow::plan::{Concurrency, Plan, WhenFull};
use dowel_testkit::Answer;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

fn fail() -> Answer {
    Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)
}

fn every() -> ItemsQuery {
    ItemsQuery { limit: 0, ..all() }
}

/// So many parked runs.
async fn parked(world: &World, plan: Plan, count: usize) -> Engine {
    world.connectors.script("erp.create", [fail()]);
    let engine = world.engine(plan).await;
    for number in 0..count {
        let key = number % 3;
        let payload = format!(r#"{{"id":"A{number}","customer":"C{key}","total":{number}}}"#);
        let run = engine.accept(request(&payload)).await.unwrap().run();
        engine.settled(run).await.unwrap();
        world.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(engine.item_count(), count as u64);
    world
        .connectors
        .script("erp.create", [Answer::Return(json(r#"{"id":"X"}"#))]);
    engine
}

async fn until(engine: &Engine, id: RunId, mut held: impl FnMut(&Bulk) -> bool) -> Bulk {
    loop {
        let (bulk, _) = engine.bulk(id).await.unwrap();
        if held(&bulk) {
            return bulk;
        }
        tokio::task::yield_now().await;
    }
}

/// The totals that were sent with calls that were retried, in the order of the calls.
fn sent(world: &World, skip: usize) -> Vec<usize> {
    let calls = world.connectors.calls();
    let totals = calls[skip..].iter().map(|call| {
        let digits = call.input.trim_start_matches(r#"{"t":"#);
        digits.trim_end_matches('}').parse().unwrap()
    });
    totals.collect()
}

#[tokio::test]
async fn many_items_are_retried_once_each_with_a_restart_in_the_middle() {
    const COUNT: usize = 600;
    let world = World::default();
    let engine = parked(&world, one_call(), COUNT).await;
    let seen = engine.preview_bulk(&every(), &retry()).await.unwrap();
    assert_eq!((seen.total, seen.groups.len()), (COUNT as u64, 1));
    let begun = std::time::Instant::now();
    let bulk = engine.begin_bulk(&every(), retry(), ana(), None).await;
    let id = bulk.unwrap().id;
    until(&engine, id, |bulk| bulk.position > 60).await;
    engine.drain(Duration::from_secs(1)).await;
    let engine = world.engine(one_call()).await;
    let (halfway, _) = engine.bulk(id).await.unwrap();
    assert!(
        halfway.position < COUNT as u64,
        "the restart was in the middle"
    );
    let ended = until(&engine, id, |bulk| bulk.state == BulkState::Done).await;
    println!("{COUNT} items in {:?}", begun.elapsed());
    assert_eq!((ended.done, ended.failed), (COUNT as u64, 0));
    while engine.unfinished() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.item_count(), 0);
    let mut again = sent(&world, COUNT);
    again.sort_unstable();
    assert_eq!(again, (0..COUNT).collect::<Vec<_>>(), "each one once");
}

#[tokio::test]
async fn items_of_a_key_are_decided_about_in_the_order_of_arrival() {
    let mut plan = one_call();
    plan.concurrency = Some(Concurrency {
        keys: program(None, &["<.customer>"]),
        limit: 1,
        when_full: WhenFull::Queue,
        while_parked: dowel_core::journal::WhileParked::Release,
    });
    let world = World::default();
    let engine = parked(&world, plan, 300).await;
    let bulk = engine
        .begin_bulk(&every(), Action::Rerun, ana(), None)
        .await;
    let id = bulk.unwrap().id;
    let ended = until(&engine, id, |bulk| bulk.state == BulkState::Done).await;
    assert_eq!((ended.done, ended.failed), (300, 0));
    while engine.unfinished() > 0 {
        tokio::task::yield_now().await;
    }
    let again = sent(&world, 300);
    for key in 0..3 {
        let of_key: Vec<usize> = again.iter().copied().filter(|n| n % 3 == key).collect();
        let in_order: Vec<usize> = (0..300).filter(|n| n % 3 == key).collect();
        assert_eq!(of_key, in_order);
    }
}

#[tokio::test]
async fn an_operation_keeps_its_rate_and_is_paused_resumed_and_cancelled() {
    let world = World::default();
    let engine = parked(&world, one_call(), 100).await;
    let bulk = engine
        .begin_bulk(&every(), retry(), ana(), Some("8/s".parse().unwrap()))
        .await;
    let bulk = bulk.unwrap();
    let id = bulk.id;
    until(&engine, id, |bulk| bulk.position >= 16).await;
    engine
        .change_bulk(id, BulkChange::Pause, &ana())
        .await
        .unwrap();
    settle().await;
    let (paused, _) = engine.bulk(id).await.unwrap();
    assert_eq!(paused.state, BulkState::Paused);
    let took = paused.updated_at.since(bulk.created_at).as_millis();
    let least = u128::from(paused.position.saturating_sub(2)) * 1_000 / 8;
    assert!(took >= least, "{took} ms for {}", paused.position);
    settle().await;
    let (still, _) = engine.bulk(id).await.unwrap();
    assert_eq!(still.position, paused.position);
    let change = async |change| engine.change_bulk(id, change, &ana()).await;
    let refused = change(BulkChange::Pause).await;
    assert!(matches!(refused, Err(CommandError::BulkRefused(_))));
    change(BulkChange::Resume).await.unwrap();
    until(&engine, id, |bulk| bulk.position > paused.position).await;
    change(BulkChange::Cancel).await.unwrap();
    settle().await;
    let (ended, _) = engine.bulk(id).await.unwrap();
    assert_eq!(ended.state, BulkState::Cancelled);
    assert!(ended.position < 100);
    assert_eq!(
        engine.item_count(),
        100 - ended.done,
        "what is left stays as it is"
    );
}

#[tokio::test]
async fn what_does_not_allow_it_is_named_and_the_others_go_on() {
    let world = World::default();
    let engine = parked(&world, one_call(), 3).await;
    let found = items(&engine).await;
    let query = ItemsQuery { limit: 2, ..all() };
    let seen = engine.preview_bulk(&query, &retry()).await.unwrap();
    assert_eq!(seen.total, 2, "the limit counts");
    let oldest = [&found[2], &found[1]];
    assert!(
        seen.sample.iter().eq(oldest),
        "the oldest, in the order of arrival"
    );
    let silent = dowel_engine::Deciding {
        reason: None,
        ..ana()
    };
    let discard = Action::Discard { keep_key: false };
    let refused = engine.begin_bulk(&every(), discard, silent, None).await;
    assert!(matches!(refused, Err(CommandError::ReasonRequired(_))));
    let version = Action::Retry {
        path: None,
        version: Some("9.9.9".parse().unwrap()),
    };
    let bulk = engine.begin_bulk(&query, version, ana(), None).await;
    let id = bulk.unwrap().id;
    let ended = until(&engine, id, |bulk| bulk.state == BulkState::Done).await;
    assert_eq!((ended.done, ended.failed), (0, 2));
    let (_, failures) = engine.bulk(id).await.unwrap();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0].code, "DWL-2373");
    assert_eq!(items(&engine).await, found, "nothing was changed");
    let query = RunsQuery {
        limit: 10,
        ..RunsQuery::default()
    };
    assert_eq!(engine.runs(&query).await.unwrap().runs.len(), 3);
}

#[tokio::test]
async fn calls_keep_the_rate_of_their_connection() {
    let mut world = World::default();
    let limits = dowel_core::connection::ConnectionLimits {
        rate: Some("10/s".parse().unwrap()),
        ..Default::default()
    };
    world.options.limits.insert("erp".parse().unwrap(), limits);
    let engine = parked(&world, one_call(), 60).await;
    let begun = world.clock.now();
    let bulk = engine.begin_bulk(&every(), retry(), ana(), None).await;
    let id = bulk.unwrap().id;
    until(&engine, id, |bulk| bulk.state == BulkState::Done).await;
    while engine.unfinished() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.item_count(), 0);
    // Ten may go at once after a quiet second, the others follow each other.
    let took = world.clock.now().since(begun);
    assert!(took >= Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_host_that_crashes_at_any_write_decides_about_each_item_once() {
    const COUNT: usize = 6;
    let mut crashes = 0;
    for last in 0.. {
        let world = World::default();
        let engine = parked(&world, one_call(), COUNT).await;
        engine.drain(Duration::ZERO).await;
        let dead = Arc::new(Notify::new());
        let store = Arc::new(Mortal::new(&world.store, last, Crash::After, &dead));
        let first = world.engine_on(store, one_call()).await;
        let query = every();
        let begun = tokio::select! {
            biased;
            begun = first.begin_bulk(&query, retry(), ana(), None) => Some(begun.unwrap().id),
            () = dead.notified() => None,
        };
        if let Some(id) = begun {
            tokio::select! {
                biased;
                () = dead.notified() => {}
                _ = until(&first, id, |bulk| bulk.state == BulkState::Done) => break,
            }
        }
        crashes += 1;
        let engine = world.engine(one_call()).await;
        let bulks = engine.bulks(None, 10).await.unwrap().0;
        let Some(bulk) = bulks.first() else {
            assert_eq!(engine.item_count(), COUNT as u64, "it had not begun");
            continue;
        };
        let ended = until(&engine, bulk.id, |bulk| bulk.state == BulkState::Done).await;
        assert_eq!(
            (ended.done, ended.failed),
            (COUNT as u64, 0),
            "commit {last}"
        );
        while engine.unfinished() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(engine.item_count(), 0);
        let query = AuditQuery {
            action: Some("retry".to_owned()),
            limit: 100,
            ..AuditQuery::default()
        };
        let told = engine.audit(&query).await.unwrap().records;
        let about: HashSet<String> = told
            .iter()
            .map(|record| format!("{:?}", record.draft.target))
            .collect();
        assert_eq!((told.len(), about.len()), (COUNT, COUNT), "commit {last}");
        assert!(told.iter().all(|record| record.draft.actor == "ana"));
    }
    assert!(crashes > COUNT, "only {crashes} writes were tried");
}

#[tokio::test]
async fn each_decision_of_an_operation_names_it_in_the_audit_record() {
    const COUNT: usize = 20;
    let world = World::default();
    let engine = parked(&world, one_call(), COUNT).await;
    let bulk = engine.begin_bulk(&every(), retry(), ana(), None).await;
    let id = bulk.unwrap().id;
    until(&engine, id, |bulk| bulk.state == BulkState::Done).await;
    let query = AuditQuery {
        about: Some(id),
        limit: 100,
        ..AuditQuery::default()
    };
    let records = engine.audit(&query).await.unwrap().records;
    let of_items = records
        .iter()
        .filter(|record| record.draft.bulk == Some(id));
    assert!(
        of_items
            .clone()
            .all(|record| record.draft.action == "retry")
    );
    assert_eq!(of_items.count(), COUNT, "one for each item");
    assert_eq!(records.len(), COUNT + 1, "and the operation itself");
}
