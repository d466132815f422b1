//! Schedules: every fire becomes exactly one run, through crashes, downtimes, new
//! versions and runs that take too long.

use crate::crash::{Crash, Mortal};
use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::port::Store;
use dowel_core::{ErrorKind, SendRecord, Timestamp};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    Engine, EngineOptions, Ports, RunSummary, RunsQuery, ScheduleStatus, Schedules,
};
use dowel_flow::plan::{Plan, StepKind, Trigger, TriggerKind};
use dowel_flow::schedule::{Cron, Misfire, Overlap, Rhythm, Schedule, Zone};
use dowel_testkit::{Answer, ManualClock, SeededRandomness};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Long enough for everything that is ready to happen.
async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn daily(misfire: Misfire, overlap: Overlap) -> Schedule {
    Schedule {
        rhythm: Rhythm::Cron {
            cron: Cron::parse("30 2 * * *").unwrap(),
            timezone: Zone::new("Europe/Berlin").unwrap(),
        },
        misfire,
        overlap,
        calendar: None,
        jitter: Duration::ZERO,
    }
}

pub(crate) fn scheduled(schedule: Schedule) -> Plan {
    let mut plan = plan(
        vec![set(
            "note",
            r#"{"planned":<$trigger.scheduled_at>,"time":<$event.time>}"#,
        )],
        "<$steps.note>",
    );
    plan.dedupe = None;
    plan.triggers = vec![Trigger {
        name: "nightly".to_owned(),
        schema: None,
        kind: TriggerKind::Schedule(schedule),
        sensitive: Vec::new(),
    }];
    plan
}

/// A plan whose run waits an hour before it ends.
fn slow(schedule: Schedule) -> Plan {
    let mut step = call("slow", "crm.get", "{}", Idempotency::Natural);
    if let StepKind::Call(call) = &mut step.kind {
        call.retry.delay = Duration::from_secs(3_600);
        call.retry.max_delay = Duration::from_secs(3_600);
        call.retry.jitter = dowel_flow::plan::Jitter::None;
    }
    Plan {
        steps: vec![step],
        output: None,
        ..scheduled(schedule)
    }
}

/// A world whose time the test moves.
pub(crate) struct Times {
    pub(crate) world: World,
    pub(crate) clock: ManualClock,
    options: EngineOptions,
}

impl Times {
    pub(crate) fn from(start: &str) -> Self {
        Self {
            world: World::default(),
            clock: ManualClock::at(at(start)),
            options: EngineOptions {
                schedules: Schedules::Fire,
                ..EngineOptions::default()
            },
        }
    }

    pub(crate) async fn engine_on(&self, store: Arc<dyn Store>, plans: Vec<Plan>) -> Engine {
        let ports = Ports {
            store,
            invoker: self.world.connectors.clone(),
            mapper: Arc::new(PathMapper),
            clock: Arc::new(self.clock.clone()),
            randomness: Arc::new(SeededRandomness::new(7)),
        };
        let engine = Engine::start(ports, self.options.clone(), plans);
        let engine = engine.await.unwrap();
        settle().await;
        engine
    }

    pub(crate) async fn engine(&self, plan: Plan) -> Engine {
        self.engine_on(Arc::new(self.world.store.clone()), vec![plan])
            .await
    }

    pub(crate) async fn go(&self, to: &str) {
        self.clock.advance_to(at(to));
        settle().await;
    }
}

/// The runs, the oldest first.
pub(crate) async fn runs(engine: &Engine) -> Vec<RunSummary> {
    let query = RunsQuery {
        limit: 500,
        ..RunsQuery::default()
    };
    let mut runs = engine.runs(&query).await.unwrap().runs;
    runs.reverse();
    runs
}

/// The planned times of the runs, from their keys, in order.
pub(crate) async fn planned(engine: &Engine) -> Vec<String> {
    let keys = runs(engine)
        .await
        .into_iter()
        .map(|run| run.dedupe_key.unwrap());
    let mut times: Vec<String> = keys
        .map(|key| key.strip_prefix("test/nightly/").unwrap().to_owned())
        .collect();
    // Runs that begin in the same millisecond have no order.
    times.sort();
    times
}

