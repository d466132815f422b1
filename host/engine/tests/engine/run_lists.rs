//! Lists of runs from their indexes, what was picked by hand, and what flows came to.

use crate::desk::{all, items, one_call, retry};
use crate::support::*;
use dowel_core::port::{Batch, Scan, Store};
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::kpi::Span;
use dowel_engine::state::RunStatus;
use dowel_engine::{Engine, ItemsQuery, RunsQuery};
use dowel_testkit::Answer;
use std::time::Duration;

fn refused() -> Answer {
    Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)
}

fn good() -> Answer {
    Answer::Return(json(r#"{"id":"INV-1"}"#))
}

/// Six runs, of which the third and the fifth are parked.
async fn six(world: &World) -> (Engine, Vec<RunId>) {
    let answers = [good(), good(), refused(), good(), refused(), good()];
    world.connectors.script("erp.create", answers);
    let engine = world.engine(one_call()).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        let run = engine.accept(request(ORDER)).await.unwrap().run();
        engine.settled(run).await.unwrap();
        runs.push(run);
        let at = dowel_core::port::Clock::now(&world.clock).plus(Duration::from_secs(1));
        dowel_core::port::Clock::sleep_until(&world.clock, at).await;
    }
    (engine, runs)
}

async fn ids(engine: &Engine, query: RunsQuery) -> (Vec<RunId>, Option<RunId>) {
    let page = engine.runs(&query).await.unwrap();
    let ids = page.runs.iter().map(|run| run.id).collect();
    (ids, page.next)
}

fn of(status: Option<RunStatus>) -> RunsQuery {
    RunsQuery {
        flow: Some("test".parse().unwrap()),
        status,
        limit: 10,
        ..RunsQuery::default()
    }
}

#[tokio::test]
async fn lists_by_flow_and_status_hold_what_they_should_and_go_on() {
    let world = World::default();
    let (engine, runs) = six(&world).await;
    let newest: Vec<RunId> = runs.iter().rev().copied().collect();
    assert_eq!(ids(&engine, of(None)).await, (newest.clone(), None));
    let parked = vec![runs[4], runs[2]];
    assert_eq!(
        ids(&engine, of(Some(RunStatus::Parked))).await,
        (parked, None)
    );
    let good = vec![runs[5], runs[3], runs[1], runs[0]];
    assert_eq!(
        ids(&engine, of(Some(RunStatus::Succeeded))).await,
        (good, None)
    );
    for status in [RunStatus::Running, RunStatus::Failed] {
        assert_eq!(ids(&engine, of(Some(status))).await, (vec![], None));
    }
    let first = RunsQuery {
        limit: 4,
        ..of(None)
    };
    let (begin, next) = ids(&engine, first.clone()).await;
    assert_eq!(begin, newest[..4]);
    let rest = RunsQuery {
        before: next,
        ..first
    };
    assert_eq!(ids(&engine, rest).await.0, newest[4..]);
    let other = RunsQuery {
        flow: Some("other".parse().unwrap()),
        limit: 10,
        ..RunsQuery::default()
    };
    assert_eq!(ids(&engine, other).await, (vec![], None));
}

#[tokio::test]
async fn a_decision_moves_a_run_from_one_list_to_another() {
    let world = World::default();
    let (engine, runs) = six(&world).await;
    engine
        .decide(runs[2], crate::desk::ana(), retry())
        .await
        .unwrap();
    engine.settled(runs[2]).await.unwrap();
    let parked = ids(&engine, of(Some(RunStatus::Parked))).await;
    assert_eq!(parked, (vec![runs[4]], None));
}

#[tokio::test]
async fn a_store_of_an_older_host_gets_its_indexes() {
    let world = World::default();
    let (engine, runs) = six(&world).await;
    engine.drain(Duration::ZERO).await;
    let mut batch = Batch::default();
    for family in [b"f".as_slice(), b"rs"] {
        let rows = world.store.scan(Scan::prefix(family, usize::MAX)).await;
        for (key, _) in rows.unwrap() {
            batch.delete(key);
        }
    }
    assert_eq!(batch.writes.len(), 8, "one by flow each, two by status");
    world.store.commit(batch).await.unwrap();
    let engine = world.engine(one_call()).await;
    assert_eq!(ids(&engine, of(None)).await.0.len(), 6);
    let parked = ids(&engine, of(Some(RunStatus::Parked))).await;
    assert_eq!(parked, (vec![runs[4], runs[2]], None));
}

#[tokio::test]
async fn a_run_is_found_by_the_trace_that_came_with_its_event() {
    let world = World::default();
    let engine = world.engine(one_call()).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut asked = request(ORDER);
    asked.traceparent = Some(format!("00-{trace}-00f067aa0ba902b7-01"));
    let run = engine.accept(asked).await.unwrap().run();
    let own = engine.accept(request(ORDER)).await.unwrap().run();
    let found = engine.runs_by_trace(trace).await.unwrap();
    assert_eq!(found.iter().map(|run| run.id).collect::<Vec<_>>(), [run]);
    let none = engine.runs_by_trace(&own.to_string()).await.unwrap();
    assert_eq!(none, [], "a trace of its own is the run's id");
}

#[tokio::test]
async fn picked_items_are_those_and_no_others() {
    let world = World::default();
    let (engine, runs) = six(&world).await;
    assert_eq!(items(&engine).await.len(), 2);
    let picked = ItemsQuery {
        ids: vec![runs[4], runs[0], runs[4]],
        ..all()
    };
    assert!(!picked.is_unbounded());
    let preview = engine.preview_bulk(&picked, &retry()).await.unwrap();
    assert_eq!((preview.total, preview.left_out), (1, 0));
    assert_eq!(preview.sample[0].id, runs[4]);
    let elsewhere = ItemsQuery {
        flow: Some("other".parse().unwrap()),
        ..picked
    };
    let preview = engine.preview_bulk(&elsewhere, &retry()).await.unwrap();
    assert_eq!(preview.total, 0, "of another flow");
}

#[tokio::test]
async fn charts_begin_with_what_had_ended_before_the_start() {
    let world = World::default();
    let (engine, _) = six(&world).await;
    let sums = |engine: &Engine| {
        let kpi = engine.kpi(&"test".parse().unwrap(), Span::Day);
        let slices = kpi.slices.iter();
        slices.fold((0, 0), |(good, bad), slice| {
            (good + slice.succeeded, bad + slice.exceptions)
        })
    };
    assert_eq!(sums(&engine), (4, 2));
    engine.drain(Duration::ZERO).await;
    let again = world.engine(one_call()).await;
    settle().await;
    assert_eq!(
        sums(&again),
        (4, 0),
        "exceptions are counted since the start"
    );
}
