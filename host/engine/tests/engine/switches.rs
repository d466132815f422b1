//! The kill switches of flows: nothing is taken in, nothing goes on, nothing is lost.

use crate::support::*;
use dowel_core::journal::HoldReason;
use dowel_core::manifest::Idempotency;
use dowel_core::port::Clock;
use dowel_engine::state::RunStatus;
use dowel_engine::{
    AuditQuery, AuditTarget, Deciding, Engine, EngineOptions, FlowStatus, IntakeError, SwitchError,
    SwitchTarget,
};
use dowel_flow::plan::{Plan, Respond, TriggerKind, Verify};
use dowel_testkit::Answer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

fn by(actor: &str, reason: &str) -> Deciding {
    Deciding {
        actor: actor.to_owned(),
        reason: Some(reason.to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    }
}

fn flow() -> dowel_core::FlowName {
    "test".parse().unwrap()
}

#[tokio::test]
async fn a_disabled_flow_takes_nothing_and_its_runs_wait_across_a_restart() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let customer = json(r#"{"erp_id":1}"#);
    let answers = [
        Answer::When(told.clone(), customer.clone()),
        Answer::Return(customer),
    ];
    world.connectors.script("crm.get", answers);
    let engine = world.engine(order_plan()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    let status = engine
        .switch_flow(&flow(), false, by("ana", "prices"))
        .await;
    let FlowStatus {
        enabled, decision, ..
    } = status.unwrap();
    assert!(!enabled);
    let decision = decision.unwrap();
    assert_eq!(
        (decision.actor.as_str(), decision.reason.as_str()),
        ("ana", "prices")
    );

    // The entry of the decision is linked.
    settle().await;
    let commits = world.store.commits();
    let refused = engine.accept(request(&ORDER.replace("A1", "A2"))).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, IntakeError::FlowDisabled(_)));
    assert_eq!(refused.code().to_string(), "DWL-4031");
    assert!(refused.retry_after().is_some(), "the sender keeps it");
    assert_eq!(world.store.commits(), commits);

    told.notify_one();
    settle().await;
    assert_eq!(engine.flow_status()[0].stopped, 1);
    drop(engine);
    let engine = world.engine(order_plan()).await;
    settle().await;
    assert_eq!(engine.flow_status()[0].stopped, 1, "the switch is durable");
    assert_eq!((world.calls("crm.get"), world.calls("erp.create")), (1, 0));
    let half = engine.story(run).await.unwrap().unwrap();
    assert_eq!(half.status, RunStatus::Waiting);
    assert_eq!(half.waits_for, Some("enabled"));

    engine
        .switch_flow(&flow(), true, by("ben", "corrected"))
        .await
        .unwrap();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    let status = engine.flow_status().remove(0);
    assert_eq!((status.enabled, status.stopped), (true, 0));
    // The second engine draws the same random bytes as the first one.
    let later = world.clock.now().plus(Duration::from_secs(1));
    world.clock.sleep_until(later).await;
    let other = engine.accept(request(&ORDER.replace("A1", "A2"))).await;
    story(&engine, other.unwrap().run()).await;
}

#[tokio::test]
async fn a_run_stops_before_its_next_step_and_keeps_what_it_has() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let first = Answer::When(told.clone(), json("{}"));
    world.connectors.script("crm.get", [first]);
    let steps = vec![
        call("first", "crm.get", "{}", Idempotency::Natural),
        call("second", "erp.create", "{}", Idempotency::Keyed),
    ];
    let engine = world.engine(plan(steps, "null")).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    assert_eq!(world.calls("crm.get"), 1);
    engine
        .switch_flow(&flow(), false, by("ana", "prices"))
        .await
        .unwrap();
    told.notify_one();
    settle().await;
    let half = engine.story(run).await.unwrap().unwrap();
    assert_eq!(half.steps.len(), 1, "the second step has not begun");
    assert_eq!(
        half.steps[0].status, "succeeded",
        "the open call came to its end"
    );
    engine
        .switch_flow(&flow(), true, by("ana", "corrected"))
        .await
        .unwrap();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    assert_eq!((world.calls("crm.get"), world.calls("erp.create")), (1, 1));
}

#[tokio::test]
async fn the_environment_file_has_the_last_word() {
    let world = World {
        options: EngineOptions {
            disabled: [flow()].into(),
            ..EngineOptions::default()
        },
        ..World::default()
    };
    let hooked = |flow: &str| {
        let mut plan = order_plan();
        plan.flow = flow.parse().unwrap();
        plan.triggers[0].kind = TriggerKind::Webhook {
            path: "/orders".to_owned(),
            method: "POST".to_owned(),
            verify: Verify::None,
            headers: vec![],
            respond: Respond::Accepted,
        };
        plan
    };
    let plans: Vec<Plan> = vec![hooked("test"), hooked("other")];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    let hook = engine.hook("POST", "/orders").unwrap();
    assert_eq!(
        hook.flow.as_str(),
        "other",
        "a disabled flow leaves its path"
    );
    let refused = engine.accept(request(ORDER)).await.unwrap_err();
    assert!(matches!(refused, IntakeError::FlowDisabled(_)));
    let error = engine.switch_flow(&flow(), true, by("ana", "now")).await;
    assert_eq!(error.unwrap_err().code().to_string(), "DWL-4032");
    let nobody = "nobody".parse().unwrap();
    let error = engine.switch_flow(&nobody, false, by("ana", "x")).await;
    assert_eq!(error.unwrap_err().code().to_string(), "DWL-4012");
    let status = engine.flow_status();
    let shown: Vec<_> = status
        .iter()
        .map(|s| (s.flow.as_str(), s.enabled))
        .collect();
    assert_eq!(shown, [("other", true), ("test", false)]);
}

