//! The host stops before or after any write of a parent or of its child: one child for
//! each attempt, and its end arrives exactly once.

use crate::crash::{Crash, Mortal};
use crate::subflow::{
    child, child_of, child_step, children, command, named, parent, run_flow, running, start,
    step_that_asks_nobody, told, waiting,
};
use crate::support::*;
use dowel_core::journal::Command;
use dowel_core::manifest::Idempotency::Natural;
use dowel_core::{ErrorKind, RunId};
use dowel_engine::Engine;
use dowel_engine::state::RunStatus;
use dowel_flow::plan::{Plan, StepKind};
use dowel_testkit::Answer;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Runs until commit `last` of the first host, and then to the end on a second one. `act`
/// is done with the run on the first host. `None` if it did not come to that commit.
async fn crash_at(
    world: &World,
    plans: &[Plan],
    (last, crash): (usize, Crash),
    act: impl AsyncFn(&Engine, RunId),
) -> Option<(Engine, RunId)> {
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    let first = world.engine_of(Arc::new(store), plans.to_vec()).await;
    let work = async {
        let run = first.accept(request(ORDER)).await.unwrap().run();
        act(&first, run).await;
        first.settled(run).await.unwrap();
    };
    tokio::select! {
        biased;
        () = dead.notified() => {}
        () = work => return None,
    }
    let engine = start(world, plans.to_vec()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    Some((engine, run))
}

/// One run for each child of the step, counted from 1.
async fn check_children(engine: &Engine) {
    let mut attempts = Vec::new();
    for child in children(engine).await {
        attempts.push(told(engine, child.id).await.parent.unwrap().attempt);
    }
    attempts.sort_unstable();
    let expected: Vec<u32> = (1..).take(attempts.len()).collect();
    assert_eq!(attempts, expected);
}

const BOTH: [Crash; 2] = [Crash::Before, Crash::After];

#[tokio::test]
async fn a_child_is_begun_once_and_its_end_arrives_once() {
    for crash in BOTH {
        let mut crashes = 0;
        for last in 2.. {
            let world = World::default();
            let plans = [parent(vec![child_step("charge")]), child()];
            let nothing = async |_: &Engine, _: RunId| {};
            let ended = crash_at(&world, &plans, (last, crash), nothing).await;
            let Some((engine, run)) = ended else { break };
            let story = story(&engine, run).await;
            assert_eq!(story.status, RunStatus::Succeeded, "{crash:?} {last}");
            assert_eq!(story.output.unwrap().as_str(), r#"{"child":"INV-1"}"#);
            assert_eq!(children(&engine).await.len(), 1, "{crash:?} {last}");
            let keys: BTreeSet<String> = world
                .connectors
                .calls()
                .into_iter()
                .map(|call| call.key)
                .collect();
            assert_eq!(keys.len(), 1, "the same key after a restart");
            crashes += 1;
        }
        assert!(crashes >= 5, "only {crashes} writes were tried");
    }
}

#[tokio::test]
async fn each_attempt_has_one_child() {
    for crash in BOTH {
        let mut crashes = 0;
        for last in 2.. {
            let world = World::default();
            let bad = Answer::Return(json(r#"{"bad":true}"#));
            let good = Answer::Return(json("{}"));
            world.connectors.script("crm.get", [bad, good]);
            let look = call("look", "crm.get", "{}", Natural);
            let fail = step(
                "no",
                StepKind::Fail {
                    kind: ErrorKind::Unavailable,
                    code: "bad".to_owned(),
                    program: program(Some("$steps.look.bad"), &[r#""bad""#, "null"]),
                },
            );
            let below = named("child", plan(vec![look, fail], r#"{"paid":1}"#));
            let mut run = run_flow("child", r#"{"id":1}"#);
            run.retry.attempts = 3;
            let plans = [parent(vec![running("charge", run)]), below];
            let nothing = async |_: &Engine, _: RunId| {};
            let ended = crash_at(&world, &plans, (last, crash), nothing).await;
            let Some((engine, run)) = ended else { break };
            let story = story(&engine, run).await;
            assert_eq!(story.status, RunStatus::Succeeded, "{crash:?} {last}");
            check_children(&engine).await;
            crashes += 1;
        }
        assert!(crashes >= 7, "only {crashes} writes were tried");
    }
}

#[tokio::test]
async fn a_cancellation_reaches_the_child_over_every_crash() {
    for crash in BOTH {
        let mut crashes = 0;
        for last in 2.. {
            let world = World::default();
            let below = named("child", plan(vec![step_that_asks_nobody()], "null"));
            let plans = [parent(vec![child_step("charge")]), below];
            let cancel = async |engine: &Engine, run: RunId| {
                let child = child_of(engine, run, "charge").await;
                while told(engine, child).await.status != RunStatus::Waiting {
                    tokio::task::yield_now().await;
                }
                command(engine, run, Command::Cancel { compensate: true }).await;
            };
            let ended = crash_at(&world, &plans, (last, crash), cancel).await;
            let Some((engine, run)) = ended else { break };
            settle().await;
            let story = told(&engine, run).await;
            if story.decisions.is_empty() {
                // Nobody was told that it would be done.
                cancel(&engine, run).await;
            }
            assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Cancelled);
            let ends = children(&engine).await;
            assert_eq!(ends.len(), 1);
            assert_eq!(ends[0].status, RunStatus::Cancelled, "{crash:?} {last}");
            crashes += 1;
        }
        assert!(crashes >= 6, "only {crashes} writes were tried");
    }
}

#[tokio::test]
async fn a_timeout_is_one_over_every_crash() {
    for crash in BOTH {
        let mut crashes = 0;
        for last in 2.. {
            let world = World::default();
            let below = named("child", plan(vec![waiting("w")], "null"));
            let mut run = run_flow("child", r#"{"id":1}"#);
            // Within the window of the dedupe key, by which the run is found again.
            run.timeout = Some(Duration::from_secs(30));
            let plans = [parent(vec![running("charge", run)]), below];
            let nothing = async |_: &Engine, _: RunId| {};
            let ended = crash_at(&world, &plans, (last, crash), nothing).await;
            let Some((engine, run)) = ended else { break };
            let story = story(&engine, run).await;
            assert_eq!(
                story.error.unwrap().kind,
                ErrorKind::Timeout,
                "{crash:?} {last}"
            );
            let ends = children(&engine).await;
            assert_eq!(ends.len(), 1);
            assert_eq!(ends[0].status, RunStatus::Cancelled);
            crashes += 1;
        }
        assert!(crashes >= 6, "only {crashes} writes were tried");
    }
}