async fn only(engine: &Engine) -> ScheduleStatus {
    engine.schedules().await.unwrap().remove(0)
}

#[tokio::test]
async fn a_fire_is_a_run_with_its_planned_time() {
    let times = Times::from("2026-03-28T12:00:00Z");
    let engine = times
        .engine(scheduled(daily(Misfire::Once, Overlap::Queue)))
        .await;
    assert_eq!(only(&engine).await.next, Some(at("2026-03-29T01:00:00Z")));
    times.go("2026-03-29T00:59:59Z").await;
    assert!(runs(&engine).await.is_empty());
    // The night on which 02:30 does not exist; and the host is twenty seconds late.
    times.go("2026-03-29T01:00:20Z").await;
    let run = runs(&engine).await.remove(0);
    let story = engine.story(run.id).await.unwrap().unwrap();
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(story.trigger, "nightly");
    let payload =
        r#"{"scheduled_at":"2026-03-29T01:00:00.000Z","fired_at":"2026-03-29T01:00:20.000Z"}"#;
    assert_eq!(story.payload.as_str(), payload);
    let output = r#"{"planned":"2026-03-29T01:00:00.000Z","time":"2026-03-29T01:00:00.000Z"}"#;
    assert_eq!(story.output.unwrap().as_str(), output);
    let status = only(&engine).await;
    let last = status.last.unwrap();
    assert_eq!(
        (last.planned, last.run),
        (at("2026-03-29T01:00:00Z"), run.id)
    );
    assert_eq!(status.next, Some(at("2026-03-30T00:30:00Z")));
    // The night on which it comes twice.
    times.go("2026-10-25T00:29:00Z").await;
    let before = runs(&engine).await.len();
    times.go("2026-10-25T00:30:00Z").await;
    times.go("2026-10-25T01:30:00Z").await;
    times.go("2026-10-26T01:29:00Z").await;
    assert_eq!(runs(&engine).await.len(), before + 1);
}

/// Fires of three nights with a crash at commit `last` of the first host. Returns whether
/// it came to that.
async fn crash_at(last: usize, crash: Crash) -> bool {
    let times = Times::from("2026-03-01T12:00:00Z");
    let plan = || scheduled(daily(Misfire::All, Overlap::Queue));
    let nights = [
        "2026-03-02T01:30:00Z",
        "2026-03-03T01:30:00Z",
        "2026-03-04T01:30:00Z",
    ];
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&times.world.store, last, crash, &dead);
    let first = times.engine_on(Arc::new(store), vec![plan()]).await;
    for night in nights {
        times.go(night).await;
    }
    let came_to_it = futures_util::FutureExt::now_or_never(dead.notified()).is_some();
    drop(first);
    let next = times.engine(plan()).await;
    let expected = nights.map(|night| at(night).to_string());
    assert_eq!(
        planned(&next).await,
        expected,
        "crash {crash:?} commit {last}"
    );
    let all = runs(&next).await;
    assert!(all.iter().all(|run| run.status == RunStatus::Succeeded));
    came_to_it
}

#[tokio::test]
async fn every_write_may_be_the_last_one_and_each_fire_is_made_once() {
    for crash in [Crash::Before, Crash::After] {
        let mut crashes = 0;
        // Commit 0 keeps the plan, commit 1 makes the position: before that nothing is
        // promised.
        for last in 2.. {
            if !crash_at(last, crash).await {
                break;
            }
            crashes += 1;
        }
        assert!(crashes >= 6, "only {crashes} writes were tried");
    }
}

#[tokio::test]
async fn after_a_downtime_the_rule_of_the_flow_holds() {
    for (misfire, expected) in [(Misfire::Skip, 0), (Misfire::Once, 1), (Misfire::All, 4)] {
        let times = Times::from("2026-03-01T12:00:00Z");
        let plan = || scheduled(daily(misfire, Overlap::Queue));
        let engine = times.engine(plan()).await;
        engine.drain(Duration::from_secs(1)).await;
        times.go("2026-03-05T12:00:00Z").await;
        let engine = times.engine(plan()).await;
        assert_eq!(runs(&engine).await.len(), expected, "{misfire:?}");
        // And the next one is on time again.
        times.go("2026-03-06T01:30:00Z").await;
        assert_eq!(runs(&engine).await.len(), expected + 1, "{misfire:?}");
    }
}

