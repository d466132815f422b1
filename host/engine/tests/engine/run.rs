//! What becomes of runs: steps, retries, parking.

use crate::support::*;
use dowel_core::manifest::Idempotency;
use dowel_core::{ErrorKind, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_flow::plan::{ForEach, OnItemFailure, StepKind};
use dowel_testkit::Answer;

#[tokio::test]
async fn an_order_goes_through_with_its_literals() {
    let world = World::default();
    let story = world.run(order_plan(), ORDER).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(story.output.unwrap().as_str(), r#"{"invoice":"INV-1"}"#);
    let sent = &world.connectors.calls()[1];
    assert_eq!(sent.input, r#"{"c":12345678901234567890,"t":60.270}"#);
    assert_eq!(sent.key, format!("{}.invoice.1", story.id));
    // Intake; the customer with the intent of the invoice; the invoice with the end.
    assert_eq!(world.store.commits(), 1 + 3, "one plan, three turns");
}

#[tokio::test]
async fn a_failing_call_is_tried_again_with_the_same_bytes() {
    let world = World::default();
    world.connectors.script(
        "erp.create",
        [
            Answer::Fail(ErrorKind::RateLimited, SendRecord::Answered),
            Answer::Fail(ErrorKind::Timeout, SendRecord::Sent),
            Answer::Return(json(r#"{"id":"INV-2"}"#)),
        ],
    );
    let story = world.run(order_plan(), ORDER).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    let calls: Vec<_> = world
        .connectors
        .calls()
        .into_iter()
        .filter(|c| c.name == "erp.create")
        .collect();
    assert_eq!(
        calls.iter().map(|c| c.attempt).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(
        calls
            .iter()
            .all(|c| c.input == calls[0].input && c.key == calls[0].key)
    );
    assert_eq!(
        world.calls("crm.get"),
        1,
        "a completed step is not called again"
    );
    let invoice = story
        .steps
        .iter()
        .find(|step| step.path.as_str() == "invoice")
        .unwrap();
    assert_eq!(invoice.attempts.len(), 3);
    assert_eq!(invoice.attempts[1].sent, Some(SendRecord::Sent));
}

#[tokio::test]
async fn exhausted_retries_and_refusals_park() {
    for (kind, attempts) in [(ErrorKind::Unavailable, 3), (ErrorKind::Rejected, 1)] {
        let world = World::default();
        world
            .connectors
            .script("erp.create", [Answer::Fail(kind, SendRecord::Answered)]);
        let story = world.run(order_plan(), ORDER).await;
        assert_eq!(story.status, RunStatus::Parked);
        assert_eq!(story.error.unwrap().kind, kind);
        assert_eq!(world.calls("erp.create"), attempts);
    }
}

#[tokio::test]
async fn an_unknown_outcome_that_cannot_be_repeated_parks_at_once() {
    let world = World::default();
    world.connectors.script(
        "erp.create",
        [Answer::Fail(ErrorKind::Timeout, SendRecord::Sent)],
    );
    let plan = plan(
        vec![call("pay", "erp.create", "{}", Idempotency::None)],
        "null",
    );
    let story = world.run(plan, ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
    let error = story.error.unwrap();
    assert_eq!(
        (error.kind, error.code.as_str()),
        (ErrorKind::UnknownOutcome, "DWL-2109")
    );
    assert_eq!(world.calls("erp.create"), 1);
}

#[tokio::test]
async fn a_failing_expression_parks_with_its_place_and_without_values() {
    let world = World::default();
    let story = world
        .run(plan(vec![set("x", r#"{"a":<$boom>}"#)], "null"), ORDER)
        .await;
    assert_eq!(story.status, RunStatus::Parked);
    let error = story.error.unwrap();
    assert_eq!(error.code, "DWL-2001");
    assert_eq!(error.place.as_deref(), Some("flows/test/flow.yaml:1:1"));
}

#[tokio::test]
async fn a_result_that_breaks_its_schema_parks_and_is_kept() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [Answer::Return(json("[1.10]"))]);
    let story = world.run(order_plan(), ORDER).await;
    assert_eq!(story.status, RunStatus::Parked);
    assert_eq!(story.error.unwrap().code, "DWL-2108");
    let invoice = story.steps.last().unwrap();
    assert_eq!(invoice.output.as_ref().unwrap().as_str(), "[1.10]");
    assert_eq!(
        world.calls("erp.create"),
        1,
        "trying again would not mend the result"
    );
}

#[tokio::test]
async fn switch_takes_the_first_branch_that_holds() {
    let branches = |id: &str| vec![set(id, &format!(r#"{{"taken":"{id}"}}"#))];
    let steps = vec![step(
        "route",
        StepKind::Switch {
            program: program(None, &["<$trigger.a>", "<$trigger.b>"]),
            cases: vec![branches("first"), branches("second")],
            default: Some(branches("other")),
        },
    )];
    for (payload, taken) in [
        (r#"{"id":1,"a":false,"b":true}"#, "second"),
        (r#"{"id":1,"a":0,"b":true}"#, "first"),
        (r#"{"id":1}"#, "other"),
    ] {
        let story = World::default()
            .run(plan(steps.clone(), "<$steps.route.taken>"), payload)
            .await;
        assert_eq!(story.output.unwrap().as_str(), format!("\"{taken}\""));
    }
}

#[tokio::test]
async fn a_skipped_step_is_null() {
    let skipped = step(
        "x",
        StepKind::Set {
            program: program(Some("$trigger.no"), &[r#"{"a":1}"#]),
        },
    );
    let story = World::default()
        .run(plan(vec![skipped], r#"{"x":<$steps.x>}"#), ORDER)
        .await;
    assert_eq!(story.output.unwrap().as_str(), r#"{"x":null}"#);
    assert_eq!(story.steps[0].status, "skipped");
}

#[tokio::test]
async fn for_each_runs_every_item_with_its_own_key() {
    let world = World::default();
    let steps = vec![step(
        "lines",
        StepKind::ForEach(ForEach {
            on_item_failure: OnItemFailure::Stop,
            program: program(None, &["<$trigger.lines>"]),
            parallel: 3,
            steps: vec![
                set("line", r#"{"sku":<$item.sku>,"n":<$index>}"#),
                call(
                    "book",
                    "erp.create",
                    r#"{"sku":<$vars.sku>,"n":<$steps.line.n>}"#,
                    Idempotency::Keyed,
                ),
            ],
            pages: None,
        }),
    )];
    let lines: Vec<String> = (0..10).map(|n| format!(r#"{{"sku":{n}.10}}"#)).collect();
    let payload = format!(r#"{{"id":1,"lines":[{}]}}"#, lines.join(","));
    let story = world
        .run(plan(steps, "<$steps.lines.succeeded>"), &payload)
        .await;
    assert_eq!(story.output.unwrap().as_str(), "10");
    let mut inputs: Vec<_> = world
        .connectors
        .calls()
        .into_iter()
        .map(|c| (c.step, c.input))
        .collect();
    inputs.sort();
    assert_eq!(inputs.len(), 10);
    assert_eq!(
        inputs[3],
        (
            "lines[3].book".to_owned(),
            r#"{"sku":3.10,"n":3}"#.to_owned()
        )
    );
    let keys: std::collections::BTreeSet<_> = world
        .connectors
        .calls()
        .into_iter()
        .map(|c| c.key)
        .collect();
    assert_eq!(keys.len(), 10);
}

#[tokio::test]
async fn for_each_over_nothing_and_over_something_else() {
    let steps = |list: &str| {
        vec![step(
            "items",
            StepKind::ForEach(ForEach {
                on_item_failure: OnItemFailure::Stop,
                program: program(None, &[list]),
                parallel: 1,
                steps: vec![],
                pages: None,
            }),
        )]
    };
    let story = World::default()
        .run(plan(steps("[]"), "<$steps.items>"), ORDER)
        .await;
    assert_eq!(
        story.output.unwrap().as_str(),
        r#"{"succeeded":0,"failed":0,"items":[]}"#
    );
    let story = World::default().run(plan(steps("{}"), "null"), ORDER).await;
    assert_eq!(story.error.unwrap().code, "DWL-2301");
}

#[tokio::test]
async fn fail_return_and_emit() {
    let fail = step(
        "stop",
        StepKind::Fail {
            kind: ErrorKind::Rejected,
            code: "too-large".to_owned(),
            program: program(None, &[r#""the order is too large""#, "null"]),
        },
    );
    let story = World::default()
        .run(plan(vec![fail.clone()], "null"), ORDER)
        .await;
    assert_eq!(story.status, RunStatus::Failed);
    assert_eq!(story.error.unwrap().message, "the order is too large");

    let early = step(
        "early",
        StepKind::Return {
            program: program(None, &["\"done\""]),
        },
    );
    let emit = step(
        "tell",
        StepKind::Emit {
            event_type: "com.example.done".to_owned(),
            program: program(None, &["{}"]),
        },
    );
    let story = World::default()
        .run(plan(vec![emit, early, fail], "null"), ORDER)
        .await;
    assert_eq!(story.status, RunStatus::Succeeded);
    assert_eq!(story.output.unwrap().as_str(), "\"done\"");
    assert_eq!(story.steps[0].kind, "emit");
}

#[tokio::test]
async fn a_masked_journal_hides_values_and_still_folds() {
    let world = World::default();
    let engine = world
        .engine(plan(
            vec![set("a", r#"{"pin":"1234","n":1.10}"#)],
            "<$trigger>",
        ))
        .await;
    let accepted = engine.accept(request(r#"{"token":"t0p","id":1}"#)).await;
    let run = accepted.unwrap().run();
    engine.settled(run).await.unwrap();
    let masked = engine.masked_journal(run).await.unwrap();
    let text: String = masked.iter().map(|entry| entry.to_string()).collect();
    assert!(!text.contains("t0p") && !text.contains("1234"), "{text}");
    assert!(text.contains("1.10"), "{text}");
    let read = |entry: &dowel_core::JsonText| serde_json::from_str(entry.as_str()).unwrap();
    let entries: Vec<dowel_core::journal::Entry> = masked.iter().map(read).collect();
    let state = dowel_engine::state::RunState::fold(&entries).unwrap();
    assert_eq!(state.status, RunStatus::Succeeded);
    assert_eq!(engine.journal(run).await.unwrap().len(), entries.len());
}
