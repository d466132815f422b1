//! The host stops before or after any write of a saga, and of a decision; the next host
//! goes on.

use crate::crash::{Crash, Mortal, before_death};
use crate::support::*;
use dowel_core::journal::{Actor, Command, Commanded};
use dowel_core::manifest::Idempotency::Keyed;
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::Engine;
use dowel_engine::state::RunStatus;
use dowel_flow::plan::{Plan, Step};
use dowel_testkit::Answer;
use std::sync::Arc;
use tokio::sync::Notify;

fn refused() -> Answer {
    Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)
}

fn done() -> Answer {
    Answer::Return(json(r#"{"id":"X"}"#))
}

/// Two steps that can be undone, and one that is refused.
fn saga() -> Plan {
    let undoable = |id: &str| -> Step {
        let mut step = call(id, "erp.create", &format!(r#"{{"do":"{id}"}}"#), Keyed);
        let undo = call(id, "erp.void", &format!(r#"{{"undo":"{id}"}}"#), Keyed);
        step.compensate = Some(Box::new(undo));
        step
    };
    let last = call("c", "erp.refuse", "{}", Keyed);
    let mut plan = plan(vec![undoable("a"), undoable("b"), last], "null");
    plan.on_failure.compensate = vec![ErrorKind::Rejected];
    plan
}

fn world() -> World {
    let world = World::default();
    world.connectors.script("erp.create", [done()]);
    world.connectors.script("erp.void", [done()]);
    world.connectors.script("erp.refuse", [refused()]);
    world
}

/// The undoing calls in order, each as often as it was made, one after the other.
fn undone(world: &World) -> Vec<(String, String)> {
    let calls = world.connectors.calls();
    let voids = calls.into_iter().filter(|call| call.name == "erp.void");
    let mut undone: Vec<_> = voids.map(|call| (call.input, call.key)).collect();
    undone.dedup();
    undone
}

/// Stops at commit number `last`, restarts, and returns whether it came to that.
async fn saga_crash(last: usize, crash: Crash) -> bool {
    let world = world();
    let dead = Arc::new(Notify::new());
    let store = Arc::new(Mortal::new(&world.store, last, crash, &dead));
    let first = world.engine_on(store, saga()).await;
    let run = before_death(&dead, first.accept(request(ORDER))).await;
    let run = run.map(|accepted| accepted.unwrap().run());
    let crashed = match run {
        None => true,
        Some(run) => match before_death(&dead, first.settled(run)).await {
            Some(ended) => ended.is_err(),
            None => true,
        },
    };
    let engine = world.engine(saga()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    let told = story(&engine, run).await;
    let at = format!("crash {crash:?} commit {last}");
    assert_eq!(told.status, RunStatus::Compensated, "{at}");
    let undone = undone(&world);
    let inputs: Vec<&str> = undone.iter().map(|(input, _)| input.as_str()).collect();
    assert_eq!(inputs, [r#"{"undo":"b"}"#, r#"{"undo":"a"}"#], "{at}");
    crashed
}

#[tokio::test]
async fn every_write_of_a_saga_may_be_the_last_one() {
    for crash in [Crash::Before, Crash::After] {
        let mut crashes = 0;
        // Commit 0 keeps the plan; a host that dies there has accepted nothing.
        for last in 1.. {
            if !saga_crash(last, crash).await {
                break;
            }
            crashes += 1;
        }
        assert!(crashes >= 7, "only {crashes} writes were tried");
    }
}

async fn retry(engine: &Engine, run: RunId) {
    let commanded = Commanded {
        confirmed_by: None,
        origin: None,
        bulk: None,
        actor: Actor("ana@example.com".to_owned()),
        reason: None,
        command: Command::Retry { path: None },
    };
    engine.command(run, commanded).await.unwrap();
}

#[tokio::test]
async fn a_decision_on_disk_is_carried_out_once_after_a_crash() {
    // Commits: plan, the message to the run, the page that answers it.
    for (last, crash) in [(1, Crash::After), (2, Crash::Before), (2, Crash::After)] {
        let world = World::default();
        world.connectors.script("erp.create", [refused(), done()]);
        let pay = || plan(vec![call("pay", "erp.create", "{}", Keyed)], "null");
        let engine = world.engine(pay()).await;
        let run = engine.accept(request(ORDER)).await.unwrap().run();
        assert_eq!(story(&engine, run).await.status, RunStatus::Parked);

        let dead = Arc::new(Notify::new());
        let store = Arc::new(Mortal::new(&world.store, last, crash, &dead));
        let second = world.engine_on(store, pay()).await;
        before_death(&dead, retry(&second, run)).await;
        let third = world.engine(pay()).await;
        let told = loop {
            let told = story(&third, run).await;
            if told.status != RunStatus::Parked {
                break told;
            }
            tokio::task::yield_now().await; // poll: the message is taken up after the start
        };
        let at = format!("crash {crash:?} commit {last}");
        assert_eq!(told.status, RunStatus::Succeeded, "{at}");
        assert_eq!(told.decisions.len(), 1, "{at}");
        let keys: Vec<String> = world
            .connectors
            .calls()
            .into_iter()
            .map(|c| c.key)
            .collect();
        assert!(keys.iter().all(|key| *key == keys[0]), "{at}: {keys:?}");
    }
}
