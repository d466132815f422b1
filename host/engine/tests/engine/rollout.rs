//! Which tree is active, and who agrees to another one.

use crate::support::{ORDER, World, order_plan, request, settle, story};
use dowel_core::{CommitId, Digest, FlowName};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    AuditQuery, Candidate, ChangeRule, Deciding, Engine, EngineOptions, Settings, Verdict,
    active_tree,
};
use dowel_flow::plan::{Plan, Respond, TriggerKind, Verify};
use dowel_flow::policy;
use std::sync::Arc;

pub(crate) fn tree(name: &str, authors: &[&str]) -> Candidate {
    let commit: CommitId = Digest::of(name).hex()[..40].parse().unwrap();
    Candidate {
        digest: Digest::of(name),
        commit: Some(commit),
        authors: authors.iter().map(|author| (*author).to_owned()).collect(),
        summary: vec![format!("it is {name}")],
    }
}

pub(crate) fn settings(rule: &ChangeRule) -> Settings {
    let options = EngineOptions::default();
    let groups =
        "groups: { deployers: [ana@example.com, Ben@example.com], others: [eve@example.com] }\n";
    Settings {
        env: options.env,
        disabled: options.disabled,
        limits: options.limits,
        retention: options.retention,
        policy: policy::parse("policy.yaml", groups).unwrap(),
        four_eyes: options.four_eyes,
        rule: rule.clone(),
    }
}

fn strict() -> ChangeRule {
    ChangeRule {
        approvals: 1,
        forbid_author: true,
        approvers: Some("deployers".parse().unwrap()),
    }
}

fn floor(approvals: u32) -> ChangeRule {
    ChangeRule {
        approvals,
        ..ChangeRule::default()
    }
}

async fn empty(world: &World) -> Engine {
    world.engine_of(Arc::new(world.store.clone()), vec![]).await
}

fn version(text: &str) -> Plan {
    Plan {
        version: text.parse().unwrap(),
        ..order_plan()
    }
}

async fn roll_out(engine: &Engine, tree: Candidate, plan: Plan, rule: &ChangeRule) -> Verdict {
    let rolled = engine.roll_out(tree, vec![plan], settings(rule), || Ok(()));
    rolled.await.unwrap()
}

