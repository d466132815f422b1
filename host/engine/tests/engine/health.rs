//! Runs that are stuck, and what the metrics tell of flows.

use crate::support::*;
use dowel_core::ErrorKind;
use dowel_core::SendRecord;
use dowel_core::manifest::Idempotency;
use dowel_core::port::{Batch, Store as _};
use dowel_core::{RunId, Timestamp};
use dowel_engine::state::RunStatus;
use dowel_engine::{Engine, Ports, StuckRun};
use dowel_flow::plan::{Plan, Sla, Step, StepKind, Wait};
use dowel_testkit::{Answer, ManualClock, SeededRandomness};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn a_day() -> Step {
    let wait = Wait {
        program: program(None, &[]),
        duration: Some(MINUTE * 24 * 60),
        calendar: None,
    };
    step("pause", StepKind::Wait(wait))
}

async fn engine(world: &World, clock: &ManualClock, plan: Plan) -> Engine {
    let ports = Ports {
        store: Arc::new(world.store.clone()),
        invoker: world.connectors.clone(),
        mapper: Arc::new(PathMapper),
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(SeededRandomness::new(7)),
    };
    Engine::start(ports, world.options.clone(), vec![plan])
        .await
        .unwrap()
}

async fn stuck(engine: &Engine) -> Vec<(RunId, &'static str)> {
    let found = engine.stuck_runs().await.unwrap();
    assert!(!found.is_cut);
    let name = |one: StuckRun| {
        assert_eq!(one.flow.as_str(), "test");
        (one.run, one.state)
    };
    found.runs.into_iter().map(name).collect()
}

async fn shown(engine: &Engine) -> String {
    engine.refresh_metrics().await.unwrap();
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

#[tokio::test]
async fn a_run_whose_timer_was_lost_is_stuck_and_one_that_waits_is_not() {
    let world = World::default();
    let start = Timestamp::parse("2026-03-01T09:00:00Z").unwrap();
    let clock = ManualClock::at(start);
    let engine = engine(&world, &clock, plan(vec![a_day()], "null")).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    clock.advance_to(start.plus(MINUTE * 60));
    settle().await;
    assert_eq!(stuck(&engine).await, []);
    // Its mark says that it was due, and nobody in this host knows of it.
    let due = start.plus(MINUTE * 50).as_millis().to_be_bytes().to_vec();
    let key = [b"a".to_vec(), run.as_u128().to_be_bytes().to_vec()].concat();
    assert!(world.store.get(&key).await.unwrap().is_some());
    let mut batch = Batch::default();
    batch.put(key, due);
    world.store.commit(batch).await.unwrap();
    clock.advance_to(start.plus(MINUTE * 64));
    assert_eq!(stuck(&engine).await, [], "it may only be late");
    clock.advance_to(start.plus(MINUTE * 65));
    assert_eq!(stuck(&engine).await, [(run, "lost")]);
    let text = shown(&engine).await;
    assert!(text.contains("\ndowel_runs_stuck 1\n"), "{text}");
}

#[tokio::test]
async fn a_run_of_a_flow_with_a_promise_is_stuck_sooner() {
    let world = World::default();
    world.connectors.script("crm.get", [Answer::Hang]);
    let start = Timestamp::parse("2026-03-01T09:00:00Z").unwrap();
    let clock = ManualClock::at(start);
    let asks = call("ask", "crm.get", "{}", Idempotency::Natural);
    let mut plan = plan(vec![asks], "null");
    plan.sla = Some(Sla {
        within: Some(MINUTE * 5),
        resolve: None,
        success: None,
    });
    let engine = engine(&world, &clock, plan).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    clock.advance_to(start.plus(MINUTE * 4));
    assert_eq!(stuck(&engine).await, []);
    clock.advance_to(start.plus(MINUTE * 6));
    assert_eq!(stuck(&engine).await, [(run, "working")]);
}

#[tokio::test]
async fn a_call_without_an_end_makes_a_run_stuck_after_an_hour() {
    let world = World::default();
    world.connectors.script("crm.get", [Answer::Hang]);
    let start = Timestamp::parse("2026-03-01T09:00:00Z").unwrap();
    let clock = ManualClock::at(start);
    let asks = call("ask", "crm.get", "{}", Idempotency::Natural);
    let engine = engine(&world, &clock, plan(vec![asks], "null")).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    clock.advance_to(start.plus(MINUTE * 59));
    assert_eq!(stuck(&engine).await, []);
    clock.advance_to(start.plus(MINUTE * 61));
    assert_eq!(stuck(&engine).await, [(run, "working")]);
}

#[tokio::test]
async fn the_metrics_tell_what_is_promised_and_what_waits() {
    let world = World::default();
    let busy = Answer::Fail(ErrorKind::Unavailable, SendRecord::NotSent);
    let no = Answer::Fail(ErrorKind::Rejected, SendRecord::Sent);
    world.connectors.script("erp.create", [busy, no]);
    let pays = call("pay", "erp.create", "{}", Idempotency::Keyed);
    let mut plan = plan(vec![pays], "null");
    plan.sla = Some(Sla {
        within: Some(Duration::from_millis(1)),
        resolve: None,
        success: dowel_core::units::Share::parse("99.5%"),
    });
    let engine = world.engine(plan).await;
    let before = shown(&engine).await;
    for line in [
        "dowel_runs_ended_total{flow=\"test\",status=\"parked\"} 0\n",
        "dowel_runs_late_total{flow=\"test\"} 0\n",
        "dowel_exceptions_open{flow=\"test\"} 0\n",
        "dowel_slo_success_ratio{flow=\"test\"} 0.995\n",
        "dowel_slo_within_seconds{flow=\"test\"} 0.001\n",
        "dowel_runs_backlog_limit 10000\n",
    ] {
        assert!(before.contains(line), "{line}{before}");
    }
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Parked);
    world.clock.advance(MINUTE);
    let after = shown(&engine).await;
    for line in [
        "dowel_runs_ended_total{flow=\"test\",status=\"parked\"} 1\n",
        "dowel_runs_late_total{flow=\"test\"} 1\n",
        "dowel_exceptions_open{flow=\"test\"} 1\n",
        "dowel_exceptions_oldest_age_seconds{flow=\"test\"} 60.0\n",
        "dowel_call_retries_total{connection=\"erp\"} 1\n",
        "dowel_call_duration_seconds_count{connection=\"erp\"} 2\n",
    ] {
        assert!(after.contains(line), "{line}{after}");
    }
}
