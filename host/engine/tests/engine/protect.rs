//! Limits of connections: nothing is lost, no attempt is used up by waiting, and one
//! upstream that hangs takes nothing from the others.

use crate::support::*;
use dowel_core::connection::{BreakerLimits, ConnectionLimits};
use dowel_core::journal::HoldReason;
use dowel_core::manifest::Idempotency;
use dowel_core::port::Clock;
use dowel_core::{ErrorKind, SendRecord, StepId};
use dowel_engine::state::RunStatus;
use dowel_engine::{BreakerState, Engine, EngineOptions, IntakeRequest, Ports};
use dowel_flow::plan::{Branch, Join, Parallel, Plan, StepKind, Wait};
use dowel_testkit::{Answer, ManualClock, SeededRandomness};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const COOLDOWN: Duration = Duration::from_secs(60);

fn breaker(of: u32) -> Option<BreakerLimits> {
    Some(BreakerLimits {
        errors: 10_000,
        of,
        cooldown: COOLDOWN,
    })
}

/// A world whose connection `crm` has these limits.
fn world(limits: ConnectionLimits) -> World {
    World {
        options: EngineOptions {
            limits: [("crm".parse().unwrap(), limits)].into(),
            ..EngineOptions::default()
        },
        ..World::default()
    }
}

/// A flow of one call.
fn one_call(flow: &str, operation: &str) -> Plan {
    let input = r#"{"id":<$trigger.id>}"#;
    let steps = vec![call("ask", operation, input, Idempotency::Natural)];
    Plan {
        flow: flow.parse().unwrap(),
        ..plan(steps, "null")
    }
}

fn asks() -> Plan {
    one_call("test", "crm.get")
}

fn unavailable() -> Answer {
    Answer::Fail(ErrorKind::Unavailable, SendRecord::Sent)
}

fn good() -> Answer {
    Answer::Return(json("{}"))
}

fn order(n: usize) -> String {
    format!(r#"{{"id":"{n:04}"}}"#)
}

async fn accept_all(engine: &Engine, count: usize) -> Vec<dowel_core::RunId> {
    let mut runs = Vec::new();
    for n in 0..count {
        let accepted = engine.accept(request(&order(n))).await.unwrap();
        runs.push(accepted.run());
    }
    runs
}

/// Two steps of a run stand in line, the second one since the first one has stepped aside.
#[tokio::test]
async fn a_turn_that_comes_while_another_step_waits_is_taken() {
    const PATIENCE: Duration = Duration::from_secs(5);
    let world = world(ConnectionLimits {
        concurrency: 1,
        ..ConnectionLimits::default()
    });
    let told = Arc::new(Notify::new());
    let held = Answer::When(told.clone(), json("{}"));
    world.connectors.script("crm.hold", [held]);
    world.connectors.script("crm.get", [good()]);
    let ask = |id: &str| call(id, "crm.get", "{}", Idempotency::Natural);
    let wait = Wait {
        program: program(None, &[]),
        duration: Some(PATIENCE),
        calendar: None,
    };
    let branch = |name: &str, steps| Branch {
        name: StepId::new(name).unwrap(),
        steps,
    };
    let both = Parallel {
        program: program(None, &[]),
        branches: vec![
            branch("left", vec![ask("a")]),
            branch("right", vec![step("pause", StepKind::Wait(wait)), ask("b")]),
        ],
        join: Join::All,
    };
    let waits = plan(vec![step("both", StepKind::Parallel(both))], "null");
    let start = world.clock.now();
    let clock = ManualClock::at(start);
    let ports = Ports {
        store: Arc::new(world.store.clone()),
        invoker: world.connectors.clone(),
        mapper: Arc::new(PathMapper),
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(SeededRandomness::new(7)),
    };
    let plans = vec![one_call("holder", "crm.hold"), waits];
    let engine = Engine::start(ports, world.options.clone(), plans)
        .await
        .unwrap();
    let holder = IntakeRequest::new("holder".parse().unwrap(), "manual", order(1));
    engine.accept(holder).await.unwrap();
    settle().await;
    let run = engine.accept(request(&order(2))).await.unwrap().run();
    settle().await;
    // Now the first one steps aside, and the second one gets in line.
    clock.advance_to(start.plus(PATIENCE));
    settle().await;
    told.notify_one();
    settle().await;
    clock.advance_to(start.plus(PATIENCE * 3));
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Succeeded);
}

#[tokio::test]
async fn a_rate_spreads_calls_in_the_order_of_arrival() {
    let world = world(ConnectionLimits {
        rate: Some("10/m".parse().unwrap()),
        ..ConnectionLimits::default()
    });
    let begin = world.clock.now();
    let engine = world.engine(asks()).await;
    for run in accept_all(&engine, 25).await {
        let story = story(&engine, run).await;
        assert_eq!(story.status, RunStatus::Succeeded);
        assert_eq!(story.steps[0].attempts.len(), 1, "waiting is no attempt");
    }
    // Ten at once, and one each six seconds.
    let passed = world.clock.now().since(begin);
    assert!(passed >= Duration::from_secs(90), "{passed:?}");
    let calls = world.connectors.calls();
    let inputs: Vec<_> = calls.iter().map(|call| call.input.clone()).collect();
    let expected: Vec<_> = (0..25).map(order).collect();
    assert_eq!(inputs, expected);
}

