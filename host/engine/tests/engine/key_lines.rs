//! Concurrency keys: order of arrival, never more than the limit, nobody starves, and
//! a crash changes nothing of it.

use crate::crash::{Crash, Mortal, before_death};
use crate::support::*;
use dowel_core::journal::{Actor, Command, Commanded, WhileParked};
use dowel_core::manifest::Idempotency;
use dowel_core::port::Clock;
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{Accepted, Engine, IntakeError};
use dowel_flow::plan::{Concurrency, Plan, WhenFull};
use dowel_testkit::Answer;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::Notify;

/// A flow of two calls with a concurrency key, the payload's `customer`.
fn keyed(limit: u32, when_full: WhenFull, while_parked: WhileParked) -> Plan {
    let input = r#"{"id":<$trigger.id>}"#;
    let steps = vec![
        call("first", "crm.get", input, Idempotency::Natural),
        call("second", "erp.create", input, Idempotency::Keyed),
    ];
    Plan {
        concurrency: Some(Concurrency {
            keys: program(None, &["<.customer>", "<.id>"]),
            limit,
            when_full,
            while_parked,
        }),
        ..plan(steps, "null")
    }
}

fn queued() -> Plan {
    keyed(1, WhenFull::Queue, WhileParked::Hold)
}

fn order(id: &str, customer: &str) -> String {
    format!(r#"{{"id":"{id}","customer":"{customer}"}}"#)
}

async fn accept(engine: &Engine, id: &str, customer: &str) -> RunId {
    let accepted = engine.accept(request(&order(id, customer))).await.unwrap();
    assert!(matches!(accepted, Accepted::New(_)), "{id}: {accepted:?}");
    accepted.run()
}

/// The ids of the orders in the order of their calls, repeats beside each other once.
fn order_of_calls(world: &World, ids: &[&str]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for call in world.connectors.calls() {
        let id = ids
            .iter()
            .find(|id| call.input.contains(&format!("\"{id}\"")));
        let id = id.map(|id| (*id).to_owned());
        seen.extend(id.filter(|id| seen.last() != Some(id)));
    }
    seen
}

#[tokio::test]
async fn runs_of_one_key_follow_each_other_and_other_keys_do_not_wait() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let good = || Answer::Return(json("{}"));
    world
        .connectors
        .script("crm.get", [Answer::When(told.clone(), json("{}")), good()]);
    let engine = world.engine(queued()).await;
    let first = accept(&engine, "a1", "A").await;
    settle().await;
    let second = accept(&engine, "a2", "A").await;
    let third = accept(&engine, "a3", "A").await;
    let other = accept(&engine, "b1", "B").await;
    assert_eq!(story(&engine, other).await.status, RunStatus::Succeeded);
    settle().await;
    assert_eq!(engine.runs_behind(first, 9), [second, third]);
    let waits = engine.story(third).await.unwrap().unwrap();
    assert_eq!(waits.status, RunStatus::Waiting);
    assert_eq!(waits.waits_for, Some("key"));
    assert_eq!(waits.waits_behind, Some(second));
    told.notify_one();
    for run in [first, second, third] {
        assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    }
    let ids = ["a1", "a2", "a3"];
    assert_eq!(order_of_calls(&world, &ids), ids);
}

#[tokio::test]
async fn as_many_as_the_limit_go_at_once() {
    let world = World::default();
    world.connectors.script("crm.get", [Answer::Hang]);
    let engine = world
        .engine(keyed(3, WhenFull::Queue, WhileParked::Hold))
        .await;
    for n in 0..9 {
        accept(&engine, &format!("a{n}"), "A").await;
    }
    settle().await;
    assert_eq!(world.calls("crm.get"), 3);
}

