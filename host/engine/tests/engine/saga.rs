//! Compensation, cancellation, and the decisions of people.

use crate::support::*;
use dowel_core::journal::{Actor, Command, Commanded};
use dowel_core::manifest::Idempotency::{self, Keyed};
use dowel_core::{ErrorKind, RunId, SendRecord, StepPath};
use dowel_engine::state::RunStatus;
use dowel_engine::story::Story;
use dowel_engine::{CommandError, Engine};
use dowel_flow::plan::{ForEach, OnItemFailure, Plan, Step, StepKind};
use dowel_testkit::Answer;

fn reject() -> Answer {
    Answer::Fail(ErrorKind::Rejected, SendRecord::Answered)
}

fn ok() -> Answer {
    Answer::Return(json(r#"{"id":"X"}"#))
}

/// A write that is undone by another one.
fn undoable(id: &str) -> Step {
    let mut step = call(id, "erp.create", &format!(r#"{{"do":"{id}"}}"#), Keyed);
    let undo = format!(r#"{{"undo":"{id}","of":<$steps.{id}.id>}}"#);
    step.compensate = Some(Box::new(call(id, "erp.create", &undo, Keyed)));
    step
}

fn saga(steps: Vec<Step>) -> Plan {
    let mut plan = plan(steps, "null");
    plan.on_failure.compensate = vec![ErrorKind::Rejected];
    plan
}

fn inputs(world: &World) -> Vec<String> {
    let calls = world.connectors.calls();
    calls.iter().map(|call| call.input.to_string()).collect()
}

pub(crate) fn path(text: &str) -> StepPath {
    serde_json::from_str(&format!("{text:?}")).unwrap()
}

async fn decide(engine: &Engine, run: RunId, command: Command) -> Result<(), CommandError> {
    let commanded = Commanded {
        actor: Actor("ana@example.com".to_owned()),
        reason: Some("agreed with the shop".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
        command,
    };
    engine.command(run, commanded).await
}

async fn parked(world: &World, plan: Plan) -> (Engine, RunId, Story) {
    let engine = world.engine(plan).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Parked);
    (engine, run, told)
}

#[tokio::test]
async fn what_succeeded_is_undone_in_reverse_order() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [ok(), ok(), reject(), ok(), ok()]);
    let last = call("c", "erp.create", r#"{"do":"c"}"#, Keyed);
    let story = world
        .run(saga(vec![undoable("a"), undoable("b"), last]), ORDER)
        .await;
    assert_eq!(story.status, RunStatus::Compensated);
    assert_eq!(story.error.unwrap().kind, ErrorKind::Rejected);
    assert_eq!(
        inputs(&world)[3..],
        [r#"{"undo":"b","of":"X"}"#, r#"{"undo":"a","of":"X"}"#]
    );
}

#[tokio::test]
async fn steps_inside_loops_are_undone_as_well() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [ok(), ok(), reject(), ok(), ok()]);
    let each = ForEach {
        program: program(None, &["[1,2]"]),
        parallel: 1,
        on_item_failure: OnItemFailure::Stop,
        steps: vec![{
            let mut book = call("book", "erp.create", r#"{"n":<$item>}"#, Keyed);
            let undo = call("book", "erp.create", r#"{"undo":<$item>}"#, Keyed);
            book.compensate = Some(Box::new(undo));
            book
        }],
        pages: None,
    };
    let last = call("c", "erp.create", r#"{"do":"c"}"#, Keyed);
    let plan = saga(vec![step("lines", StepKind::ForEach(each)), last]);
    let story = world.run(plan, ORDER).await;
    assert_eq!(story.status, RunStatus::Compensated);
    assert_eq!(inputs(&world)[3..], [r#"{"undo":2}"#, r#"{"undo":1}"#]);
}

#[tokio::test]
async fn other_failures_park_and_nothing_is_undone() {
    let world = World::default();
    let down = Answer::Fail(ErrorKind::Forbidden, SendRecord::Answered);
    world.connectors.script("erp.create", [ok(), down]);
    let plan = saga(vec![undoable("a"), undoable("b")]);
    let (_, _, story) = parked(&world, plan).await;
    assert_eq!(story.error.unwrap().kind, ErrorKind::Forbidden);
    assert_eq!(world.calls("erp.create"), 2);
}

#[tokio::test]
async fn a_compensation_that_fails_parks_and_goes_on_where_it_stopped() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [ok(), ok(), reject(), reject(), ok(), ok()]);
    let plan = saga(vec![undoable("a"), undoable("b"), undoable("c")]);
    let (engine, run, told) = parked(&world, plan).await;
    let undone = |name: &str, told: &Story| {
        let name = format!("{name}~compensate");
        told.steps
            .iter()
            .find(|s| s.path.as_str() == name)
            .map(|s| s.status)
    };
    assert_eq!(undone("b", &told), Some("failed"));
    assert_eq!(undone("a", &told), None, "the order is kept");
    decide(&engine, run, Command::Retry { path: None })
        .await
        .unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Compensated);
    assert_eq!(
        (undone("b", &told), undone("a", &told)),
        (Some("succeeded"), Some("succeeded"))
    );
}

#[tokio::test]
async fn a_retried_call_sends_the_same_bytes_under_the_same_key() {
    let world = World::default();
    world.connectors.script("erp.create", [reject(), ok()]);
    let pay = call("pay", "erp.create", r#"{"t":<$trigger.total>}"#, Keyed);
    let (engine, run, _) = parked(&world, plan(vec![pay], "<$steps.pay>")).await;
    decide(&engine, run, Command::Retry { path: None })
        .await
        .unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    let calls = world.connectors.calls();
    assert_eq!(
        (&calls[0].key, &calls[0].input),
        (&calls[1].key, &calls[1].input)
    );
    assert_eq!(told.decisions[0].actor, "ana@example.com");
    assert_eq!(told.steps[0].attempts.len(), 2);
}

#[tokio::test]
async fn an_edited_input_goes_out_under_another_key() {
    let world = World::default();
    world.connectors.script("erp.create", [reject(), ok()]);
    let pay = call("pay", "erp.create", r#"{"t":1}"#, Keyed);
    let (engine, run, _) = parked(&world, plan(vec![pay], "<$steps.pay>")).await;
    let key = world.connectors.calls()[0].key.clone();
    let edit = |key: &str| Command::EditInput {
        path: path("pay"),
        input: json(r#"{"t":2.50}"#),
        idempotency_key: key.to_owned(),
    };
    let same = decide(&engine, run, edit(&key)).await;
    assert!(matches!(same, Err(CommandError::Refused(_))), "{same:?}");
    decide(&engine, run, edit("another")).await.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    let calls = world.connectors.calls();
    assert_eq!(
        (calls[1].key.as_str(), calls[1].input.as_str()),
        ("another", r#"{"t":2.50}"#)
    );
}

#[tokio::test]
async fn a_person_completes_skips_compensates_or_discards() {
    let output = json(r#"{"id":"by hand"}"#);
    let complete = Command::Complete {
        path: path("b"),
        output,
    };
    for (command, status, answer) in [
        (complete, RunStatus::Succeeded, Some(r#""by hand""#)),
        (
            Command::Skip { path: path("b") },
            RunStatus::Succeeded,
            Some("null"),
        ),
        (Command::Compensate, RunStatus::Compensated, None),
        (
            Command::Discard { keep_key: false },
            RunStatus::Cancelled,
            None,
        ),
    ] {
        let world = World::default();
        world
            .connectors
            .script("erp.create", [ok(), reject(), ok()]);
        let steps = vec![undoable("a"), call("b", "erp.create", "{}", Keyed)];
        let (engine, run, _) = parked(&world, plan(steps, "<$steps.b.id>")).await;
        let name = command.name();
        decide(&engine, run, command).await.unwrap();
        let told = story(&engine, run).await;
        assert_eq!(told.status, status, "{name}");
        assert_eq!(told.output.as_ref().map(|o| o.as_str()), answer, "{name}");
        let again = decide(&engine, run, Command::Retry { path: None }).await;
        assert!(
            matches!(again, Err(CommandError::Refused(_))),
            "{name}: {again:?}"
        );
    }
}

#[tokio::test]
async fn a_waiting_run_is_cancelled_with_and_without_compensation() {
    for compensate in [false, true] {
        let world = World::default();
        // Every answer asks for another attempt, so that the run waits again and again.
        world.connectors.script("erp.create", [ok(), ok()]);
        let down = Answer::Fail(ErrorKind::Unavailable, SendRecord::NotSent);
        world.connectors.script("crm.get", [down]);
        let mut read = call("b", "crm.get", "{}", Idempotency::Natural);
        if let StepKind::Call(call) = &mut read.kind {
            call.retry.attempts = 100;
        }
        let engine = world.engine(plan(vec![undoable("a"), read], "null")).await;
        let run = engine.accept(request(ORDER)).await.unwrap().run();
        decide(&engine, run, Command::Cancel { compensate })
            .await
            .unwrap();
        let told = story(&engine, run).await;
        assert_eq!(told.status, RunStatus::Cancelled);
        let undone = inputs(&world).iter().any(|input| input.contains("undo"));
        let done = inputs(&world)
            .iter()
            .any(|input| input.contains("do\":\"a"));
        assert_eq!(undone, compensate && done);
    }
}

#[tokio::test]
async fn commands_for_runs_that_do_not_exist_or_have_ended_are_refused() {
    let world = World::default();
    let engine = world.engine(order_plan()).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    story(&engine, run).await;
    let cancel = Command::Cancel { compensate: false };
    let refused = decide(&engine, run, cancel.clone()).await;
    assert!(matches!(refused, Err(CommandError::Refused(_))));
    let nobody = RunId::new(dowel_core::Timestamp::default(), [9; 10]);
    let missing = decide(&engine, nobody, cancel).await;
    assert!(matches!(missing, Err(CommandError::NoSuchRun(_))));
}
