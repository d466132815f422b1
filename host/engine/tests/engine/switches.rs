//! The kill switches of flows: nothing is taken in, nothing goes on, nothing is lost.

use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::port::Clock;
use dowel_engine::state::RunStatus;
use dowel_engine::{Deciding, EngineOptions, FlowStatus, IntakeError};
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