fn says(actor: &str) -> Deciding {
    Deciding {
        actor: actor.to_owned(),
        reason: Some("looked at it".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

async fn refused(engine: &Engine, digest: Digest, actor: &str) -> String {
    let error = engine
        .decide_change(digest, true, says(actor))
        .await
        .unwrap_err();
    format!("{} {error}", error.code())
}

fn active_version(engine: &Engine) -> String {
    engine.flow_status()[0].version.to_string()
}

#[tokio::test]
async fn a_tree_becomes_active_and_runs_stay_on_their_version() {
    let world = World::default();
    let engine = empty(&world).await;
    let none = ChangeRule::default();
    assert_eq!(
        roll_out(&engine, tree("one", &[]), version("1.0.0"), &none).await,
        Verdict::Active
    );
    let first = engine.accept(request(ORDER)).await.unwrap().run();
    assert_eq!(
        roll_out(&engine, tree("two", &[]), version("2.0.0"), &none).await,
        Verdict::Active
    );
    let again = ORDER.replace("A1", "A2");
    let second = engine.accept(request(&again)).await.unwrap().run();
    let (first, second) = (story(&engine, first).await, story(&engine, second).await);
    assert_eq!(
        (first.version.as_str(), second.version.as_str()),
        ("1.0.0", "2.0.0")
    );
    assert_eq!(first.status, RunStatus::Succeeded);
    let active = active_tree(&world.store).await.unwrap().unwrap();
    assert_eq!(
        (active.digest, active.before),
        (Digest::of("two"), Some(Digest::of("one")))
    );
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing() {
    let world = World::default();
    let engine = empty(&world).await;
    let none = ChangeRule::default();
    roll_out(&engine, tree("one", &[]), version("1.0.0"), &none).await;
    let hook = |flow: &str| {
        let mut plan = version("2.0.0");
        plan.flow = FlowName::new(flow).unwrap();
        plan.triggers[0].kind = TriggerKind::Webhook {
            path: "/orders".to_owned(),
            method: "POST".to_owned(),
            verify: Verify::None,
            headers: vec![],
            respond: Respond::Accepted,
        };
        plan
    };
    let twice = vec![hook("test"), hook("other")];
    let rolled = engine.roll_out(tree("two", &[]), twice, settings(&none), || Ok(()));
    assert_eq!(rolled.await.unwrap_err().code().to_string(), "DWL-6002");
    let refuse = || Err("no such connector".to_owned());
    let rolled = engine.roll_out(
        tree("two", &[]),
        vec![hook("test")],
        settings(&none),
        refuse,
    );
    assert_eq!(rolled.await.unwrap_err().code().to_string(), "DWL-6209");
    assert_eq!(active_version(&engine), "1.0.0");
    assert!(engine.hook("POST", "/orders").is_none());
    let active = active_tree(&world.store).await.unwrap().unwrap();
    assert_eq!(active.digest, Digest::of("one"));
}

#[tokio::test]
async fn a_change_waits_for_somebody_else() {
    let world = World::default();
    let engine = empty(&world).await;
    roll_out(&engine, tree("one", &[]), version("1.0.0"), &strict()).await;
    let two = || tree("two", &["ana@example.com"]);
    let digest = two().digest;
    assert!(
        refused(&engine, digest, "ben@example.com")
            .await
            .starts_with("DWL-6210")
    );
    for _ in 0..2 {
        let verdict = roll_out(&engine, two(), version("2.0.0"), &ChangeRule::default()).await;
        assert_eq!(verdict, Verdict::Awaiting(1));
    }
    assert_eq!(active_version(&engine), "1.0.0");
    assert!(
        refused(&engine, digest, "ANA@example.com")
            .await
            .contains("author")
    );
    assert!(
        refused(&engine, digest, "eve@example.com")
            .await
            .contains("`deployers`")
    );
    engine
        .decide_change(digest, true, says("ben@example.com"))
        .await
        .unwrap();
    assert!(
        refused(&engine, digest, "Ben@Example.com")
            .await
            .contains("already")
    );
    let status = engine.environment_status().await.unwrap();
    assert_eq!(
        (status.waiting[0].counted, status.waiting[0].needed),
        (1, 1)
    );
    let verdict = roll_out(&engine, two(), version("2.0.0"), &ChangeRule::default()).await;
    assert_eq!(verdict, Verdict::Active);
    assert_eq!(active_version(&engine), "2.0.0");
    assert!(
        engine
            .environment_status()
            .await
            .unwrap()
            .waiting
            .is_empty()
    );
    let audit = engine
        .audit(&AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        })
        .await
        .unwrap();
    let actions: Vec<&str> = audit
        .records
        .iter()
        .map(|r| r.draft.action.as_str())
        .collect();
    let expected = [
        "activate-change",
        "approve-change",
        "propose-change",
        "activate-change",
        "propose-change",
    ];
    assert_eq!(actions, expected);
    let commit = two().commit.map(String::from);
    assert_eq!(audit.records[0].draft.commit, commit);
}

#[tokio::test]
async fn a_hostile_tree_cannot_make_its_own_rules() {
    let world = World::default();
    let engine = empty(&world).await;
    roll_out(&engine, tree("one", &[]), version("1.0.0"), &strict()).await;
    // It asks for no approval any more: what is active asks.
    let lax = ChangeRule::default();
    let verdict = roll_out(
        &engine,
        tree("two", &["eve@example.com"]),
        version("2.0.0"),
        &lax,
    )
    .await;
    assert_eq!(verdict, Verdict::Awaiting(1));
    // An approval for one tree is none for another.
    let (two, three) = (Digest::of("two"), tree("three", &["eve@example.com"]));
    engine
        .decide_change(two, true, says("ben@example.com"))
        .await
        .unwrap();
    let verdict = roll_out(&engine, three.clone(), version("3.0.0"), &lax).await;
    assert_eq!(verdict, Verdict::Awaiting(1));
    // And it is void as soon as something else is active.
    engine
        .decide_change(three.digest, true, says("ana@example.com"))
        .await
        .unwrap();
    assert_eq!(
        roll_out(&engine, three, version("3.0.0"), &strict()).await,
        Verdict::Active
    );
    let verdict = roll_out(
        &engine,
        tree("two", &["eve@example.com"]),
        version("2.0.0"),
        &lax,
    )
    .await;
    assert_eq!(verdict, Verdict::Awaiting(1));
    // A second commit with the same tree does not take its authors away.
    roll_out(
        &engine,
        tree("two", &["ana@example.com"]),
        version("2.0.0"),
        &lax,
    )
    .await;
    let status = engine.environment_status().await.unwrap();
    let authors = &status.waiting[0].change.candidate.authors;
    assert_eq!(authors, &["ana@example.com", "eve@example.com"]);
    assert!(
        refused(&engine, two, "ana@example.com")
            .await
            .contains("author")
    );
}

#[tokio::test]
async fn the_floor_of_the_host_holds_from_the_first_tree_on() {
    let mut world = World::default();
    world.options.floor = floor(2);
    let engine = empty(&world).await;
    let lax = ChangeRule::default();
    let one = || tree("one", &["eve@example.com"]);
    assert_eq!(
        roll_out(&engine, one(), version("1.0.0"), &lax).await,
        Verdict::Awaiting(2)
    );
    let digest = one().digest;
    engine
        .decide_change(digest, true, says("ana@example.com"))
        .await
        .unwrap();
    assert_eq!(
        roll_out(&engine, one(), version("1.0.0"), &lax).await,
        Verdict::Awaiting(1)
    );
    engine
        .decide_change(digest, true, says("ben@example.com"))
        .await
        .unwrap();
    assert_eq!(
        roll_out(&engine, one(), version("1.0.0"), &lax).await,
        Verdict::Active
    );
    let two = tree("two", &["eve@example.com"]);
    assert_eq!(
        roll_out(&engine, two, version("2.0.0"), &lax).await,
        Verdict::Awaiting(2)
    );
}

#[tokio::test]
async fn a_rejected_tree_stays_out() {
    let world = World::default();
    let engine = empty(&world).await;
    roll_out(&engine, tree("one", &[]), version("1.0.0"), &strict()).await;
    let two = || tree("two", &["eve@example.com"]);
    roll_out(&engine, two(), version("2.0.0"), &strict()).await;
    let digest = two().digest;
    engine
        .decide_change(digest, true, says("ana@example.com"))
        .await
        .unwrap();
    engine
        .decide_change(digest, false, says("ben@example.com"))
        .await
        .unwrap();
    let verdict = roll_out(&engine, two(), version("2.0.0"), &strict()).await;
    assert_eq!(verdict, Verdict::Rejected);
    assert_eq!(active_version(&engine), "1.0.0");
}

#[tokio::test]
async fn a_commit_that_does_not_touch_a_flow_leaves_its_identity() {
    let world = World::default();
    let engine = empty(&world).await;
    let none = ChangeRule::default();
    let at = |commit: &str| Plan {
        commit: Some(commit.to_owned()),
        ..version("1.0.0")
    };
    roll_out(&engine, tree("one", &[]), at("c1"), &none).await;
    roll_out(&engine, tree("two", &[]), at("c2"), &none).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    assert_eq!(story(&engine, run).await.commit.as_deref(), Some("c1"));
    let changed = Plan {
        description: Some("other".to_owned()),
        ..at("c3")
    };
    roll_out(&engine, tree("three", &[]), changed, &none).await;
    let again = ORDER.replace("A1", "A2");
    let run = engine.accept(request(&again)).await.unwrap().run();
    assert_eq!(story(&engine, run).await.commit.as_deref(), Some("c3"));
}

#[tokio::test]
async fn a_flow_that_git_disables_stops_and_goes_on() {
    let world = World::default();
    let engine = empty(&world).await;
    let none = ChangeRule::default();
    roll_out(&engine, tree("one", &[]), version("1.0.0"), &none).await;
    let off = Settings {
        disabled: [FlowName::new("test").unwrap()].into(),
        ..settings(&none)
    };
    let rolled = engine.roll_out(tree("two", &[]), vec![version("1.0.0")], off, || Ok(()));
    assert_eq!(rolled.await.unwrap(), Verdict::Active);
    assert!(engine.accept(request(ORDER)).await.is_err());
    assert!(engine.flow_status()[0].disabled_in_file);
    roll_out(&engine, tree("three", &[]), version("1.0.0"), &none).await;
    settle().await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
}
