//! Flows that run flows: what a child gives its parent, and what they mean for each other
//! when something goes wrong.

use crate::desk::{ana, retry};
use crate::saga::path;
use crate::support::*;
use dowel_core::code::{Code, run as code};
use dowel_core::journal::{Actor, Command, Commanded, WhileParked};
use dowel_core::manifest::Idempotency::{Keyed, Natural};
use dowel_core::port::{BoxFuture, CallOutcome, CallRequest, Invoker};
use dowel_core::{ErrorKind, RunId, SendRecord};
use dowel_engine::state::RunStatus;
use dowel_engine::story::{StepStory, Story};
use dowel_engine::{Action, Engine, Ports, RunSummary, RunsQuery};
use dowel_flow::plan::{
    Block, Branch, Concurrency, Join, Parallel, Plan, RetryPolicy, RunFlow, Step, StepKind, Wait,
    WhenFull,
};
use dowel_testkit::{Answer, FakeConnectors, SeededRandomness};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn run_flow(flow: &str, payload: &str) -> RunFlow {
    RunFlow {
        program: program(None, &[payload]),
        flow: flow.parse().unwrap(),
        range: "^1".parse().unwrap(),
        detach: false,
        output: None,
        retry: RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        },
        timeout: None,
    }
}

/// Runs the child with the event's id.
pub(crate) fn child_step(id: &str) -> Step {
    let payload = r#"{"id":<$trigger.id>,"total":<$trigger.total>}"#;
    running(id, run_flow("child", payload))
}

pub(crate) fn running(id: &str, run: RunFlow) -> Step {
    step(id, StepKind::Run(Box::new(run)))
}

pub(crate) fn named(flow: &str, plan: Plan) -> Plan {
    Plan {
        flow: flow.parse().unwrap(),
        ..plan
    }
}

