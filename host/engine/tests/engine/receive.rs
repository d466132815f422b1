//! Steps that wait for events: which event they get, and what becomes of those that come
//! early, late, twice or never.

use crate::blocks::{each, parallel, try_};
use crate::support::*;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::code::run as code;
use dowel_core::journal::{Actor, Command, Commanded, OnExpiry, OnTimeout};
use dowel_core::port::{Clock, Scan, Store, StoreError};
use dowel_core::{ErrorKind, JsonText, RunId, StepPath};
use dowel_engine::state::RunStatus;
use dowel_engine::{Action, Deciding, Engine, OpenReceive, PersonDecides, PublishError};
use dowel_flow::plan::{
    Approve, Block, Join, OnItemFailure, Plan, Receive, Step, StepKind, Trigger, TriggerKind, Wait,
};
use dowel_flow::policy;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Waits for a payment of the order.
pub(crate) fn payment() -> Receive {
    Receive {
        program: program(None, &["<$trigger.id>"]),
        event_type: "com.example.payment".to_owned(),
        event: program(None, &["<.data.order>"]),
        within: None,
        calendar: None,
        on_timeout: OnTimeout::Fail,
        output: None,
    }
}

fn within(receive: Receive, within: Duration) -> Receive {
    Receive {
        within: Some(within),
        ..receive
    }
}

pub(crate) fn receive(id: &str, receive: Receive) -> Step {
    step(id, StepKind::Receive(Box::new(receive)))
}

/// Its output is the amount.
pub(crate) fn waiting(receives: Receive) -> Plan {
    plan(
        vec![receive("payment", receives)],
        "<$steps.payment.data.amount>",
    )
}

/// What a shop tells of a payment.
pub(crate) fn paid(id: &str, order: &str, amount: &str) -> CloudEvent {
    let text = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/bank","type":"com.example.payment","data":{{"order":"{order}","amount":{amount}}}}}"#
    );
    CloudEvent::parse(&JsonText::parse(&text).unwrap()).unwrap()
}

pub(crate) async fn send(engine: &Engine, event: CloudEvent) -> Vec<RunId> {
    let published = engine.publish(&[event]).await.unwrap();
    assert!(published[0].is_kept && published[0].refused.is_empty());
    published[0].received.clone()
}

async fn begin(engine: &Engine) -> RunId {
    engine.accept(request(ORDER)).await.unwrap().run()
}

pub(crate) async fn open(engine: &Engine) -> Vec<OpenReceive> {
    engine.open_receives(None, 100).await.unwrap().waiting
}

/// Waits until so many steps wait.
pub(crate) async fn asked(engine: &Engine, count: usize) -> Vec<OpenReceive> {
    for _ in 0..10_000 {
        let open = open(engine).await;
        if open.len() == count {
            return open;
        }
        tokio::task::yield_now().await;
    }
    panic!("{count} steps never wait: {:?}", open(engine).await);
}

async fn command(engine: &Engine, run: RunId, command: Command) {
    let commanded = Commanded {
        confirmed_by: None,
        origin: None,
        bulk: None,
        actor: Actor("ana".to_owned()),
        reason: Some("because".to_owned()),
        command,
    };
    engine.command(run, commanded).await.unwrap();
}

