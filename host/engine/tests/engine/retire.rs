//! A version that nothing needs is let go of, and no other.

use crate::approve::{POLICY, decide, without_escalation};
use crate::support::*;
use dowel_core::code::upgrade::VERSION_NEEDED;
use dowel_core::port::Clock;
use dowel_core::{Digest, RunId};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    AuditQuery, CanaryEnd, CanaryLimits, CanaryTerms, Deciding, Engine, EngineOptions, RetireError,
    retired_connectors,
};
use dowel_flow::plan::{Plan, StepKind};
use dowel_flow::policy;
use std::time::Duration;

const KEEP: Duration = Duration::from_secs(600);

fn by(actor: &str) -> Deciding {
    Deciding {
        actor: actor.to_owned(),
        reason: Some("not needed".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

/// A version with a connector of its own that waits for a person.
fn version(version: &str) -> Plan {
    // A timer would not hold it: in tests time jumps to the next one.
    let ask = StepKind::Approve(Box::new(without_escalation()));
    let mut made = plan(vec![step("ask", ask)], "null");
    made.version = version.parse().unwrap();
    made.source = Digest::of(version);
    let crm = made
        .connectors
        .get_mut(&"crm".parse::<dowel_core::ConnectionName>().unwrap())
        .unwrap();
    crm.digest = Digest::of(format!("crm {version}"));
    made
}

fn world() -> World {
    World {
        options: EngineOptions {
            keep_versions: KEEP,
            policy: policy::parse("policy.yaml", POLICY).unwrap(),
            ..EngineOptions::default()
        },
        ..World::default()
    }
}

async fn host(world: &World, plan: Plan) -> Engine {
    pass(world, Duration::from_secs(1)).await;
    world.engine(plan).await
}

async fn pass(world: &World, time: Duration) {
    let later = world.clock.now().plus(time);
    world.clock.sleep_until(later).await;
}

async fn stop(engine: Engine) {
    engine.drain(Duration::from_secs(1)).await;
}

async fn accept(engine: &Engine, id: &str) -> RunId {
    let order = format!(r#"{{"id":"{id}","total":1,"by":"ben@example.com"}}"#);
    engine.accept(request(&order)).await.unwrap().run()
}

/// Version, state and live runs of each version, the newest first.
async fn versions(engine: &Engine) -> Vec<String> {
    let known = engine.known_versions(&"test".parse().unwrap()).await;
    let told = known.unwrap().into_iter().map(|one| {
        let (version, state) = (one.plan.version.to_string(), one.state.name());
        format!("{version} {state} {}", one.live_runs)
    });
    told.collect()
}

async fn retire(engine: &Engine, version: &str) -> Result<(), RetireError> {
    let (flow, version) = ("test".parse().unwrap(), version.parse().unwrap());
    engine.retire_version(&flow, &version, by("ana")).await
}

#[tokio::test]
async fn a_version_is_retired_when_its_runs_have_ended_and_its_time_is_over() {
    let world = world();
    let first = host(&world, version("1.0.0")).await;
    let run = accept(&first, "A").await;
    stop(first).await;
    let engine = host(&world, version("1.1.0")).await;
    assert_eq!(
        versions(&engine).await,
        ["1.1.0 pinned 0", "1.0.0 draining 1"]
    );
    for _ in 0..3 {
        engine.look_at_versions().await.unwrap();
        pass(&world, KEEP).await;
    }
    let refused = retire(&engine, "1.0.0").await.unwrap_err();
    assert_eq!(refused.code(), VERSION_NEEDED);
    assert!(refused.to_string().contains("1 runs on it"), "{refused}");
    let refused = retire(&engine, "1.1.0").await.unwrap_err();
    assert!(refused.to_string().contains("pins it"), "{refused}");
    assert!(retired_connectors(&world.store).await.unwrap().is_empty());

    let decided = decide(&engine, run, "approved", "ana@example.com").await;
    assert!(decided.is_ok(), "{decided:?}");
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Succeeded);
    engine.look_at_versions().await.unwrap();
    assert_eq!(versions(&engine).await[1], "1.0.0 unused 0");
    pass(&world, KEEP).await;
    engine.look_at_versions().await.unwrap();
    assert_eq!(versions(&engine).await[1], "1.0.0 retired 0");
    let gone = retired_connectors(&world.store).await.unwrap();
    assert_eq!(gone, [Digest::of("crm 1.0.0")].into(), "erp is shared");
    // What it did is still told.
    assert!(engine.story(run).await.unwrap().is_some());
    stop(engine).await;

    // Pinned again, it is a version like any other.
    let back = host(&world, version("1.0.0")).await;
    accept(&back, "B").await;
    back.look_at_versions().await.unwrap();
    assert_eq!(versions(&back).await, ["1.1.0 unused 0", "1.0.0 pinned 1"]);
    assert!(retired_connectors(&world.store).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_person_retires_earlier_and_it_is_on_record() {
    let world = world();
    stop(host(&world, version("1.0.0")).await).await;
    let engine = host(&world, version("1.1.0")).await;
    retire(&engine, "1.0.0").await.unwrap();
    assert_eq!(versions(&engine).await[1], "1.0.0 retired 0");
    let query = AuditQuery {
        limit: 5,
        ..AuditQuery::default()
    };
    let record = engine.audit(&query).await.unwrap().records.remove(0);
    assert_eq!(record.draft.action, "retire-version");
    assert_eq!(record.draft.actor, "ana");
    let none = retire(&engine, "9.0.0").await.unwrap_err();
    assert!(matches!(none, RetireError::NoSuchVersion(..)), "{none}");
}

#[tokio::test]
async fn the_version_before_a_canary_is_needed() {
    let world = world();
    stop(host(&world, version("1.0.0")).await).await;
    let engine = host(&world, version("1.1.0")).await;
    let flow = "test".parse().unwrap();
    let terms = CanaryTerms {
        share: dowel_core::units::Share::parse("10%").unwrap(),
        key: None,
        limits: CanaryLimits::default(),
    };
    let new = "1.1.0".parse().unwrap();
    let started = engine.start_canary(&flow, &new, None, terms.clone(), by("ana"));
    started.await.unwrap();
    assert_eq!(
        versions(&engine).await,
        ["1.1.0 pinned 0", "1.0.0 canary 0"]
    );
    retire(&engine, "1.0.0").await.unwrap_err();
    let end = engine.end_canary(&flow, CanaryEnd::Promote, by("ana"));
    end.await.unwrap();
    retire(&engine, "1.0.0").await.unwrap();
    let again = engine
        .start_canary(&flow, &new, None, terms, by("ana"))
        .await;
    let refused = again.unwrap_err().to_string();
    assert!(refused.contains("retired"), "{refused}");
}