/// A child that writes once.
pub(crate) fn child() -> Plan {
    let pay = call("pay", "erp.create", r#"{"t":<$trigger.total>}"#, Keyed);
    named("child", plan(vec![pay], r#"{"paid":<$steps.pay.id>}"#))
}

pub(crate) fn parent(steps: Block) -> Plan {
    plan(steps, r#"{"child":<$steps.charge.paid>}"#)
}

pub(crate) async fn start(world: &World, plans: Vec<Plan>) -> Engine {
    world.engine_of(Arc::new(world.store.clone()), plans).await
}

async fn begin(engine: &Engine) -> RunId {
    engine.accept(request(ORDER)).await.unwrap().run()
}

pub(crate) async fn children(engine: &Engine) -> Vec<RunSummary> {
    let query = RunsQuery {
        flow: Some("child".parse().unwrap()),
        limit: 100,
        ..RunsQuery::default()
    };
    let mut runs = engine.runs(&query).await.unwrap().runs;
    runs.reverse();
    runs
}

pub(crate) async fn told(engine: &Engine, run: RunId) -> Story {
    engine.story(run).await.unwrap().unwrap()
}

/// Waits until a step has a child, and gives it.
pub(crate) async fn child_of(engine: &Engine, run: RunId, step: &str) -> RunId {
    loop {
        let story = told(engine, run).await;
        let mut steps = story.steps.iter();
        let child = steps.find(|one| one.path.as_str() == step);
        if let Some(child) = child.and_then(|step| step.child.as_ref()) {
            return child.run;
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn until(engine: &Engine, run: RunId, status: RunStatus) {
    while told(engine, run).await.status != status {
        tokio::task::yield_now().await;
    }
}

fn at<'s>(story: &'s Story, step: &str) -> &'s StepStory {
    let mut steps = story.steps.iter();
    steps.find(|one| one.path.as_str() == step).unwrap()
}

pub(crate) async fn command(engine: &Engine, run: RunId, command: Command) {
    let commanded = Commanded {
        actor: Actor("ana".to_owned()),
        reason: Some("agreed".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
        command,
    };
    engine.command(run, commanded).await.unwrap();
}

fn ok() -> Answer {
    Answer::Return(json(r#"{"id":"X"}"#))
}

fn fail(kind: ErrorKind) -> Answer {
    Answer::Fail(kind, SendRecord::Answered)
}

/// Ends the run as failed.
fn failing(kind: ErrorKind) -> Step {
    step(
        "no",
        StepKind::Fail {
            kind,
            code: "shop-closed".to_owned(),
            program: program(None, &[r#""closed""#, "null"]),
        },
    )
}

/// A wait that nothing ends in these tests.
pub(crate) fn waiting(id: &str) -> Step {
    step(
        id,
        StepKind::Wait(Wait {
            program: program(None, &[]),
            duration: Some(Duration::from_secs(86_400)),
            calendar: None,
        }),
    )
}

/// A write that is undone by another one.
fn undoable(id: &str) -> Step {
    let mut step = call(id, "erp.create", &format!(r#"{{"do":"{id}"}}"#), Keyed);
    let undo = format!(r#"{{"undo":"{id}"}}"#);
    step.compensate = Some(Box::new(call(id, "erp.create", &undo, Keyed)));
    step
}

fn inputs(world: &World) -> Vec<String> {
    let calls = world.connectors.calls();
    calls.into_iter().map(|call| call.input).collect()
}

fn code_of(story: &Story) -> String {
    story.error.as_ref().unwrap().code.clone()
}

fn is(code: Code) -> String {
    code.to_string()
}

#[tokio::test]
async fn a_child_gives_its_output_and_both_know_each_other() {
    let world = World::default();
    let engine = start(&world, vec![parent(vec![child_step("charge")]), child()]).await;
    let run = begin(&engine).await;
    let story = story(&engine, run).await;
    assert_eq!(
        story.output.as_ref().unwrap().as_str(),
        r#"{"child":"INV-1"}"#
    );
    let step = at(&story, "charge");
    let child = step.child.as_ref().unwrap();
    assert_eq!((step.kind, step.status), ("run", "succeeded"));
    assert_eq!(
        step.input.as_ref().unwrap().as_str(),
        r#"{"id":"A1","total":60.270}"#
    );
    assert_eq!(
        (child.version.as_str(), child.status),
        ("1.0.0", Some("succeeded"))
    );
    let below = told(&engine, child.run).await;
    let above = below.parent.as_ref().unwrap();
    assert_eq!(
        (above.run, above.step.as_str(), above.attempt),
        (run, "charge", 1)
    );
    assert_eq!(below.traceparent, story.traceparent);
    assert_eq!(
        below.dedupe_key.as_deref(),
        Some("A1"),
        "it is found by its key"
    );
    let journal = engine.masked_journal(child.run).await.unwrap();
    assert!(journal[0].as_str().contains(r#""type":"run""#));
}

#[tokio::test]
async fn duplicates_are_no_matter_for_children() {
    let world = World::default();
    let steps = vec![child_step("charge"), child_step("again")];
    let engine = start(&world, vec![parent(steps), child()]).await;
    let run = begin(&engine).await;
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    assert_eq!(children(&engine).await.len(), 2);
}

#[tokio::test]
async fn a_child_that_fails_fails_its_step_and_retry_makes_another_one() {
    let world = World::default();
    let write = call("pay", "erp.create", r#"{"g":<$run.generation>}"#, Keyed);
    let steps = vec![write, failing(ErrorKind::Conflict)];
    let mut run = run_flow("child", r#"{"id":1}"#);
    run.retry.kinds = vec![ErrorKind::Conflict];
    run.retry.attempts = 2;
    let plans = vec![
        parent(vec![running("charge", run)]),
        named("child", plan(steps, "null")),
    ];
    let engine = start(&world, plans).await;
    let run = begin(&engine).await;
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Parked);
    let error = told.error.as_ref().unwrap();
    assert_eq!(
        (error.kind, error.code.as_str()),
        (ErrorKind::Conflict, "shop-closed")
    );
    assert_eq!(at(&told, "charge").attempts.len(), 2);
    assert_eq!(inputs(&world), [r#"{"g":1}"#, r#"{"g":2}"#]);
    let keys: Vec<String> = world
        .connectors
        .calls()
        .into_iter()
        .map(|c| c.key)
        .collect();
    assert_ne!(
        keys[0], keys[1],
        "what the first child did may stand, or be undone"
    );
    // A person's retry begins another round, with the same payload.
    command(&engine, run, Command::Retry { path: None }).await;
    engine.settled(run).await.unwrap();
    assert_eq!(inputs(&world)[2..], [r#"{"g":3}"#, r#"{"g":4}"#]);
    // In a rerun of the parent no number comes again.
    let again = engine.decide(run, ana(), Action::Rerun).await.unwrap();
    let again = again.began.unwrap();
    engine.settled(again).await.unwrap();
    let generations: std::collections::BTreeSet<String> = inputs(&world).into_iter().collect();
    assert_eq!(generations.len(), 6);
}

#[tokio::test]
async fn what_cannot_begin_is_a_typed_error() {
    let check = async |run: RunFlow, kind: ErrorKind, expected: Code| {
        let world = World::default();
        let mut without = child();
        without.flow = "without".parse().unwrap();
        without.triggers.clear();
        let plans = vec![parent(vec![running("charge", run)]), child(), without];
        let engine = start(&world, plans).await;
        let run = begin(&engine).await;
        let story = story(&engine, run).await;
        let error = story.error.as_ref().unwrap();
        assert_eq!((error.kind, &error.code), (kind, &is(expected)));
        assert!(children(&engine).await.is_empty());
    };
    let payload = r#"{"id":1}"#;
    let none = run_flow("absent", payload);
    check(none, ErrorKind::NotFound, code::CHILD_NO_FLOW).await;
    let mut newer = run_flow("child", payload);
    newer.range = "^2".parse().unwrap();
    check(newer, ErrorKind::NotFound, code::CHILD_NO_FLOW).await;
    let triggerless = run_flow("without", payload);
    check(triggerless, ErrorKind::NotFound, code::CHILD_NO_FLOW).await;
    let bad = run_flow("child", "{}");
    check(bad, ErrorKind::InvalidInput, code::CHILD_PAYLOAD).await;
}

#[tokio::test]
async fn a_circle_ends_at_the_limit_of_its_depth() {
    let world = World::default();
    let again = running("charge", run_flow("test", r#"{"id":1}"#));
    let engine = start(&world, vec![parent(vec![again])]).await;
    let run = begin(&engine).await;
    until(&engine, run, RunStatus::Waiting).await;
    let mut deepest = run;
    for _ in 0..16 {
        deepest = child_of(&engine, deepest, "charge").await;
    }
    assert_eq!(engine.settled(deepest).await.unwrap(), RunStatus::Parked);
    let story = told(&engine, deepest).await;
    assert_eq!(code_of(&story), is(code::CHILD_TOO_DEEP));
    // The others wait for it, each for the one below.
    assert_eq!(told(&engine, run).await.waits_for, Some("child"));
}

#[tokio::test]
async fn a_parked_child_leaves_its_parent_waiting_until_somebody_decides() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Rejected), ok()]);
    let engine = start(&world, vec![parent(vec![child_step("charge")]), child()]).await;
    let run = begin(&engine).await;
    let child = child_of(&engine, run, "charge").await;
    assert_eq!(engine.settled(child).await.unwrap(), RunStatus::Parked);
    let waiting = told(&engine, run).await;
    assert_eq!(
        (waiting.status, waiting.waits_for),
        (RunStatus::Waiting, Some("child"))
    );
    let shown = at(&waiting, "charge").child.as_ref().unwrap();
    assert_eq!(shown.status, Some("parked"));
    engine.decide(child, ana(), retry()).await.unwrap();
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_parent_waits_for_the_rerun_of_its_child() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Rejected), ok()]);
    let engine = start(&world, vec![parent(vec![child_step("charge")]), child()]).await;
    let run = begin(&engine).await;
    let child = child_of(&engine, run, "charge").await;
    engine.settled(child).await.unwrap();
    let decided = engine.decide(child, ana(), Action::Rerun).await.unwrap();
    let again = decided.began.unwrap();
    let story = story(&engine, run).await;
    assert_eq!(story.status, RunStatus::Succeeded);
    let shown = at(&story, "charge").child.as_ref().unwrap();
    assert_eq!((shown.run, shown.status), (again, Some("succeeded")));
    let below = told(&engine, again).await;
    assert_eq!(below.parent.unwrap().run, run);
}

#[tokio::test]
async fn a_cancelled_parent_cancels_its_child_and_both_undo_or_neither() {
    for compensate in [true, false] {
        let world = World::default();
        let below = named("child", plan(vec![undoable("b"), waiting("w")], "null"));
        let steps = vec![undoable("a"), child_step("charge")];
        let engine = start(&world, vec![parent(steps), below]).await;
        let run = begin(&engine).await;
        let child = child_of(&engine, run, "charge").await;
        until(&engine, child, RunStatus::Waiting).await;
        command(&engine, run, Command::Cancel { compensate }).await;
        assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Cancelled);
        let below = told(&engine, child).await;
        assert_eq!(below.status, RunStatus::Cancelled);
        assert_eq!(below.decisions[0].actor, format!("run {run}"));
        let all = [
            r#"{"do":"a"}"#,
            r#"{"do":"b"}"#,
            r#"{"undo":"b"}"#,
            r#"{"undo":"a"}"#,
        ];
        let expected = if compensate { &all[..] } else { &all[..2] };
        assert_eq!(inputs(&world), expected);
    }
}

#[tokio::test]
async fn a_timeout_cancels_the_child_and_only_then_fails_the_step() {
    let world = World::default();
    let below = named("child", plan(vec![undoable("b"), waiting("w")], "null"));
    let mut run = run_flow("child", r#"{"id":1}"#);
    run.timeout = Some(MINUTE);
    run.retry.attempts = 2;
    let engine = start(&world, vec![parent(vec![running("charge", run)]), below]).await;
    let run = begin(&engine).await;
    let story = story(&engine, run).await;
    let error = story.error.as_ref().unwrap();
    assert_eq!(
        (error.kind, &error.code),
        (ErrorKind::Timeout, &is(code::CHILD_TIMEOUT))
    );
    let (do_it, undo) = (r#"{"do":"b"}"#, r#"{"undo":"b"}"#);
    assert_eq!(
        inputs(&world),
        [do_it, undo, do_it, undo],
        "one after the other"
    );
    let ends = children(&engine).await;
    assert!(
        ends.iter()
            .all(|child| child.status == RunStatus::Cancelled)
    );
    assert_eq!(ends.len(), 2);
}

#[tokio::test]
async fn a_limit_of_the_parent_ends_the_child_and_a_retry_begins_another_one() {
    let world = World::default();
    let below = named("child", plan(vec![undoable("b"), waiting("w")], "null"));
    let mut above = parent(vec![child_step("charge")]);
    above.limits.deadline = Some(MINUTE);
    let engine = start(&world, vec![above, below]).await;
    let run = begin(&engine).await;
    let parked = story(&engine, run).await;
    let deadline = (RunStatus::Parked, is(code::DEADLINE_PASSED));
    assert_eq!((parked.status, code_of(&parked)), deadline);
    let (do_it, undo) = (r#"{"do":"b"}"#, r#"{"undo":"b"}"#);
    assert_eq!(inputs(&world), [do_it, undo]);
    command(&engine, run, Command::Retry { path: None }).await;
    let parked = story(&engine, run).await;
    assert_eq!((parked.status, code_of(&parked)), deadline);
    assert_eq!(inputs(&world), [do_it, undo, do_it, undo]);
    let ends = children(&engine).await;
    assert!(
        ends.iter()
            .all(|child| child.status == RunStatus::Cancelled)
    );
    assert_eq!(ends.len(), 2);
}

#[tokio::test]
async fn a_child_that_somebody_else_cancels_fails_its_step() {
    let world = World::default();
    let below = named("child", plan(vec![waiting("w")], "null"));
    let engine = start(&world, vec![parent(vec![child_step("charge")]), below]).await;
    let run = begin(&engine).await;
    let child = child_of(&engine, run, "charge").await;
    until(&engine, child, RunStatus::Waiting).await;
    command(&engine, child, Command::Cancel { compensate: false }).await;
    let story = story(&engine, run).await;
    assert_eq!(
        (story.status, code_of(&story)),
        (RunStatus::Parked, is(code::CHILD_CANCELLED))
    );
}

#[tokio::test]
async fn a_detached_child_is_not_waited_for() {
    let world = World::default();
    let below = named("child", plan(vec![waiting("w")], "null"));
    let mut run = run_flow("child", r#"{"id":1}"#);
    run.detach = true;
    let mut above = parent(vec![running("charge", run)]);
    above.output = Some(program(None, &["<$steps.charge.run>"]));
    let engine = start(&world, vec![above, below]).await;
    let run = begin(&engine).await;
    let story = story(&engine, run).await;
    let child = children(&engine).await.remove(0);
    assert_eq!(
        story.output.unwrap().as_string(),
        Some(child.id.to_string())
    );
    assert_eq!(
        engine.settled(child.id).await.unwrap(),
        RunStatus::Succeeded
    );
    settle().await;
    assert_eq!(told(&engine, run).await.status, RunStatus::Succeeded);
    assert!(told(&engine, child.id).await.parent.unwrap().detached);
}

fn both(left: Block, right: Block, join: Join) -> Step {
    let branch = |name: &str, steps| Branch {
        name: name.parse().unwrap(),
        steps,
    };
    step(
        "both",
        StepKind::Parallel(Parallel {
            program: program(None, &[]),
            branches: vec![branch("left", left), branch("right", right)],
            join,
        }),
    )
}

#[tokio::test]
async fn the_child_of_a_branch_that_lost_is_cancelled_and_undone() {
    let world = World::default();
    let below = named("child", plan(vec![undoable("b"), waiting("w")], "null"));
    let won = call("won", "erp.create", r#"{"do":"won"}"#, Keyed);
    let wait_a_little = step(
        "little",
        StepKind::Wait(Wait {
            program: program(None, &[]),
            duration: Some(MINUTE),
            calendar: None,
        }),
    );
    let race = both(
        vec![child_step("charge")],
        vec![wait_a_little, won],
        Join::Any,
    );
    let mut above = parent(vec![race]);
    above.output = None;
    let engine = start(&world, vec![above, below]).await;
    let run = begin(&engine).await;
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
    assert_eq!(children(&engine).await[0].status, RunStatus::Cancelled);
    assert_eq!(
        inputs(&world),
        [r#"{"do":"b"}"#, r#"{"do":"won"}"#, r#"{"undo":"b"}"#]
    );
}

#[tokio::test]
async fn a_return_beside_a_child_waits_until_the_child_is_cancelled() {
    let world = World::default();
    let below = named("child", plan(vec![undoable("b"), waiting("w")], "null"));
    let wait_a_little = step(
        "little",
        StepKind::Wait(Wait {
            program: program(None, &[]),
            duration: Some(MINUTE),
            calendar: None,
        }),
    );
    let ends = step(
        "ends",
        StepKind::Return {
            program: program(None, &["1.10"]),
        },
    );
    let steps = both(
        vec![child_step("charge")],
        vec![wait_a_little, ends],
        Join::All,
    );
    let engine = start(&world, vec![parent(vec![steps]), below]).await;
    let run = begin(&engine).await;
    let story = story(&engine, run).await;
    assert_eq!(story.output.unwrap().as_str(), "1.10");
    assert_eq!(children(&engine).await[0].status, RunStatus::Cancelled);
    assert_eq!(inputs(&world), [r#"{"do":"b"}"#, r#"{"undo":"b"}"#]);
}

#[tokio::test]
async fn a_parked_parent_hears_of_the_end_of_its_child() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Rejected), ok()]);
    let look = call("look", "crm.get", "{}", Natural);
    let below = named("child", plan(vec![waiting("w"), look], r#"{"paid":7}"#));
    let bad = call("bad", "erp.create", "{}", Keyed);
    let steps = both(vec![child_step("charge")], vec![bad], Join::All);
    let mut above = parent(vec![steps]);
    above.output = Some(program(None, &["<$steps.both.left>"]));
    let engine = start(&world, vec![above.clone(), below.clone()]).await;
    let run = begin(&engine).await;
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Parked);
    let child = children(&engine).await.remove(0).id;
    assert_eq!(engine.settled(child).await.unwrap(), RunStatus::Succeeded);
    settle().await;
    let parked = told(&engine, run).await;
    assert_eq!(parked.status, RunStatus::Parked);
    let journal = engine.journal(run).await.unwrap();
    let last = format!("{:?}", journal.last().unwrap().event);
    assert!(last.starts_with("ChildEnded"), "{last}");
    // Also over a restart.
    engine.drain(Duration::ZERO).await;
    let engine = start(&world, vec![above, below]).await;
    engine.decide(run, ana(), retry()).await.unwrap();
    let story = story(&engine, run).await;
    assert_eq!(story.output.unwrap().as_str(), r#"{"paid":7}"#);
}

#[tokio::test]
async fn whoever_discards_a_parked_parent_ends_its_children() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [fail(ErrorKind::Rejected)]);
    let below = named("child", plan(vec![step_that_asks_nobody()], "null"));
    let bad = call("bad", "erp.create", "{}", Keyed);
    let steps = both(vec![child_step("charge")], vec![bad], Join::All);
    let engine = start(&world, vec![parent(vec![steps]), below]).await;
    let run = begin(&engine).await;
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Parked);
    let child = children(&engine).await.remove(0).id;
    until(&engine, child, RunStatus::Waiting).await;
    command(&engine, run, Command::Discard { keep_key: true }).await;
    assert_eq!(engine.settled(child).await.unwrap(), RunStatus::Cancelled);
    until(&engine, run, RunStatus::Cancelled).await;
}

/// Waits for a person that never comes: time does not end it.
pub(crate) fn step_that_asks_nobody() -> Step {
    let asked = dowel_flow::plan::Approve {
        program: program(None, &[r#""?""#, "{}", "[]"]),
        groups: vec!["finance".parse().unwrap()],
        decisions: vec!["approved".to_owned()],
        within: None,
        calendar: None,
        escalate: Vec::new(),
        on_expiry: dowel_core::journal::OnExpiry::Fail,
        fails_on: None,
    };
    step("ask", StepKind::Approve(Box::new(asked)))
}

#[tokio::test]
async fn concurrency_keys_of_the_other_flow_hold() {
    let limited = |when_full| Plan {
        concurrency: Some(Concurrency {
            keys: program(None, &["<.id>", "<.id>"]),
            limit: 1,
            when_full,
            while_parked: WhileParked::Hold,
        }),
        ..child()
    };
    let twice = || {
        both(
            vec![child_step("charge")],
            vec![child_step("again")],
            Join::All,
        )
    };
    for when_full in [WhenFull::Queue, WhenFull::Drop] {
        let world = World::default();
        let mut above = parent(vec![twice()]);
        above.output = None;
        let engine = start(&world, vec![above, limited(when_full)]).await;
        let run = begin(&engine).await;
        let story = story(&engine, run).await;
        if when_full == WhenFull::Queue {
            assert_eq!(story.status, RunStatus::Succeeded);
            let second = told(&engine, children(&engine).await[1].id).await;
            assert_eq!(second.status, RunStatus::Succeeded);
        } else {
            let error = story.error.as_ref().unwrap();
            let expected = (ErrorKind::Conflict, is(code::CHILD_DROPPED));
            assert_eq!((error.kind, error.code.clone()), expected);
        }
    }
}

#[tokio::test]
async fn a_completed_run_is_undone_as_its_step_says() {
    let world = World::default();
    world
        .connectors
        .script("erp.create", [ok(), fail(ErrorKind::Rejected), ok()]);
    let mut charge = child_step("charge");
    let refund = call(
        "charge",
        "erp.create",
        r#"{"refund":<$steps.charge.paid>}"#,
        Keyed,
    );
    charge.compensate = Some(Box::new(refund));
    let mut above = parent(vec![
        charge,
        call("ship", "erp.create", r#"{"ship":1}"#, Keyed),
    ]);
    above.on_failure.compensate = vec![ErrorKind::Rejected];
    let engine = start(&world, vec![above, child()]).await;
    let run = begin(&engine).await;
    assert_eq!(story(&engine, run).await.status, RunStatus::Compensated);
    assert_eq!(inputs(&world)[2], r#"{"refund":"X"}"#);
    assert_eq!(children(&engine).await[0].status, RunStatus::Succeeded);
}

#[tokio::test]
async fn an_output_is_mapped_and_a_wrong_one_fails_the_step() {
    let world = World::default();
    let mut run = run_flow("child", r#"{"id":1}"#);
    run.output = Some(program(None, &[r#"{"paid":<.paid>,"mapped":true}"#]));
    let mut above = parent(vec![running("charge", run.clone())]);
    above.output = Some(program(None, &["<$steps.charge>"]));
    let engine = start(&world, vec![above, child()]).await;
    let first = begin(&engine).await;
    let output = story(&engine, first).await.output.unwrap();
    assert_eq!(output.as_str(), r#"{"paid":"INV-1","mapped":true}"#);
    let world = World::default();
    let mut strict = running("charge", run);
    strict.schema = Some(json(r#"{"required":["absent"]}"#));
    let engine = start(&world, vec![parent(vec![strict]), child()]).await;
    let run = begin(&engine).await;
    let story = story(&engine, run).await;
    assert_eq!(
        (story.status, code_of(&story)),
        (RunStatus::Parked, is(code::OUTPUT_SCHEMA))
    );
    assert_eq!(story.steps[0].path, path("charge"));
}

/// An upstream that answers when it is told to.
#[derive(Default)]
struct Slow {
    connectors: Arc<FakeConnectors>,
    asked: Notify,
    go: Notify,
}

impl Invoker for Slow {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        Box::pin(async move {
            self.asked.notify_one();
            self.go.notified().await;
            self.connectors.call(request).await
        })
    }
}

#[tokio::test]
async fn a_parent_does_not_wait_in_vain_while_its_child_is_at_work() {
    let world = World::default();
    let slow = Arc::new(Slow {
        connectors: world.connectors.clone(),
        ..Slow::default()
    });
    let ports = Ports {
        store: Arc::new(world.store.clone()),
        invoker: slow.clone(),
        mapper: Arc::new(PathMapper),
        clock: Arc::new(world.clock.clone()),
        randomness: Arc::new(SeededRandomness::new(7)),
    };
    let plans = vec![parent(vec![child_step("charge")]), child()];
    let engine = Engine::start(ports, world.options.clone(), plans).await;
    let engine = engine.unwrap();
    assert!(engine.is_still().await.unwrap(), "nothing has begun");
    let run = begin(&engine).await;
    slow.asked.notified().await;
    until(&engine, run, RunStatus::Waiting).await;
    assert!(!engine.is_still().await.unwrap(), "the child calls");
    slow.go.notify_one();
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Succeeded);
    while engine.working() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(engine.is_still().await.unwrap());
}
