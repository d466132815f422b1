//! Senders that wait for the end of the run, and outputs that have a schema.

use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::{IntakeRequest, Outcome};
use dowel_flow::plan::{Plan, Respond, StepKind, TriggerKind, Verify};
use dowel_testkit::Answer;
use std::time::Duration;

/// The order flow behind a webhook that answers with its end.
fn answering(mut plan: Plan, outputs: &[&str]) -> Plan {
    plan.triggers[0].name = "webhook".to_owned();
    plan.triggers[0].kind = TriggerKind::Webhook {
        path: "/orders".to_owned(),
        method: "POST".to_owned(),
        verify: Verify::None,
        headers: vec![],
        respond: Respond::Completed {
            within: Duration::from_secs(30),
            program: program(None, outputs),
        },
    };
    plan
}

async fn outcome(world: &World, plan: Plan) -> Outcome {
    let flow = plan.flow.clone();
    let engine = world.engine(plan).await;
    let request = IntakeRequest::new(flow.clone(), "webhook", ORDER);
    let run = engine.accept(request).await.unwrap().run();
    engine.outcome(run, &flow, "webhook").await.unwrap()
}

async fn check(world: &World, plan: Plan, expected: Outcome) {
    assert_eq!(outcome(world, plan).await, expected);
}

fn answer(status: u16, body: &str) -> Outcome {
    let body = json(body);
    Outcome::Answer { status, body }
}

#[tokio::test]
async fn the_answer_is_made_from_the_output_and_the_run() {
    let world = World::default();
    let outputs = ["201", r#"{"number":<.invoice>,"order":<$trigger.id>}"#];
    let plan = answering(order_plan(), &outputs);
    check(
        &world,
        plan,
        answer(201, r#"{"number":"INV-1","order":"A1"}"#),
    )
    .await;
    // Without a body it is the output itself.
    let world = World::default();
    let plan = answering(order_plan(), &["200"]);
    check(&world, plan, answer(200, r#"{"invoice":"INV-1"}"#)).await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_made_names_no_values() {
    for outputs in [["<$trigger.total>", "null"], ["<$boom>", "null"]] {
        let world = World::default();
        match outcome(&world, answering(order_plan(), &outputs)).await {
            Outcome::NoAnswer(reason) => assert!(!reason.contains("60.27"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_went_wrong_is_told_by_its_kind() {
    let world = World::default();
    let refused = Answer::Fail(ErrorKind::InvalidInput, SendRecord::Answered);
    world.connectors.script("erp.create", [refused]);
    let parked = Outcome::Unsuccessful {
        status: RunStatus::Parked,
        kind: Some(ErrorKind::InvalidInput),
    };
    check(&world, answering(order_plan(), &["200"]), parked).await;
    let fail = StepKind::Fail {
        kind: ErrorKind::Rejected,
        code: "too-much".to_owned(),
        program: program(None, &[r#""no""#, "null"]),
    };
    let failing = plan(vec![step("no", fail)], "null");
    let failed = Outcome::Unsuccessful {
        status: RunStatus::Failed,
        kind: Some(ErrorKind::Rejected),
    };
    check(&World::default(), answering(failing, &["200"]), failed).await;
}

#[tokio::test]
async fn a_run_that_takes_longer_is_answered_as_under_way() {
    let world = World::default();
    let waiting = vec![call("c", "crm.get", "{}", Idempotency::Natural)];
    world.connectors.script("crm.get", [Answer::Hang]);
    let mut waiting = plan(waiting, "null");
    if let StepKind::Call(call) = &mut waiting.steps[0].kind {
        call.timeout = Duration::from_secs(3_600);
    }
    check(&world, answering(waiting, &["200"]), Outcome::Unfinished).await;
}

#[tokio::test]
async fn an_output_that_breaks_its_schema_is_no_success() {
    let world = World::default();
    let mut plan = order_plan();
    plan.output_schema = Some(json(r#"{"properties":{"invoice":{"type":"integer"}}}"#));
    let told = world.run(plan.clone(), ORDER).await;
    assert_eq!(told.status, RunStatus::Parked);
    let error = told.error.unwrap();
    assert_eq!(error.code, "DWL-2108");
    assert!(
        error.message.contains("/invoice") && !error.message.contains("INV-1"),
        "{error:?}"
    );
    // Output that follows it succeeds, and so does `return`.
    plan.output_schema = Some(json(r#"{"properties":{"invoice":{"type":"string"}}}"#));
    let told = World::default().run(plan.clone(), ORDER).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    let program = program(None, &[r#"{"invoice":1}"#]);
    plan.steps
        .insert(0, step("early", StepKind::Return { program }));
    let told = World::default().run(plan, ORDER).await;
    assert_eq!(told.status, RunStatus::Parked);
}