#[tokio::test]
async fn an_open_breaker_makes_runs_wait_without_attempts_and_lets_one_try() {
    let world = world(ConnectionLimits {
        concurrency: 1,
        breaker: breaker(2),
        ..ConnectionLimits::default()
    });
    // Two failures open it, the first call that tries fails, the second one does not.
    let answers = [unavailable(), unavailable(), unavailable(), good()];
    world.connectors.script("crm.get", answers);
    let engine = world.engine(asks()).await;
    let begin = world.clock.now();
    let runs = accept_all(&engine, 12).await;
    let mut held = 0;
    let mut attempts = 0;
    for run in &runs {
        let story = story(&engine, *run).await;
        assert_eq!(story.status, RunStatus::Succeeded);
        let step = &story.steps[0];
        attempts += step.attempts.len();
        held += usize::from(step.held.iter().any(|h| h.reason == HoldReason::Breaker));
    }
    assert_eq!(
        world.calls("crm.get"),
        12 + 3,
        "one call for each, and three failures"
    );
    assert_eq!(attempts, 12 + 3);
    assert!(held >= 10, "{held} runs stepped aside");
    assert!(world.clock.now().since(begin) >= 2 * COOLDOWN);
    let status = engine.connections().remove(0);
    assert_eq!(status.breaker, Some(BreakerState::Closed));
    assert_eq!((status.in_flight, status.waiting), (0, 0));
}

#[tokio::test]
async fn business_errors_do_not_open_a_breaker() {
    let world = world(ConnectionLimits {
        breaker: breaker(2),
        ..ConnectionLimits::default()
    });
    let refused = Answer::Fail(ErrorKind::Rejected, SendRecord::Answered);
    world.connectors.script("crm.get", [refused]);
    let engine = world.engine(asks()).await;
    for run in accept_all(&engine, 5).await {
        engine.settled(run).await.unwrap();
    }
    assert_eq!(world.calls("crm.get"), 5);
    let status = engine.connections().remove(0);
    assert_eq!(status.breaker, Some(BreakerState::Closed));
}

#[tokio::test]
async fn a_429_of_one_call_pauses_the_connection_for_all() {
    let world = world(ConnectionLimits {
        concurrency: 1,
        ..ConnectionLimits::default()
    });
    world
        .connectors
        .script("crm.get", [Answer::RateLimited(30_000), good()]);
    let engine = world.engine(asks()).await;
    let begin = world.clock.now();
    let runs = accept_all(&engine, 3).await;
    let second = story(&engine, runs[1]).await;
    assert_eq!(second.steps[0].attempts.len(), 1);
    let asked = second.steps[0].attempts[0].started_at;
    assert!(
        asked.since(begin) >= Duration::from_secs(30),
        "it was paused, too"
    );
}

#[tokio::test]
async fn a_run_that_waits_for_a_breaker_goes_on_after_a_restart() {
    let world = world(ConnectionLimits {
        concurrency: 1,
        breaker: breaker(1),
        ..ConnectionLimits::default()
    });
    world
        .connectors
        .script("crm.get", [unavailable(), Answer::Hang]);
    let engine = world.engine(asks()).await;
    let runs = accept_all(&engine, 4).await;
    settle().await;
    // The call that tries hangs, so the breaker stays as it is and nobody goes on.
    assert_eq!(
        engine.connections()[0].breaker,
        Some(BreakerState::HalfOpen)
    );
    for run in &runs[1..] {
        let story = engine.story(*run).await.unwrap().unwrap();
        assert!(!story.status.is_at_rest());
    }
    drop(engine);
    world.connectors.script("crm.get", [good()]);
    let engine = world.engine(asks()).await;
    for run in runs {
        assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    }
}

#[tokio::test]
async fn an_upstream_that_hangs_takes_nothing_from_another_flow() {
    let mut world = world(ConnectionLimits {
        concurrency: 4,
        ..ConnectionLimits::default()
    });
    // Fewer places for work than runs that hang or wait for their turn.
    world.options.max_running = 2;
    world.connectors.script("crm.get", [Answer::Hang]);
    let store = Arc::new(world.store.clone());
    let plans = vec![one_call("slow", "crm.get"), one_call("test", "erp.create")];
    let engine = world.engine_of(store, plans).await;
    for n in 0..50 {
        let mut event = request(&order(n));
        event.flow = "slow".parse().unwrap();
        engine.accept(event).await.unwrap();
    }
    for run in accept_all(&engine, 50).await {
        assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    }
    assert_eq!(world.calls("crm.get"), 4, "the limit of the connection");
    settle().await;
    let status = engine.connections();
    let crm = status
        .iter()
        .find(|s| s.connection.as_str() == "crm")
        .unwrap();
    assert_eq!((crm.in_flight, crm.waiting), (4, 46));
}