/// A step before the one that waits, which a person ends.
fn hold() -> Step {
    step(
        "hold",
        StepKind::Approve(Box::new(Approve {
            program: program(None, &[r#""?""#, "{}", "[]"]),
            groups: vec!["finance".parse().unwrap()],
            decisions: vec!["go".to_owned()],
            within: None,
            calendar: None,
            escalate: Vec::new(),
            on_expiry: OnExpiry::Fail,
            fails_on: None,
        })),
    )
}

fn people() -> World {
    let mut world = World::default();
    let groups = "groups:\n  finance: [ana@example.com]\n";
    world.options.policy = policy::parse("policy.yaml", groups).unwrap();
    world
}

async fn go(engine: &Engine, run: RunId) {
    let wanted = PersonDecides {
        run,
        step: StepPath::inside("hold"),
        decision: "go".to_owned(),
        actor: Actor("ana@example.com".to_owned()),
        comment: None,
        origin: None,
    };
    for _ in 0..10_000 {
        if engine.decide_approval(&wanted).await.is_ok() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("nobody asks");
}

fn held(mut plan: Plan) -> Plan {
    plan.steps.insert(0, hold());
    plan
}

#[tokio::test]
async fn an_event_that_comes_late_wakes_the_run_that_waits_for_it() {
    let world = World::default();
    let engine = world.engine(waiting(payment())).await;
    let run = begin(&engine).await;
    let open = asked(&engine, 1).await;
    assert_eq!((open[0].run, open[0].value.as_str()), (run, "A1"));
    let told = engine.story(run).await.unwrap().unwrap();
    assert_eq!(told.status, RunStatus::Waiting);
    assert_eq!(told.waits_for, Some("event"));
    assert_eq!(send(&engine, paid("P0", "A2", "1")).await, []);
    // Taken in and handed over in one transaction, which fails as a whole.
    world.store.fail_next(StoreError::Full);
    let failed = engine.publish(&[paid("P1", "A1", "60.270")]).await;
    assert!(failed.is_err());
    assert_eq!((rows(&world, "i").await, rows(&world, "mb").await), (0, 1));
    assert_eq!(send(&engine, paid("P1", "A1", "60.270")).await, [run]);
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(told.output, Some(json("60.270")), "numbers keep their text");
    let receive = told.steps[0].receive.as_ref().unwrap();
    assert_eq!(receive.id.as_deref(), Some("P1"));
    assert_eq!(receive.source.as_deref(), Some("/bank"));
    assert!(self::open(&engine).await.is_empty());
    // The same again is a duplicate.
    assert_eq!(send(&engine, paid("P1", "A1", "60.270")).await, []);
    assert_eq!(told.steps.len(), 1);
}

#[tokio::test]
async fn an_event_that_comes_early_is_kept_for_the_run() {
    let world = people();
    let engine = world.engine(held(waiting(payment()))).await;
    let run = begin(&engine).await;
    assert_eq!(send(&engine, paid("P1", "A1", "1.10")).await, []);
    assert_eq!(send(&engine, paid("P2", "A1", "2")).await, []);
    go(&engine, run).await;
    let told = story(&engine, run).await;
    assert_eq!(told.output, Some(json("1.10")), "the oldest one");
}

#[tokio::test]
async fn an_event_of_the_time_before_the_run_does_not_count() {
    let world = World::default();
    let engine = world.engine(waiting(within(payment(), HOUR))).await;
    send(&engine, paid("P1", "A1", "1")).await;
    world.clock.advance(Duration::from_millis(1));
    let run = begin(&engine).await;
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Parked);
    let error = told.error.unwrap();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.code, code::RECEIVE_TIMEOUT.to_string());
    let took = told.ended_at.unwrap().since(told.created_at);
    assert!(took >= HOUR, "{took:?}");
    assert!(open(&engine).await.is_empty());
}

#[tokio::test]
async fn what_comes_while_the_run_is_parked_is_there_when_it_is_retried() {
    let world = World::default();
    let engine = world.engine(waiting(within(payment(), HOUR))).await;
    let run = begin(&engine).await;
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Parked);
    assert_eq!(send(&engine, paid("P1", "A1", "7")).await, []);
    command(&engine, run, Command::Retry { path: None }).await;
    let told = story(&engine, run).await;
    assert_eq!(told.output, Some(json("7")));
}