fn trigger() -> SwitchTarget {
    SwitchTarget::Trigger(flow(), "manual".to_owned())
}

fn connection(name: &str) -> SwitchTarget {
    SwitchTarget::Connection(name.parse().unwrap())
}

/// What the record says, the newest first: who, what, about what, from where to where.
async fn record(engine: &Engine) -> Vec<String> {
    let query = AuditQuery {
        limit: 50,
        ..AuditQuery::default()
    };
    let page = engine.audit(&query).await.unwrap();
    let line = |record: dowel_engine::AuditRecord| {
        let draft = record.draft;
        let standing = |one: Option<dowel_engine::Standing>| one.unwrap().status;
        let target = match draft.target {
            AuditTarget::Flow(name) => format!("flow {name}"),
            AuditTarget::Trigger(name) => format!("trigger {name}"),
            AuditTarget::Connection(name) => format!("connection {name}"),
            other => format!("{other:?}"),
        };
        let (before, after) = (standing(draft.before), standing(draft.after));
        format!(
            "{} {} {target}: {before} -> {after}",
            draft.actor, draft.action
        )
    };
    page.records.into_iter().map(line).collect()
}

#[tokio::test]
async fn a_disabled_trigger_begins_no_runs_and_those_that_are_there_go_on() {
    let world = World::default();
    let told = Arc::new(Notify::new());
    let customer = json(r#"{"erp_id":1}"#);
    let answers = [
        Answer::When(told.clone(), customer.clone()),
        Answer::Return(customer),
    ];
    world.connectors.script("crm.get", answers);
    let engine = world.engine(order_plan()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    let status = engine
        .turn_switch(&trigger(), false, by("ana", "flood"))
        .await;
    let status = status.unwrap();
    assert!(!status.enabled && status.is_drift());

    let refused = engine.accept(request(&ORDER.replace("A1", "A2"))).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, IntakeError::TriggerDisabled { .. }));
    assert_eq!(refused.code().to_string(), "DWL-5090");
    assert!(refused.retry_after().is_some(), "the sender keeps it");
    assert!(engine.flow_status()[0].enabled, "the flow itself is on");
    told.notify_one();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);

    drop(engine);
    let engine = world.engine(order_plan()).await;
    let again = engine.accept(request(&ORDER.replace("A1", "A3"))).await;
    assert!(again.is_err(), "the switch is durable");
    let status = engine
        .turn_switch(&trigger(), true, by("ben", "over"))
        .await;
    assert!(!status.unwrap().is_drift());
    let later = world.clock.now().plus(Duration::from_secs(1));
    world.clock.sleep_until(later).await;
    let other = engine.accept(request(&ORDER.replace("A1", "A2"))).await;
    story(&engine, other.unwrap().run()).await;
    assert_eq!(
        record(&engine).await,
        [
            "ben enable trigger test/manual: disabled -> enabled",
            "ana disable trigger test/manual: enabled -> disabled",
        ]
    );
}

#[tokio::test]
async fn no_calls_are_made_over_a_disabled_connection_also_after_a_restart() {
    let world = World::default();
    let steps = vec![
        call("first", "crm.get", "{}", Idempotency::Natural),
        call("second", "erp.create", "{}", Idempotency::Keyed),
    ];
    let engine = world.engine(plan(steps.clone(), "null")).await;
    let erp = connection("erp");
    engine
        .turn_switch(&erp, false, by("ana", "audit"))
        .await
        .unwrap();
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    settle().await;
    assert_eq!((world.calls("crm.get"), world.calls("erp.create")), (1, 0));
    let stands = engine.connections();
    let stands = stands.iter().find(|one| one.connection.as_str() == "erp");
    assert_eq!(
        stands.map(|one| (one.enabled, one.waiting)),
        Some((false, 1))
    );

    drop(engine);
    let engine = world.engine(plan(steps, "null")).await;
    settle().await;
    assert_eq!(world.calls("erp.create"), 0, "the switch is durable");
    let half = engine.story(run).await.unwrap().unwrap();
    let held = half.steps.iter().flat_map(|step| &step.held);
    assert!(held.clone().all(|held| held.reason == HoldReason::Switch));
    assert!(held.count() > 0, "the run stepped aside");
    engine
        .turn_switch(&erp, true, by("ben", "over"))
        .await
        .unwrap();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    assert_eq!((world.calls("crm.get"), world.calls("erp.create")), (1, 1));
    assert_eq!(
        record(&engine).await,
        [
            "ben enable connection erp: disabled -> enabled",
            "ana disable connection erp: enabled -> disabled",
        ]
    );
}

#[tokio::test]
async fn only_what_is_there_can_be_switched() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let other = SwitchTarget::Trigger(flow(), "other".to_owned());
    let codes = [
        (other, "DWL-5091"),
        (connection("nowhere"), "DWL-5092"),
        (SwitchTarget::Flow("nowhere".parse().unwrap()), "DWL-4012"),
    ];
    for (target, code) in codes {
        let error = engine.turn_switch(&target, false, by("ana", "x")).await;
        let error: SwitchError = error.unwrap_err();
        assert_eq!(error.code().to_string(), code, "{target}");
    }
    assert_eq!(record(&engine).await, Vec::<String>::new());
    engine
        .switch_flow(&flow(), false, by("ana", "x"))
        .await
        .unwrap();
    assert_eq!(
        record(&engine).await,
        ["ana disable flow test: enabled -> disabled"]
    );
    assert_eq!(engine.switches().len(), 1);
}