#[tokio::test]
async fn what_is_dropped_leaves_nothing_and_names_the_run_at_work() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let first = Answer::When(told.clone(), json("{}"));
    world
        .connectors
        .script("crm.get", [first, Answer::Return(json("{}"))]);
    let engine = world
        .engine(keyed(1, WhenFull::Drop, WhileParked::Hold))
        .await;
    let first = accept(&engine, "a1", "A").await;
    let commits = world.store.commits();
    let dropped = engine.accept(request(&order("a2", "A"))).await.unwrap();
    assert_eq!(dropped, Accepted::Dropped(first));
    let duplicate = engine.accept(request(&order("a1", "A"))).await.unwrap();
    assert_eq!(duplicate, Accepted::Duplicate(first), "it is no new event");
    assert_eq!(world.store.commits(), commits);
    settle().await;
    told.notify_one();
    story(&engine, first).await;
    // It holds no dedupe key either.
    let second = accept(&engine, "a2", "A").await;
    assert_eq!(story(&engine, second).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn nothing_is_dropped_for_a_run_that_may_not_be_written() {
    let world = World::default();
    let dead = Arc::new(Notify::new());
    // Commits: plan, intake of the first one, which does not come to its end.
    let store = Mortal::new(&world.store, 1, Crash::Before, &dead);
    let plan = || keyed(1, WhenFull::Drop, WhileParked::Hold);
    let engine = world.engine_on(Arc::new(store), plan()).await;
    let first = engine.clone();
    let unwritten = tokio::spawn(async move { first.accept(request(&order("a1", "A"))).await });
    dead.notified().await;
    let second = engine.accept(request(&order("a2", "A"))).await;
    assert!(matches!(second, Err(IntakeError::Backlog(_))), "{second:?}");
    unwritten.abort();
    let engine = world.engine(plan()).await;
    let second = accept(&engine, "a2", "A").await;
    assert_eq!(engine.settled(second).await.unwrap().name(), "succeeded");
}

#[tokio::test]
async fn a_parked_run_holds_its_place_or_releases_it() {
    for (while_parked, goes_on) in [(WhileParked::Hold, false), (WhileParked::Release, true)] {
        let world = World::default();
        let refused = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
        let good = Answer::Return(json("{}"));
        world.connectors.script("crm.get", [refused, good]);
        let engine = world.engine(keyed(1, WhenFull::Queue, while_parked)).await;
        let first = accept(&engine, "a1", "A").await;
        let second = accept(&engine, "a2", "A").await;
        assert_eq!(story(&engine, first).await.status, RunStatus::Parked);
        settle().await;
        // The same after a restart.
        drop(engine);
        let engine = world.engine(keyed(1, WhenFull::Queue, while_parked)).await;
        settle().await;
        let told = engine.story(second).await.unwrap().unwrap();
        let expected = if goes_on {
            RunStatus::Succeeded
        } else {
            RunStatus::Waiting
        };
        assert_eq!(told.status, expected, "{while_parked:?}");
    }
}

fn commanded(command: Command) -> Commanded {
    Commanded {
        actor: Actor("ana".to_owned()),
        reason: None,
        confirmed_by: None,
        origin: None,
        bulk: None,
        command,
    }
}

#[tokio::test]
async fn a_run_that_gave_its_place_up_takes_one_at_the_end() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let refused = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
    let held = Answer::When(told.clone(), json("{}"));
    let answers = [refused, held, Answer::Return(json("{}"))];
    world.connectors.script("crm.get", answers);
    let flow = keyed(1, WhenFull::Queue, WhileParked::Release);
    let engine = world.engine(flow).await;
    let first = accept(&engine, "a1", "A").await;
    let second = accept(&engine, "a2", "A").await;
    assert_eq!(story(&engine, first).await.status, RunStatus::Parked);
    settle().await;
    let retry = commanded(Command::Retry { path: None });
    engine.command(first, retry).await.unwrap();
    settle().await;
    assert_eq!(world.calls("crm.get"), 2, "it waits for the second one");
    assert_eq!(engine.runs_behind(second, 9), [first]);
    told.notify_one();
    for run in [second, first] {
        assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    }
    let last = world.connectors.calls().pop().unwrap();
    assert!(last.input.contains("a1"), "{last:?}");
}