#[tokio::test]
async fn nothing_comes_in_time_and_the_flow_says_what_that_means() {
    let goes_on = Receive {
        on_timeout: OnTimeout::Continue,
        ..within(payment(), HOUR)
    };
    let world = World::default();
    let told = world.run(waiting(goes_on), ORDER).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(told.output, Some(JsonText::null()));
    let attempt: Block = vec![receive("payment", within(payment(), HOUR))];
    let answer: Block = vec![set("late", r#"{"code":<$error.code>}"#)];
    let caught = try_("try", attempt, vec![(vec![ErrorKind::Timeout], answer)]);
    let told = World::default()
        .run(plan(vec![caught], "<$vars.code>"), ORDER)
        .await;
    assert_eq!(told.output, Some(json(r#""DWL-2330""#)));
}

#[tokio::test]
async fn every_run_that_waits_gets_the_event() {
    let world = World::default();
    let mut plan = waiting(Receive {
        program: program(None, &["<$trigger.customer>"]),
        ..payment()
    });
    plan.dedupe = None;
    let engine = world.engine(plan).await;
    let mut runs = vec![begin(&engine).await, begin(&engine).await];
    runs.sort();
    asked(&engine, 2).await;
    assert_eq!(send(&engine, paid("P1", "C1", "5")).await, runs);
    for run in runs {
        assert_eq!(story(&engine, run).await.output, Some(json("5")));
    }
}

#[tokio::test]
async fn steps_of_one_run_share_the_events_in_the_order_in_which_they_began_to_wait() {
    let world = World::default();
    let pair = parallel(
        "both",
        Join::All,
        vec![
            ("left", vec![receive("one", payment())]),
            ("right", vec![receive("two", payment())]),
        ],
    );
    let after = receive("three", payment());
    let output = r#"[<$steps.both.left.data.amount>,<$steps.both.right.data.amount>,<$steps.three.data.amount>]"#;
    let engine = world.engine(plan(vec![pair, after], output)).await;
    let run = begin(&engine).await;
    asked(&engine, 2).await;
    assert_eq!(send(&engine, paid("P1", "A1", "1")).await, [run]);
    asked(&engine, 1).await;
    let batch = [paid("P2", "A1", "2"), paid("P3", "A1", "3")];
    let published = engine.publish(&batch).await.unwrap();
    assert_eq!(published[0].received, [run]);
    let told = story(&engine, run).await;
    assert_eq!(told.output, Some(json("[1,2,3]")));
}

#[tokio::test]
async fn each_item_of_a_loop_waits_for_its_own() {
    let world = World::default();
    let item = Receive {
        program: program(None, &["<$item>"]),
        output: Some(program(None, &["<.data.amount>"])),
        ..payment()
    };
    let steps = vec![receive("payment", item)];
    let items = each(r#"["X","Y"]"#, OnItemFailure::Stop, steps);
    let engine = world
        .engine(plan(vec![items], "<$steps.lines.items>"))
        .await;
    let run = begin(&engine).await;
    asked(&engine, 2).await;
    send(&engine, paid("P1", "Y", "2")).await;
    asked(&engine, 1).await;
    send(&engine, paid("P2", "X", "1")).await;
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(told.output, Some(json("[1,2]")));
}

#[tokio::test]
async fn the_event_that_began_a_run_is_not_received_by_it() {
    let world = World::default();
    let mut plan = waiting(Receive {
        program: program(None, &["<$trigger.order>"]),
        ..payment()
    });
    plan.dedupe = None;
    plan.triggers = vec![Trigger {
        name: "event".to_owned(),
        schema: None,
        sensitive: Vec::new(),
        kind: TriggerKind::Event {
            event_type: "com.example.payment".to_owned(),
            source: None,
            filter: None,
        },
    }];
    let engine = world.engine(plan).await;
    send(&engine, paid("P1", "A1", "1")).await;
    let open = asked(&engine, 1).await;
    world.clock.advance(Duration::from_millis(1));
    // It begins a run of its own, which waits as well.
    let second = engine.publish(&[paid("P2", "A1", "2")]).await.unwrap();
    assert_eq!(second[0].received, [open[0].run]);
    let told = story(&engine, open[0].run).await;
    assert_eq!(told.output, Some(json("2")));
    let left = asked(&engine, 1).await;
    assert_eq!(left[0].run, second[0].taken[0].accepted.run());
}

#[tokio::test]
async fn an_emitted_event_wakes_a_run_of_another_flow() {
    let world = World::default();
    let emit = StepKind::Emit {
        event_type: "com.example.payment".to_owned(),
        program: program(None, &[r#"{"order":<$trigger.id>,"amount":9}"#]),
    };
    let mut emitter = plan(vec![step("tell", emit)], "null");
    emitter.flow = "bank".parse().unwrap();
    let store = Arc::new(world.store.clone());
    let engine = world
        .engine_of(store, vec![waiting(payment()), emitter])
        .await;
    let run = begin(&engine).await;
    asked(&engine, 1).await;
    let mut order = request(ORDER);
    order.flow = "bank".parse().unwrap();
    engine.accept(order).await.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.output, Some(json("9")));
    let receive = told.steps[0].receive.as_ref().unwrap();
    assert_eq!(receive.source.as_deref(), Some("urn:dowel:flow:bank"));
}

#[tokio::test]
async fn a_rerun_may_use_what_came_for_the_run_before_it() {
    let world = World::default();
    let fails = call(
        "invoice",
        "erp.create",
        "{}",
        dowel_core::manifest::Idempotency::Keyed,
    );
    world.connectors.script(
        "erp.create",
        [
            dowel_testkit::Answer::Fail(ErrorKind::Rejected, dowel_core::SendRecord::Answered),
            dowel_testkit::Answer::Return(json("{}")),
        ],
    );
    let mut plan = waiting(payment());
    plan.steps.push(fails);
    let engine = world.engine(plan).await;
    let run = begin(&engine).await;
    send(&engine, paid("P1", "A1", "4")).await;
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Parked);
    world.clock.advance(HOUR);
    let deciding = Deciding {
        actor: "ana".to_owned(),
        reason: Some("again".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    };
    let decided = engine.decide(run, deciding, Action::Rerun).await.unwrap();
    let again = decided.began.unwrap();
    let told = story(&engine, again).await;
    assert_eq!(told.output, Some(json("4")));
}

#[tokio::test]
async fn cancelling_and_the_other_branch_take_the_wait_back() {
    let world = World::default();
    let engine = world.engine(waiting(payment())).await;
    let run = begin(&engine).await;
    asked(&engine, 1).await;
    command(&engine, run, Command::Cancel { compensate: false }).await;
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Cancelled);
    assert!(open(&engine).await.is_empty());
    assert_eq!(send(&engine, paid("P1", "A1", "1")).await, []);

    let world = World::default();
    let pause = Wait {
        program: program(None, &[]),
        duration: Some(HOUR),
        calendar: None,
    };
    let any = parallel(
        "first",
        Join::Any,
        vec![
            ("left", vec![receive("payment", payment())]),
            ("right", vec![step("pause", StepKind::Wait(pause))]),
        ],
    );
    let after = receive("after", payment());
    let engine = world
        .engine(plan(vec![any, after], "<$steps.after.data.amount>"))
        .await;
    let run = begin(&engine).await;
    // The branch that waited is given up after an hour, and `after` waits.
    while open(&engine)
        .await
        .first()
        .map(|one| one.step.as_str().to_owned())
        != Some("after".to_owned())
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(send(&engine, paid("P1", "A1", "3")).await, [run]);
    assert_eq!(story(&engine, run).await.output, Some(json("3")));
}

#[tokio::test]
async fn keys_that_are_none_are_refused_on_either_side() {
    let world = World::default();
    let no_key = Receive {
        program: program(None, &["<$trigger.missing>"]),
        ..payment()
    };
    let told = world.run(waiting(no_key), ORDER).await;
    assert_eq!(told.status, RunStatus::Parked);
    assert_eq!(
        told.error.unwrap().code,
        code::RECEIVE_BAD_VALUE.to_string()
    );
    let engine = world.engine(waiting(payment())).await;
    let number = paid("P1", "A1", "1")
        .to_json()
        .as_str()
        .replace(r#""order":"A1""#, r#""order":4711"#);
    let parse = |text: &str| CloudEvent::parse(&JsonText::parse(text).unwrap()).unwrap();
    send(&engine, parse(&number)).await;
    let object = number.replace("4711", "{}");
    let error = engine.publish(&[parse(&object)]).await.unwrap_err();
    let PublishError::Refused(refused) = &error else {
        panic!("{error}");
    };
    let refusal = &refused[0].1[0];
    assert_eq!(refusal.code, code::RECEIVE_MATCH_FAILED);
    assert_eq!(refusal.trigger, "payment");
    // An event without the key is for nobody.
    let none = number.replace("4711", "null");
    let published = engine.publish(&[parse(&none)]).await.unwrap();
    assert!(!published[0].is_kept && published[0].refused.is_empty());
}

#[tokio::test]
async fn a_value_that_breaks_the_steps_schema_is_there_again_for_a_retry() {
    let world = World::default();
    let mut plan = waiting(Receive {
        output: Some(program(None, &["<.data>"])),
        ..payment()
    });
    plan.steps[0].schema = Some(json(r#"{"properties":{"amount":{"type":"string"}}}"#));
    let engine = world.engine(plan).await;
    let run = begin(&engine).await;
    send(&engine, paid("P1", "A1", "1")).await;
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Parked);
    assert_eq!(told.error.unwrap().code, code::OUTPUT_SCHEMA.to_string());
    command(&engine, run, Command::Retry { path: None }).await;
    assert_eq!(engine.settled(run).await.unwrap(), RunStatus::Parked);
    let story = engine.story(run).await.unwrap().unwrap();
    assert_eq!(story.error.unwrap().code, code::OUTPUT_SCHEMA.to_string());
}

async fn rows(world: &World, family: &str) -> usize {
    let scan = Scan::prefix(family, 100).keys_only();
    world.store.scan(scan).await.unwrap().len()
}

async fn pass(world: &World, time: Duration) {
    let later = world.clock.now().plus(time);
    world.clock.sleep_until(later).await;
}

#[tokio::test]
async fn kept_events_are_removed_after_the_deadline_of_the_flow_or_thirty_days() {
    for (deadline, before, after) in [(Some(2 * DAY), DAY, 2 * DAY), (None, 29 * DAY, 2 * DAY)] {
        let world = World::default();
        let mut plan = waiting(payment());
        plan.limits.deadline = deadline;
        let engine = world.engine(plan).await;
        send(&engine, paid("P1", "A1", "1")).await;
        pass(&world, before).await;
        engine.sweep().await.unwrap();
        assert_eq!((rows(&world, "mb").await, rows(&world, "mi").await), (1, 1));
        pass(&world, after).await;
        engine.sweep().await.unwrap();
        assert_eq!((rows(&world, "mb").await, rows(&world, "mi").await), (0, 0));
        assert_eq!(rows(&world, "x").await, 0);
    }
}

#[tokio::test]
async fn a_run_of_an_earlier_version_gets_its_event_and_its_question_goes_with_it() {
    let world = World::default();
    let first = world.engine(waiting(payment())).await;
    let run = begin(&first).await;
    asked(&first, 1).await;
    first.drain(Duration::from_secs(1)).await;
    let mut other = waiting(Receive {
        event: program(None, &["<.data.number>"]),
        ..payment()
    });
    other.version = "2.0.0".parse().unwrap();
    let engine = world.engine(other).await;
    assert_eq!(rows(&world, "mr").await, 2);
    pass(&world, 31 * DAY).await;
    engine.sweep().await.unwrap();
    assert_eq!(rows(&world, "mr").await, 2, "somebody waits with it");
    assert_eq!(send(&engine, paid("P1", "A1", "8")).await, [run]);
    assert_eq!(story(&engine, run).await.output, Some(json("8")));
    engine.sweep().await.unwrap();
    assert_eq!(rows(&world, "mr").await, 1);
    let published = engine.publish(&[paid("P2", "A1", "9")]).await.unwrap();
    assert!(!published[0].is_kept);
}
