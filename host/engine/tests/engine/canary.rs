//! A new version gets a share of the runs, and the numbers take it back.

use crate::rollout::settings;
use crate::support::*;
use dowel_core::code::upgrade::{CANARY_REFUSED, NO_SUCH_CANARY};
use dowel_core::port::Clock;
use dowel_core::units::Share;
use dowel_core::{Digest, ErrorKind, RunId};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    AuditQuery, Canary, CanaryEnd, CanaryError, CanaryLimits, CanaryState, CanaryTerms, Candidate,
    ChangeRule, Deciding, Engine, Verdict,
};
use dowel_flow::plan::{Plan, StepKind, Wait};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::time::Duration;

fn by(actor: &str) -> Deciding {
    Deciding {
        actor: actor.to_owned(),
        reason: Some("new tax rules".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

fn versioned(version: &str, plan: Plan) -> Plan {
    Plan {
        version: version.parse().unwrap(),
        source: Digest::of(version),
        ..plan
    }
}

fn good(version: &str) -> Plan {
    let steps = vec![set("seen", r#"{"id":<$trigger.id>}"#)];
    versioned(version, plan(steps, "<$vars.id>"))
}

fn failing(version: &str) -> Plan {
    let fail = StepKind::Fail {
        kind: ErrorKind::Rejected,
        code: "refused".to_owned(),
        program: program(None, &[r#""no""#, "null"]),
    };
    versioned(version, plan(vec![step("refuse", fail)], "null"))
}

fn waiting(version: &str, time: Duration) -> Plan {
    let wait = StepKind::Wait(Wait {
        program: program(None, &[]),
        duration: Some(time),
        calendar: None,
    });
    versioned(version, plan(vec![step("pause", wait)], "null"))
}

fn terms(share: &str) -> CanaryTerms {
    CanaryTerms {
        share: Share::parse(share).unwrap(),
        key: None,
        // The clock jumps while nothing else is to be done.
        limits: CanaryLimits {
            slower_than: None,
            ..CanaryLimits::default()
        },
    }
}

async fn start(engine: &Engine, version: &str, terms: CanaryTerms) -> Result<Canary, CanaryError> {
    let (flow, version) = ("test".parse().unwrap(), version.parse().unwrap());
    let started = engine.start_canary(&flow, &version, None, terms, by("ana"));
    started.await
}

async fn end(engine: &Engine, end: CanaryEnd) -> Result<Option<Canary>, CanaryError> {
    engine
        .end_canary(&"test".parse().unwrap(), end, by("ben"))
        .await
}

/// A world in which 1.0.0 was there before, and a host that pins another version by now.
async fn pinned(new: Plan) -> (World, Engine) {
    before_it(good("1.0.0"), new).await
}

async fn before_it(old: Plan, new: Plan) -> (World, Engine) {
    let world = World::default();
    stop(world.engine(old).await).await;
    let engine = world.engine(new).await;
    (world, engine)
}

/// Another host, some time later: it draws the same numbers as the one before.
async fn again(world: &World, plan: Plan) -> Engine {
    let later = world.clock.now().plus(Duration::from_secs(1));
    world.clock.sleep_until(later).await;
    world.engine(plan).await
}

async fn stop(engine: Engine) {
    engine.drain(Duration::from_secs(1)).await;
}

fn order(id: &str) -> String {
    format!(r#"{{"id":"{id}"}}"#)
}

async fn accept(engine: &Engine, id: &str) -> RunId {
    engine.accept(request(&order(id))).await.unwrap().run()
}

async fn version_of(engine: &Engine, run: RunId) -> String {
    let summary = engine.summary(run).await.unwrap().unwrap();
    summary.version.to_string()
}

/// On which version the run of an order begins.
async fn begins_on(engine: &Engine, id: &str) -> String {
    let run = accept(engine, id).await;
    version_of(engine, run).await
}

/// Which of so many orders begin on a version.
async fn on(engine: &Engine, version: &str, orders: std::ops::Range<u32>) -> Vec<u32> {
    let mut found = Vec::new();
    for number in orders {
        if begins_on(engine, &format!("C-{number}")).await == version {
            found.push(number);
        }
    }
    found
}

async fn state(engine: &Engine) -> Option<CanaryState> {
    let canaries = engine.canaries().await.unwrap();
    canaries.first().map(|one| one.canary.state)
}

async fn actions(engine: &Engine) -> Vec<String> {
    let query = AuditQuery {
        limit: 50,
        ..AuditQuery::default()
    };
    let records = engine.audit(&query).await.unwrap().records;
    let told = records.iter().rev();
    told.map(|record| format!("{} {}", record.draft.actor, record.draft.action))
        .collect()
}

#[tokio::test]
async fn a_share_of_the_keys_begins_on_the_new_version_and_always_the_same() {
    let (world, engine) = pinned(good("1.1.0")).await;
    assert_eq!(begins_on(&engine, "A").await, "1.1.0");
    let canary = start(&engine, "1.1.0", terms("20%")).await.unwrap();
    assert_eq!(canary.state, CanaryState::Running);
    let some = on(&engine, "1.1.0", 0..300).await;
    assert!((35..85).contains(&some.len()), "{}", some.len());
    stop(engine).await;

    let engine = world.engine(good("1.1.0")).await;
    // The same orders in another host's time: the windows of `dedupe` are over.
    let later = world.clock.now().plus(Duration::from_secs(120));
    world.clock.sleep_until(later).await;
    assert_eq!(on(&engine, "1.1.0", 0..300).await, some, "after a restart");
    start(&engine, "1.1.0", terms("50%")).await.unwrap();
    world
        .clock
        .sleep_until(later.plus(Duration::from_secs(120)))
        .await;
    let more = on(&engine, "1.1.0", 0..300).await;
    assert!(more.len() > 120 && some.iter().all(|one| more.contains(one)));

    // A duplicate is one across versions.
    let first = accept(&engine, "C-1").await;
    assert_eq!(accept(&engine, "C-1").await, first);
    let status = engine.environment_status().await.unwrap();
    assert!(!status.in_sync());
    assert_eq!(status.held_back().count(), 1);
}

#[tokio::test]
async fn keys_come_from_the_payload_where_the_canary_says_so() {
    let (_world, engine) = pinned(good("1.1.0")).await;
    let by_tenant = CanaryTerms {
        key: Some("/tenant/id".to_owned()),
        ..terms("50%")
    };
    start(&engine, "1.1.0", by_tenant).await.unwrap();
    let mut seen = Vec::new();
    for tenant in 0..20 {
        let mut versions = Vec::new();
        for number in 0..3 {
            let order = format!(r#"{{"id":"{tenant}-{number}","tenant":{{"id":{tenant}}}}}"#);
            let run = engine.accept(request(&order)).await.unwrap().run();
            versions.push(version_of(&engine, run).await);
        }
        versions.dedup();
        assert_eq!(versions.len(), 1, "a tenant has one version");
        seen.extend(versions);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["1.0.0", "1.1.0"]);
}

#[tokio::test]
async fn runs_in_flight_stay_on_their_version_whatever_becomes_of_the_canary() {
    let hour = Duration::from_secs(3_600);
    let (world, engine) = before_it(waiting("1.0.0", hour), waiting("1.1.0", hour)).await;
    start(&engine, "1.1.0", terms("50%")).await.unwrap();
    let mut runs = Vec::new();
    for number in 0..20 {
        let run = accept(&engine, &format!("C-{number}")).await;
        runs.push((run, version_of(&engine, run).await));
    }
    assert!(runs.iter().any(|(_, version)| version == "1.0.0"));
    assert!(runs.iter().any(|(_, version)| version == "1.1.0"));
    end(&engine, CanaryEnd::Abort).await.unwrap();
    assert_eq!(on(&engine, "1.0.0", 100..110).await.len(), 10);
    stop(engine).await;
    let engine = again(&world, waiting("1.1.0", hour)).await;
    assert_eq!(state(&engine).await, Some(CanaryState::Aborted));
    assert_eq!(
        on(&engine, "1.0.0", 110..120).await.len(),
        10,
        "after a restart"
    );
    end(&engine, CanaryEnd::Promote).await.unwrap();
    assert_eq!(state(&engine).await, None);
    assert_eq!(on(&engine, "1.1.0", 120..130).await.len(), 10);
    for (run, version) in runs {
        let story = story(&engine, run).await;
        assert_eq!(story.status, RunStatus::Succeeded);
        assert_eq!(story.version.to_string(), version);
    }
    assert_eq!(
        actions(&engine).await,
        ["ana start-canary", "ben abort-canary", "ben promote-canary"]
    );
}

#[tokio::test]
async fn errors_of_the_new_version_give_all_runs_back_at_once_and_on_record() {
    let (world, engine) = pinned(failing("1.1.0")).await;
    start(&engine, "1.1.0", terms("50%")).await.unwrap();
    for number in 0..60 {
        let run = accept(&engine, &format!("C-{number}")).await;
        engine.settled(run).await.unwrap();
    }
    let soon = world.clock.now().plus(Duration::from_secs(10));
    world.clock.sleep_until(soon).await;
    assert_eq!(state(&engine).await, Some(CanaryState::RolledBack));
    assert_eq!(on(&engine, "1.0.0", 100..150).await.len(), 50);
    assert_eq!(
        actions(&engine).await,
        ["ana start-canary", "host roll-back-canary"]
    );
    let canary = engine.canaries().await.unwrap().remove(0).canary;
    assert!(
        canary.reason.starts_with("errors: 100.00% of "),
        "{}",
        canary.reason
    );
    settle().await;
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let line = "dowel_canary_rolled_back{flow=\"test\"} 1";
    assert!(text.contains(line), "{text}");
    stop(engine).await;
    let engine = again(&world, failing("1.1.0")).await;
    assert_eq!(on(&engine, "1.0.0", 200..210).await.len(), 10);
    // Another version is pinned: the canary is over.
    stop(engine).await;
    let engine = again(&world, good("1.0.0")).await;
    assert_eq!(state(&engine).await, None);
    assert!(
        actions(&engine)
            .await
            .contains(&"host end-canary".to_owned())
    );
}

#[tokio::test]
async fn a_new_version_that_takes_longer_gives_all_runs_back() {
    let (quick, slow) = (Duration::from_secs(1), Duration::from_secs(3));
    let (world, engine) = before_it(waiting("1.0.0", quick), waiting("1.1.0", slow)).await;
    let strict = CanaryTerms {
        limits: CanaryLimits::default(),
        ..terms("50%")
    };
    start(&engine, "1.1.0", strict).await.unwrap();
    for number in 0..60 {
        accept(&engine, &format!("C-{number}")).await;
    }
    let soon = world.clock.now().plus(Duration::from_secs(20));
    world.clock.sleep_until(soon).await;
    assert_eq!(state(&engine).await, Some(CanaryState::RolledBack));
    let canary = engine.canaries().await.unwrap().remove(0).canary;
    assert!(canary.reason.starts_with("latency: "), "{}", canary.reason);
}

#[tokio::test]
async fn a_good_version_keeps_its_share() {
    let (world, engine) = pinned(good("1.1.0")).await;
    start(&engine, "1.1.0", terms("50%")).await.unwrap();
    for number in 0..80 {
        let run = accept(&engine, &format!("C-{number}")).await;
        engine.settled(run).await.unwrap();
    }
    let later = world.clock.now().plus(Duration::from_secs(60));
    world.clock.sleep_until(later).await;
    let status = engine.canaries().await.unwrap().remove(0);
    assert_eq!(status.canary.state, CanaryState::Running);
    let samples = status.samples.unwrap();
    assert_eq!(samples.before.ended + samples.new.ended, 80);
    assert_eq!(samples.new.failed, 0);
}

#[tokio::test]
async fn a_payload_that_the_new_version_refuses_goes_to_the_one_before_and_counts() {
    let mut strict = good("1.1.0");
    strict.triggers[0].schema = Some(json(r#"{"type":"object","required":["tax"]}"#));
    let (world, engine) = pinned(strict).await;
    let all = CanaryTerms {
        limits: CanaryLimits {
            min_runs: 5,
            ..CanaryLimits::default()
        },
        ..terms("100%")
    };
    start(&engine, "1.1.0", all).await.unwrap();
    assert_eq!(
        on(&engine, "1.0.0", 0..5).await.len(),
        5,
        "nobody is refused"
    );
    let soon = world.clock.now().plus(Duration::from_secs(10));
    world.clock.sleep_until(soon).await;
    assert_eq!(state(&engine).await, Some(CanaryState::RolledBack));
}

fn pin(version: &str) -> Candidate {
    Candidate {
        digest: Digest::of(version),
        commit: None,
        authors: Vec::new(),
        summary: vec![format!("test {version}")],
    }
}

async fn roll_out(engine: &Engine, version: &str) {
    let settings = settings(&ChangeRule::default());
    let plans = vec![good(version)];
    let verdict = engine
        .roll_out(pin(version), plans, settings, || Ok(()))
        .await;
    assert_eq!(verdict.unwrap(), Verdict::Active);
}

#[tokio::test]
async fn a_canary_that_is_started_first_holds_from_the_moment_of_the_pin() {
    let world = World::default();
    let engine = world.engine(good("1.0.0")).await;
    let canary = start(&engine, "1.1.0", terms("20%")).await.unwrap();
    assert_eq!(canary.state, CanaryState::Armed);
    assert_eq!(on(&engine, "1.0.0", 0..20).await.len(), 20);
    roll_out(&engine, "1.1.0").await;
    assert_eq!(state(&engine).await, Some(CanaryState::Running));
    let some = on(&engine, "1.1.0", 100..300).await.len();
    assert!((20..60).contains(&some), "{some}");
    // The pin moves on: everything follows it.
    roll_out(&engine, "1.2.0").await;
    assert_eq!(state(&engine).await, None);
    assert_eq!(on(&engine, "1.2.0", 300..320).await.len(), 20);
    let told = actions(&engine).await;
    let of_canary: Vec<&String> = told.iter().filter(|one| one.contains("canary")).collect();
    assert_eq!(
        of_canary,
        ["ana start-canary", "host begin-canary", "host end-canary"]
    );
}

#[tokio::test]
async fn what_cannot_share_runs_is_refused() {
    let mut other = good("1.1.0");
    other.dedupe = None;
    let (_world, engine) = pinned(other).await;
    let refused = start(&engine, "1.1.0", terms("10%")).await.unwrap_err();
    assert_eq!(refused.code(), CANARY_REFUSED);
    assert!(refused.to_string().contains("`dedupe`"), "{refused}");
    assert_eq!(begins_on(&engine, "A").await, "1.1.0");
    let none = end(&engine, CanaryEnd::Promote).await.unwrap_err();
    assert_eq!(none.code(), NO_SUCH_CANARY);

    let alone = World::default();
    let engine = alone.engine(good("1.0.0")).await;
    let refused = start(&engine, "1.0.0", terms("10%")).await.unwrap_err();
    assert!(refused.to_string().contains("no version"), "{refused}");
    start(&engine, "9.0.0", terms("10%")).await.unwrap();
    let early = end(&engine, CanaryEnd::Promote).await.unwrap_err();
    assert_eq!(early.code(), CANARY_REFUSED);
    end(&engine, CanaryEnd::Abort).await.unwrap();
    assert_eq!(state(&engine).await, None);
}

#[tokio::test]
async fn a_failed_write_changes_nothing() {
    let (world, engine) = pinned(good("1.1.0")).await;
    world.store.fail_next(dowel_core::port::StoreError::Full);
    start(&engine, "1.1.0", terms("10%")).await.unwrap_err();
    assert_eq!(state(&engine).await, None);
    assert_eq!(on(&engine, "1.1.0", 0..20).await.len(), 20);
}