#[tokio::test]
async fn a_run_in_line_can_be_cancelled_and_the_next_one_moves_up() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let held = Answer::When(told.clone(), json("{}"));
    let good = Answer::Return(json("{}"));
    world.connectors.script("crm.get", [held, good]);
    let engine = world.engine(queued()).await;
    let mut runs = Vec::new();
    for id in ["a1", "a2", "a3"] {
        runs.push(accept(&engine, id, "A").await);
    }
    settle().await;
    let cancel = commanded(Command::Cancel { compensate: false });
    engine.command(runs[1], cancel).await.unwrap();
    assert_eq!(story(&engine, runs[1]).await.status, RunStatus::Cancelled);
    assert_eq!(engine.runs_behind(runs[0], 9), [runs[2]]);
    told.notify_one();
    assert_eq!(story(&engine, runs[2]).await.status, RunStatus::Succeeded);
    assert_eq!(world.calls("crm.get"), 2);
}

#[tokio::test]
async fn a_key_that_cannot_be_computed_is_refused() {
    let world = World::default();
    let engine = world.engine(queued()).await;
    let commits = world.store.commits();
    for payload in [r#"{"id":"a1"}"#, r#"{"id":"a1","customer":[]}"#] {
        let error = engine.accept(request(payload)).await.unwrap_err();
        assert_eq!(error.code().to_string(), "DWL-4030", "{payload}");
    }
    assert_eq!(world.store.commits(), commits);
    // And it holds no place.
    let run = accept(&engine, "a1", "A").await;
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
}

const ORDERS: [&str; 4] = ["a1", "a2", "a3", "a4"];

/// Stops at commit number `last`, restarts, and returns whether it came to that.
async fn crash_at(last: usize, crash: Crash, while_parked: WhileParked) -> bool {
    let world = World::default();
    let refused = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
    let again = Answer::Fail(ErrorKind::Unavailable, SendRecord::Sent);
    let good = || Answer::Return(json("{}"));
    // The first run is refused where that lets the others go on.
    let answers = match while_parked {
        WhileParked::Release => vec![refused, again, good()],
        WhileParked::Hold => vec![good(), again, good()],
    };
    world.connectors.script("erp.create", answers);
    let flow = || keyed(1, WhenFull::Queue, while_parked);
    let dead = Arc::new(Notify::new());
    let store = Mortal {
        inner: world.store.clone(),
        commits: AtomicUsize::new(0),
        last,
        crash,
        dead: dead.clone(),
    };
    let first = world.engine_on(Arc::new(store), flow()).await;
    let mut acknowledged = Vec::new();
    let all = async {
        for id in ORDERS {
            acknowledged.push(accept(&first, id, "A").await);
        }
        for run in acknowledged.clone() {
            first.settled(run).await.unwrap();
        }
    };
    let ended = before_death(&dead, all).await.is_some();
    if !ended {
        // Later than the first host, as hosts are: the same random bytes give other ids.
        let later = world.clock.now().plus(Duration::from_secs(1));
        world.clock.sleep_until(later).await;
        let engine = world.engine(flow()).await;
        for id in ORDERS {
            // A sender without an answer sends again, in the same order.
            engine.accept(request(&order(id, "A"))).await.unwrap();
        }
        for id in ORDERS {
            for run in engine.runs_by_key(id).await.unwrap() {
                engine.settled(run.id).await.unwrap();
            }
        }
        for run in acknowledged {
            let told = engine.story(run).await.unwrap();
            assert!(told.unwrap().status.is_at_rest(), "{crash:?} at {last}");
        }
    }
    let calls = order_of_calls(&world, &ORDERS);
    assert_eq!(calls, ORDERS, "{while_parked:?} {crash:?} at commit {last}");
    !ended
}

#[tokio::test]
async fn every_write_may_be_the_last_one_and_the_order_stays() {
    for while_parked in [WhileParked::Hold, WhileParked::Release] {
        for crash in [Crash::Before, Crash::After] {
            let mut crashes = 0;
            // The first commit keeps the plan; a host that dies there has accepted nothing.
            for last in 1.. {
                if !crash_at(last, crash, while_parked).await {
                    break;
                }
                crashes += 1;
            }
            assert!(crashes >= 10, "only {crashes} writes were tried");
        }
    }
}
