//! `state`: what one run leaves is what the next one reads, through crashes, failures and
//! runs that overlap.

use crate::crash::{Crash, Mortal, before_death};
use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::port::Clock;
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::Engine;
use dowel_engine::state::RunStatus;
use dowel_engine::story::Story;
use dowel_flow::plan::{Jitter, KeptState, KeptValue, Plan, StepKind};
use dowel_testkit::Answer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A flow that asks for everything since the watermark and moves it to the order's id.
fn sync(next: &str) -> Plan {
    let mut step = call(
        "page",
        "crm.get",
        r#"{"since":<$state.watermark>}"#,
        Idempotency::Natural,
    );
    if let StepKind::Call(call) = &mut step.kind {
        call.retry.delay = Duration::from_secs(60);
        call.retry.jitter = Jitter::None;
    }
    Plan {
        state: Some(KeptState {
            values: vec![KeptValue {
                name: "watermark".parse().unwrap(),
                initial: json("0"),
            }],
            next: program(None, &[next]),
        }),
        ..plan(vec![step], "<$state.watermark>")
    }
}

const MOVE: &str = "<$trigger.id>";

fn order(id: u32) -> String {
    format!(r#"{{"id":{id}}}"#)
}

async fn run(engine: &Engine, id: u32) -> Story {
    let accepted = engine.accept(request(&order(id))).await.unwrap();
    story(engine, accepted.run()).await
}

fn read(story: &Story) -> &str {
    story.state.as_ref().unwrap().read.as_str()
}

fn left(story: &Story) -> Option<&str> {
    let state = story.state.as_ref().unwrap();
    state.written.as_ref().map(|values| values.as_str())
}

#[tokio::test]
async fn what_a_run_leaves_is_what_the_next_one_reads() {
    let world = World::default();
    let engine = world.engine(sync(MOVE)).await;
    let first = run(&engine, 7).await;
    assert_eq!(first.status, RunStatus::Succeeded);
    assert_eq!(
        (read(&first), left(&first)),
        (r#"{"watermark":0}"#, Some(r#"{"watermark":7}"#))
    );
    let second = run(&engine, 8).await;
    assert_eq!(read(&second), r#"{"watermark":7}"#);
    assert_eq!(
        second.output.unwrap().as_str(),
        "7",
        "it stays the same to the end of the run"
    );
    let inputs: Vec<String> = world
        .connectors
        .calls()
        .iter()
        .map(|call| call.input.as_str().to_owned())
        .collect();
    assert_eq!(inputs, [r#"{"since":0}"#, r#"{"since":7}"#]);
}

#[tokio::test]
async fn only_success_moves_it() {
    let world = World::default();
    world.connectors.script(
        "crm.get",
        [
            Answer::Fail(ErrorKind::Rejected, SendRecord::Answered),
            Answer::Return(json("{}")),
        ],
    );
    let engine = world.engine(sync(MOVE)).await;
    let failed = run(&engine, 7).await;
    assert_eq!(failed.status, RunStatus::Parked);
    assert_eq!(left(&failed), None);
    assert_eq!(read(&run(&engine, 8).await), r#"{"watermark":0}"#);
}

#[tokio::test]
async fn a_run_whose_next_value_cannot_be_computed_has_not_succeeded() {
    let world = World::default();
    let engine = world.engine(sync("<$boom>")).await;
    let parked = run(&engine, 7).await;
    assert_eq!(parked.status, RunStatus::Parked);
    assert_eq!(parked.error.as_ref().unwrap().code, "DWL-2001");
    assert_eq!(left(&parked), None);
}

#[tokio::test]
async fn of_runs_that_overlap_the_last_success_wins_and_says_so() {
    let world = World::default();
    let answers = [
        Answer::Fail(ErrorKind::RateLimited, SendRecord::Answered),
        Answer::Return(json("{}")),
    ];
    world.connectors.script("crm.get", answers);
    let engine = world.engine(sync(MOVE)).await;
    // The first one waits a minute for its second attempt; the other one is faster.
    let slow = engine.accept(request(&order(7))).await.unwrap().run();
    let fast = run(&engine, 8).await;
    let slow = story(&engine, slow).await;
    assert_eq!(left(&fast), Some(r#"{"watermark":8}"#));
    assert_eq!(read(&slow), r#"{"watermark":0}"#);
    assert_eq!(left(&slow), Some(r#"{"watermark":7}"#));
    let over = slow.state.as_ref().unwrap().over.as_ref();
    assert_eq!(over, Some(&fast.id), "nothing is lost silently");
    assert_eq!(read(&run(&engine, 9).await), r#"{"watermark":7}"#);
}

#[tokio::test]
async fn other_versions_find_what_they_know() {
    let world = World::default();
    run(&world.engine(sync(MOVE)).await, 7).await;
    // Hosts that begin at the same moment would give their runs the same ids.
    later(&world).await;
    let mut other = sync(MOVE);
    let state = other.state.as_mut().unwrap();
    state.values[0].name = "cursor".parse().unwrap();
    state.values[0].initial = json(r#""a""#);
    assert_eq!(
        read(&run(&world.engine(other).await, 8).await),
        r#"{"cursor":"a"}"#
    );
    later(&world).await;
    assert_eq!(
        read(&run(&world.engine(sync(MOVE)).await, 9).await),
        r#"{"watermark":7}"#
    );
}

async fn later(world: &World) {
    let at = world.clock.now().plus(Duration::from_millis(1));
    world.clock.sleep_until(at).await;
}

/// Two runs with a crash at commit `last` of the first host. Returns whether it came to
/// that.
async fn crash_at(last: usize, crash: Crash) -> bool {
    let world = World::default();
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    let first = world.engine_on(Arc::new(store), sync(MOVE)).await;
    let both = async {
        run(&first, 7).await;
        run(&first, 8).await;
    };
    let died = before_death(&dead, both).await.is_none();
    drop(first);
    let next = world.engine(sync(MOVE)).await;
    // Senders without an answer send again.
    let (seven, eight) = (run(&next, 7).await, run(&next, 8).await);
    let why = format!("crash {crash:?} commit {last}");
    for story in [&seven, &eight] {
        assert_eq!(story.status, RunStatus::Succeeded, "{why}");
        assert_eq!(story.state.as_ref().unwrap().over, None, "{why}");
    }
    assert_eq!(
        (read(&seven), left(&seven)),
        (r#"{"watermark":0}"#, Some(r#"{"watermark":7}"#)),
        "{why}"
    );
    assert_eq!(
        (read(&eight), left(&eight)),
        (r#"{"watermark":7}"#, Some(r#"{"watermark":8}"#)),
        "{why}"
    );
    assert_eq!(read(&run(&next, 9).await), r#"{"watermark":8}"#, "{why}");
    died
}

#[tokio::test]
async fn every_write_may_be_the_last_one() {
    for crash in [Crash::Before, Crash::After] {
        let mut crashes = 0;
        for last in 1.. {
            if !crash_at(last, crash).await {
                break;
            }
            crashes += 1;
        }
        // Both intakes and the first success; whether the last one is seen before the host
        // dies is a race that either may win.
        assert!(crashes >= 3, "only {crashes} writes were tried");
    }
}
