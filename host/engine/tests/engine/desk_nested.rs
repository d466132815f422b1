//! What stands within something else: items of loops in loops, and runs behind a parked one.

use crate::desk::{all, ana, items, one_call, retry};
use crate::saga::path;
use crate::support::*;
use dowel_core::journal::WhileParked;
use dowel_core::manifest::Idempotency::Keyed;
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{Action, CommandError, ItemClass, Recommended};
use dowel_flow::plan::{Concurrency, ForEach, OnItemFailure, Plan, StepKind, WhenFull};
use dowel_testkit::Answer;

fn fail() -> Answer {
    Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)
}

fn ok() -> Answer {
    Answer::Return(json(r#"{"id":"X"}"#))
}

fn each(list: &str, steps: Vec<dowel_flow::plan::Step>) -> StepKind {
    StepKind::ForEach(ForEach {
        pages: None,
        program: program(None, &[list]),
        parallel: 1,
        on_item_failure: OnItemFailure::Collect { fail_above: None },
        steps,
    })
}

/// Two parcels of two lines each; every line is shipped.
fn nested() -> Plan {
    let ship = call("ship", "erp.create", r#"{"n":<$item>}"#, Keyed);
    let lines = step("lines", each("[1,2]", vec![ship]));
    let parcels = step("parcels", each("[1,2]", vec![lines]));
    let mut plan = plan(vec![parcels], "<$steps.parcels>");
    plan.dedupe = None;
    plan
}

#[tokio::test]
async fn failed_items_of_a_loop_in_a_loop_are_exceptions_of_their_own() {
    let world = World::default();
    let answers = [fail(), ok(), ok(), fail(), ok()];
    world.connectors.script("erp.create", answers);
    let engine = world.engine(nested()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    let ended = story(&engine, run).await;
    assert_eq!(ended.status, RunStatus::SucceededWithFailures);
    let found = items(&engine).await;
    let mut places: Vec<_> = found
        .iter()
        .map(|item| (item.loop_item.clone(), item.step.clone()))
        .collect();
    places.sort();
    let at = |list: &str, index: usize, step: &str| (Some((path(list), index)), Some(path(step)));
    let expected = [
        at("parcels[0].lines", 0, "parcels[0].lines[0].ship"),
        at("parcels[1].lines", 1, "parcels[1].lines[1].ship"),
    ];
    assert_eq!(places, expected);
    assert!(found.iter().all(|item| item.class == ItemClass::LoopItem));
    assert_eq!(engine.item_groups(&all()).await.unwrap().len(), 1);
    // Nothing is left of an inner item that could be tried again alone.
    assert!(
        found
            .iter()
            .all(|item| item.recommended == Recommended::Rerun)
    );
    let alone = engine.decide(found[0].id, ana(), retry()).await;
    assert!(matches!(alone, Err(CommandError::Refused(_))), "{alone:?}");
    let discard = Action::Discard { keep_key: false };
    engine.decide(found[0].id, ana(), discard).await.unwrap();
    let left = items(&engine).await;
    assert_eq!((left.len(), left[0].id), (1, found[1].id));
    let again = engine
        .decide(left[0].id, ana(), Action::Rerun)
        .await
        .unwrap();
    let again = story(&engine, again.began.unwrap()).await;
    assert_eq!(again.status, RunStatus::Succeeded);
    assert_eq!(items(&engine).await, [], "the other run does all of it");
    assert_eq!(engine.item_count(), 0);
}

#[tokio::test]
async fn the_runs_that_wait_behind_a_parked_one_are_shown_with_it() {
    let mut plan = one_call();
    plan.concurrency = Some(Concurrency {
        keys: program(None, &["<.customer>"]),
        limit: 1,
        when_full: WhenFull::Queue,
        while_parked: WhileParked::Hold,
    });
    let world = World::default();
    world.connectors.script("erp.create", [fail(), ok()]);
    let engine = world.engine(plan.clone()).await;
    let mut runs = Vec::new();
    for number in 0..3 {
        let payload = format!(r#"{{"id":"A{number}","customer":"C1","total":1}}"#);
        runs.push(engine.accept(request(&payload)).await.unwrap().run());
    }
    engine.settled(runs[0]).await.unwrap();
    let behind = async |engine: &dowel_engine::Engine| {
        let detail = engine.item(runs[0]).await.unwrap().unwrap();
        detail.behind
    };
    assert_eq!(behind(&engine).await, runs[1..]);
    engine.drain(std::time::Duration::ZERO).await;
    let engine = world.engine(plan).await;
    assert_eq!(behind(&engine).await, runs[1..], "after a restart as well");
    engine.decide(runs[0], ana(), retry()).await.unwrap();
    for run in &runs {
        assert_eq!(story(&engine, *run).await.status, RunStatus::Succeeded);
    }
}