#[tokio::test]
async fn a_new_version_never_fires_again() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let schedule = || daily(Misfire::All, Overlap::Queue);
    let engine = times.engine(scheduled(schedule())).await;
    times.go("2026-03-02T01:30:00Z").await;
    engine.drain(Duration::from_secs(1)).await;
    let next = Plan {
        version: "2.0.0".parse().unwrap(),
        ..scheduled(schedule())
    };
    let engine = times.engine(next).await;
    times.go("2026-03-02T08:00:00Z").await;
    assert_eq!(runs(&engine).await.len(), 1);
    engine.drain(Duration::from_secs(1)).await;
    // Another time of the day, which has passed already: it begins tomorrow.
    let mut earlier = schedule();
    earlier.rhythm = Rhythm::Cron {
        cron: Cron::parse("0 5 * * *").unwrap(),
        timezone: Zone::new("UTC").unwrap(),
    };
    let engine = times.engine(scheduled(earlier)).await;
    assert_eq!(runs(&engine).await.len(), 1);
    times.go("2026-03-03T05:00:00Z").await;
    assert_eq!(runs(&engine).await.len(), 2);
}

#[tokio::test]
async fn a_flow_that_is_away_does_not_fire_and_begins_anew() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let plan = || scheduled(daily(Misfire::All, Overlap::Queue));
    times
        .engine(plan())
        .await
        .drain(Duration::from_secs(1))
        .await;
    let store = || Arc::new(times.world.store.clone());
    let without = times.engine_on(store(), Vec::new()).await;
    times.go("2026-03-05T12:00:00Z").await;
    assert!(without.schedules().await.unwrap().is_empty());
    without.drain(Duration::from_secs(1)).await;
    let engine = times.engine(plan()).await;
    assert!(
        runs(&engine).await.is_empty(),
        "what was not wanted is not made up for"
    );
    times.go("2026-03-06T01:30:00Z").await;
    assert_eq!(runs(&engine).await.len(), 1);
}

#[tokio::test]
async fn a_fire_waits_for_the_run_before_also_over_a_restart() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let hourly = || Schedule {
        rhythm: Rhythm::Every(Duration::from_secs(1_800)),
        ..daily(Misfire::Once, Overlap::Queue)
    };
    let fail = || Answer::Fail(ErrorKind::RateLimited, SendRecord::Answered);
    let answers = [
        fail(),
        Answer::Return(json("{}")),
        fail(),
        Answer::Return(json("{}")),
    ];
    times.world.connectors.script("crm.get", answers);
    let engine = times.engine(slow(hourly())).await;
    times.go("2026-03-01T12:30:00Z").await;
    times.go("2026-03-01T13:00:00Z").await;
    assert_eq!(
        runs(&engine).await.len(),
        1,
        "the first one waits for its upstream"
    );
    assert_eq!(only(&engine).await.waiting, [at("2026-03-01T13:00:00Z")]);
    engine.drain(Duration::from_secs(1)).await;
    let engine = times.engine(slow(hourly())).await;
    assert_eq!(runs(&engine).await.len(), 1);
    times.go("2026-03-01T13:30:00Z").await;
    let expected = ["2026-03-01T12:30:00.000Z", "2026-03-01T13:00:00.000Z"];
    assert_eq!(
        planned(&engine).await,
        expected,
        "its end lets the next one go"
    );
    assert_eq!(only(&engine).await.waiting, [at("2026-03-01T13:30:00Z")]);
}

