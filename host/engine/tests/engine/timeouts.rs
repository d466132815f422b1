//! `timeout`, `deadline` and `retry.max_elapsed`.

use crate::crash::{Crash, Mortal};
use crate::support::*;
use dowel_core::manifest::Idempotency::Keyed;
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::story::Story;
use dowel_flow::plan::{Plan, RunLimits, Step, StepKind, Wait};
use dowel_testkit::Answer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const HOUR: Duration = Duration::from_secs(3_600);

fn wait(hours: u32) -> Step {
    step(
        "pause",
        StepKind::Wait(Wait {
            calendar: None,
            program: program(None, &[]),
            duration: Some(HOUR * hours),
        }),
    )
}

fn limited(steps: Vec<Step>, limits: RunLimits) -> Plan {
    Plan {
        limits,
        ..plan(steps, "null")
    }
}

const fn deadline(hours: u32) -> RunLimits {
    RunLimits {
        timeout: None,
        deadline: Some(HOUR.saturating_mul(hours)),
    }
}

const fn timeout(after: Duration) -> RunLimits {
    RunLimits {
        timeout: Some(after),
        deadline: None,
    }
}

/// A call that is tried again after two hours.
fn slow_retry() -> Step {
    let mut step = call("invoice", "erp.create", "{}", Keyed);
    if let StepKind::Call(call) = &mut step.kind {
        call.retry.delay = HOUR * 2;
        call.retry.max_delay = HOUR * 2;
        call.retry.jitter = dowel_flow::plan::Jitter::None;
    }
    step
}

fn unavailable() -> [Answer; 2] {
    [
        Answer::Fail(ErrorKind::Unavailable, SendRecord::NotSent),
        Answer::Return(json("{}")),
    ]
}

fn check(story: Story, status: RunStatus, code: Option<&str>) {
    assert_eq!(story.status, status, "{:?}", story.error);
    assert_eq!(story.error.map(|error| error.code).as_deref(), code);
}

#[tokio::test]
async fn a_deadline_is_by_the_clock() {
    let world = World::default();
    let story = world.run(limited(vec![wait(3)], deadline(2)), ORDER).await;
    check(story, RunStatus::Parked, Some("DWL-2304"));
    let world = World::default();
    let story = world.run(limited(vec![wait(3)], deadline(4)), ORDER).await;
    check(story, RunStatus::Succeeded, None);
}

#[tokio::test]
async fn a_timeout_counts_retries_and_no_waits() {
    let world = World::default();
    let story = world
        .run(limited(vec![wait(3)], timeout(HOUR)), ORDER)
        .await;
    check(story, RunStatus::Succeeded, None);
    for (limit, status, code) in [
        (HOUR, RunStatus::Parked, Some("DWL-2394")),
        (HOUR * 3, RunStatus::Succeeded, None),
    ] {
        let world = World::default();
        world.connectors.script("erp.create", unavailable());
        let plan = limited(vec![slow_retry()], timeout(limit));
        check(world.run(plan, ORDER).await, status, code);
    }
}

#[tokio::test]
async fn a_limit_compensates_where_the_flow_says_so_and_undoing_has_its_own_time() {
    let world = World::default();
    let mut made = call("made", "erp.create", "{}", Keyed);
    let mut undo = call("made", "erp.void", "{}", Keyed);
    if let StepKind::Call(call) = &mut undo.kind {
        call.retry.delay = HOUR * 5;
        call.retry.max_delay = HOUR * 5;
    }
    made.compensate = Some(Box::new(undo));
    world.connectors.script("erp.void", unavailable());
    let mut plan = limited(vec![made, wait(3)], deadline(2));
    plan.on_failure.compensate = vec![ErrorKind::Timeout];
    check(
        world.run(plan, ORDER).await,
        RunStatus::Compensated,
        Some("DWL-2304"),
    );
    assert_eq!(world.calls("erp.void"), 2);
}

#[tokio::test]
async fn a_deadline_fires_after_a_restart() {
    let plan = || limited(vec![wait(3)], deadline(2));
    let world = World::default();
    let dead = Arc::new(Notify::new());
    // Commits: plan, intake, the wait with its timer; dies when it would record the end.
    let store = Mortal::new(&world.store, 3, Crash::Before, &dead);
    let first = world.engine_on(Arc::new(store), plan()).await;
    let run = first.accept(request(ORDER)).await.unwrap().run();
    dead.notified().await;
    let engine = world.engine(plan()).await;
    check(
        story(&engine, run).await,
        RunStatus::Parked,
        Some("DWL-2304"),
    );
}

#[tokio::test]
async fn retries_end_with_their_longest_time() {
    let world = World::default();
    world.connectors.script("erp.create", unavailable());
    let mut step = slow_retry();
    if let StepKind::Call(call) = &mut step.kind {
        call.retry.max_elapsed = Some(HOUR);
    }
    let story = world.run(plan(vec![step], "null"), ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
    assert_eq!(world.calls("erp.create"), 1);
}