#[tokio::test]
async fn a_fire_during_the_run_before_can_be_left_out() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let schedule = Schedule {
        rhythm: Rhythm::Every(Duration::from_secs(1_200)),
        ..daily(Misfire::Once, Overlap::Skip)
    };
    let fail = Answer::Fail(ErrorKind::RateLimited, SendRecord::Answered);
    let answers = [fail, Answer::Return(json("{}"))];
    times.world.connectors.script("crm.get", answers);
    let engine = times.engine(slow(schedule)).await;
    for time in ["12:20", "12:40", "13:00", "13:20", "13:40"] {
        times.go(&format!("2026-03-01T{time}:00Z")).await;
    }
    // The run of 12:20 ends at 13:20, just when that fire is due.
    let status = only(&engine).await;
    let (_, until) = status.left_out.unwrap();
    assert!(until >= at("2026-03-01T13:00:00Z"));
    let planned = planned(&engine).await;
    assert_eq!(planned[0], "2026-03-01T12:20:00.000Z");
    assert!(!planned.contains(&"2026-03-01T12:40:00.000Z".to_owned()));
    assert_eq!(planned.last().unwrap(), "2026-03-01T13:40:00.000Z");
}

#[tokio::test]
async fn a_fire_that_intake_refuses_is_made_later() {
    let mut times = Times::from("2026-03-01T12:00:00Z");
    times.options.max_backlog = 0;
    let plan = || scheduled(daily(Misfire::Skip, Overlap::Queue));
    let engine = times.engine(plan()).await;
    times.go("2026-03-02T01:30:00Z").await;
    times.go("2026-03-02T01:40:00Z").await;
    assert!(runs(&engine).await.is_empty());
    assert_eq!(only(&engine).await.waiting, [at("2026-03-02T01:30:00Z")]);
    engine.drain(Duration::from_secs(1)).await;
    times.options.max_backlog = 10;
    let engine = times.engine(plan()).await;
    assert_eq!(planned(&engine).await, ["2026-03-02T01:30:00.000Z"]);
}

#[tokio::test]
async fn a_lost_position_does_not_fire_again() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let plan = || scheduled(daily(Misfire::All, Overlap::Queue));
    let engine = times.engine(plan()).await;
    let before = position(&times).await;
    times.go("2026-03-02T01:30:00Z").await;
    engine.drain(Duration::from_secs(1)).await;
    let mut batch = dowel_core::port::Batch::default();
    batch.put(before.0, before.1);
    times.world.store.commit(batch).await.unwrap();
    let engine = times.engine(plan()).await;
    assert_eq!(
        runs(&engine).await.len(),
        1,
        "the key of the fire remembers it"
    );
    assert_eq!(
        only(&engine).await.last.unwrap().run,
        runs(&engine).await[0].id
    );
}

async fn position(times: &Times) -> (Vec<u8>, Vec<u8>) {
    let scan = dowel_core::port::Scan::prefix("ttest", 10);
    times.world.store.scan(scan).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_fire_may_take_the_place_of_the_run_before() {
    let times = Times::from("2026-03-01T12:00:00Z");
    let wait = StepKind::Wait(dowel_flow::plan::Wait {
        program: program(None, &[]),
        duration: Some(Duration::from_secs(30 * 3_600)),
        calendar: None,
    });
    let plan = Plan {
        steps: vec![step("wait", wait)],
        output: None,
        ..scheduled(daily(Misfire::Once, Overlap::CancelRunning))
    };
    let engine = times.engine(plan).await;
    times.go("2026-03-02T01:30:00Z").await;
    let first = runs(&engine).await.remove(0).id;
    assert_eq!(runs(&engine).await.len(), 1);
    times.go("2026-03-03T01:30:00Z").await;
    assert_eq!(engine.settled(first).await.unwrap(), RunStatus::Cancelled);
    let story = engine.story(first).await.unwrap().unwrap();
    assert_eq!(story.decisions[0].actor, "schedule nightly");
    while runs(&engine).await.len() < 2 {
        tokio::task::yield_now().await;
    }
    let second = runs(&engine).await.remove(1);
    assert_eq!(
        planned(&engine).await,
        ["2026-03-02T01:30:00.000Z", "2026-03-03T01:30:00.000Z"]
    );
    // A run that has ended by then is left alone: its successor has cancelled nothing.
    assert!(
        engine
            .story(second.id)
            .await
            .unwrap()
            .unwrap()
            .decisions
            .is_empty()
    );
}
