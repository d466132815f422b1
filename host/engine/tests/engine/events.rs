//! Events between flows: published if and only if their step is recorded, taken once.

use crate::crash::{Crash, Mortal, before_death};
use crate::support::*;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::port::{Clock, Scan, Store, StoreError};
use dowel_core::{FlowName, JsonText};
use dowel_engine::state::RunStatus;
use dowel_engine::story::Story;
use dowel_engine::{Accepted, Engine, EngineOptions, IntakeError, PublishError, RunsQuery};
use dowel_flow::plan::{Plan, StepKind, Trigger, TriggerKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

fn named(name: &str, mut plan: Plan) -> Plan {
    plan.flow = name.parse().unwrap();
    plan.dedupe = None;
    plan
}

fn emit(id: &str, event_type: &str, data: &str) -> dowel_flow::plan::Step {
    step(
        id,
        StepKind::Emit {
            event_type: event_type.to_owned(),
            program: program(None, &[data]),
        },
    )
}

/// A flow that emits two events.
fn emitter() -> Plan {
    let first = emit(
        "first",
        "com.example.order.paid",
        r#"{"id":"E1","n":<$trigger.total>}"#,
    );
    let second = emit("second", "com.example.order.sent", r#"{"id":"E2"}"#);
    let mut plan = plan(vec![first, second], "null");
    plan.triggers[0].schema = None;
    plan
}

fn trigger(event_type: &str, filter: Option<&str>) -> Trigger {
    Trigger {
        name: "event".to_owned(),
        schema: Some(json(r#"{"type":"object","required":["id"]}"#)),
        kind: TriggerKind::Event {
            event_type: event_type.to_owned(),
            source: None,
            filter: filter.map(|filter| program(None, &[filter])),
        },
        sensitive: Vec::new(),
    }
}

/// A flow that takes events and writes down what it sees of them.
pub(crate) fn taker(name: &str, event_type: &str, filter: Option<&str>) -> Plan {
    let seen =
        r#"{"data":<$trigger>,"type":<$event.type>,"source":<$event.source>,"id":<$event.id>}"#;
    let mut plan = named(name, plan(vec![set("seen", seen)], "<$vars>"));
    plan.triggers = vec![trigger(event_type, filter)];
    plan
}

pub(crate) fn event(text: &str) -> CloudEvent {
    CloudEvent::parse(&JsonText::parse(text).unwrap()).unwrap()
}

fn paid(id: &str) -> CloudEvent {
    event(&format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"/shop","type":"com.example.order.paid","data":{{"id":"{id}","big":true,"n":1.10}}}}"#
    ))
}

/// The stories of a flow's runs, the oldest first, once all have come to rest and the
/// outbox is empty.
async fn settled(engine: &Engine, store: &dyn Store, flow: &str, expected: usize) -> Vec<Story> {
    let flow: FlowName = flow.parse().unwrap();
    for _ in 0..10_000 {
        let outbox = store.scan(Scan::prefix("o", 10)).await.unwrap();
        let query = RunsQuery {
            flow: Some(flow.clone()),
            limit: 100,
            ..RunsQuery::default()
        };
        let runs = engine.runs(&query).await.unwrap().runs;
        let at_rest = runs.iter().all(|run| run.status.is_at_rest());
        if outbox.is_empty() && at_rest && runs.len() >= expected {
            assert_eq!(runs.len(), expected, "{flow}");
            let mut stories = Vec::new();
            for run in runs.iter().rev() {
                stories.push(engine.story(run.id).await.unwrap().unwrap());
            }
            return stories;
        }
        tokio::task::yield_now().await;
    }
    panic!("waited in vain for {expected} runs of {flow}");
}

fn output(story: &Story) -> String {
    story.output.as_ref().unwrap().to_string()
}

#[tokio::test]
async fn an_emitted_event_begins_the_flows_that_take_it() {
    let world = World::default();
    let plans = vec![
        emitter(),
        taker("all", "com.example.order.*", None),
        taker("paid", "com.example.order.paid", None),
        taker("other", "com.example.other", None),
    ];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    let paid = settled(&engine, &world.store, "paid", 1).await;
    assert_eq!(
        output(&paid[0]),
        format!(
            r#"{{"data":{{"id":"E1","n":60.270}},"id":"{run}.first","source":"urn:dowel:flow:test","type":"com.example.order.paid"}}"#
        ),
        "numbers keep their text"
    );
    let all = settled(&engine, &world.store, "all", 2).await;
    assert_eq!(all.len(), 2);
    assert!(settled(&engine, &world.store, "other", 0).await.is_empty());
    let by_id = engine.runs_by_key(&format!("{run}.first")).await.unwrap();
    assert_eq!(by_id.len(), 2, "an event's id leads to its runs");
}

/// Stops at commit number `last` and restarts; returns whether it came to that.
async fn crash_at(last: usize, crash: Crash) -> bool {
    let world = World::default();
    let plans = || {
        vec![
            emitter(),
            taker("paid", "com.example.order.paid", None),
            taker("sent", "com.example.order.sent", None),
        ]
    };
    let dead = Arc::new(Notify::new());
    let store = Mortal::new(&world.store, last, crash, &dead);
    let start = world.engine_of(Arc::new(store), plans());
    let Some(first) = before_death(&dead, start).await else {
        return true;
    };
    let all = async {
        first.accept(request(ORDER)).await.unwrap();
        settled(&first, &world.store, "paid", 1).await;
        settled(&first, &world.store, "sent", 1).await;
    };
    if before_death(&dead, all).await.is_some() {
        return false;
    }
    let engine = world
        .engine_of(Arc::new(world.store.clone()), plans())
        .await;
    engine.accept(request(ORDER)).await.unwrap();
    let emitted = settled(&engine, &world.store, "test", 1).await;
    assert_eq!(emitted[0].status, RunStatus::Succeeded);
    for flow in ["paid", "sent"] {
        let runs = settled(&engine, &world.store, flow, 1).await;
        assert_eq!(
            runs[0].status,
            RunStatus::Succeeded,
            "{crash:?} {last} {flow}"
        );
    }
    true
}

#[tokio::test]
async fn every_write_may_be_the_last_one_and_each_event_begins_one_run() {
    for crash in [Crash::Before, Crash::After] {
        let mut crashes = 0;
        // The first three commits keep the plans.
        for last in 3.. {
            if !crash_at(last, crash).await {
                break;
            }
            crashes += 1;
        }
        assert!(crashes >= 4, "only {crashes} writes were tried");
    }
}

#[tokio::test]
async fn an_event_that_could_not_be_delivered_is_delivered_later() {
    let world = World::default();
    let plans = vec![emitter(), taker("paid", "com.example.order.paid", None)];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    let run = engine.accept(request(ORDER)).await.unwrap().run();
    world.store.fail_next(StoreError::Full);
    world.store.fail_next(StoreError::Full);
    settled(&engine, &world.store, "paid", 1).await;
    assert_eq!(story(&engine, run).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn emitted_events_wait_for_room_in_the_backlog() {
    let world = World {
        options: EngineOptions {
            max_backlog: 1,
            ..EngineOptions::default()
        },
        ..World::default()
    };
    let plans = vec![emitter(), taker("all", "com.example.order.*", None)];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    engine.accept(request(ORDER)).await.unwrap();
    let runs = settled(&engine, &world.store, "all", 2).await;
    assert_eq!(runs.len(), 2);
}

#[tokio::test]
async fn a_disabled_flow_takes_no_events_and_none_is_lost() {
    let world = World {
        options: EngineOptions {
            disabled: ["sent".parse().unwrap()].into(),
            ..EngineOptions::default()
        },
        ..World::default()
    };
    let plans = vec![
        emitter(),
        taker("paid", "com.example.order.*", None),
        taker("sent", "com.example.order.sent", None),
    ];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    engine.accept(request(ORDER)).await.unwrap();
    settled(&engine, &world.store, "paid", 2).await;
    settled(&engine, &world.store, "sent", 0).await;
    let kept = engine.undelivered(None, 10).await.unwrap();
    assert_eq!(kept.entries.len(), 1);
    assert_eq!(kept.entries[0].refusal.flow.as_str(), "sent");
    let only = world.engine_of(
        Arc::new(world.store.clone()),
        vec![taker("sent", "com.example.order.sent", None)],
    );
    let sent = paid("P1")
        .to_json()
        .as_str()
        .replace("order.paid", "order.sent");
    let error = only.await.publish(&[event(&sent)]).await.unwrap_err();
    assert!(
        matches!(error, PublishError::Intake(IntakeError::FlowDisabled(_))),
        "{error}"
    );
}

#[tokio::test]
async fn a_refused_event_is_shown_without_what_its_trigger_hides() {
    let world = World::default();
    let mut hides = taker("no", "com.example.order.paid", Some("<.data.id>"));
    hides.triggers[0].sensitive = vec!["/id".to_owned()];
    let plans = vec![hides, taker("yes", "com.example.order.paid", None)];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    engine.publish(&[paid("P1")]).await.unwrap();
    let kept = engine
        .undelivered(None, 10)
        .await
        .unwrap()
        .entries
        .remove(0);
    assert_eq!(kept.refusal.flow.as_str(), "no");
    let text = kept.event.as_str();
    assert!(text.contains(r#""id":"•••""#), "{text}");
}

#[tokio::test]
async fn a_refusal_is_removed_after_90_days() {
    let world = World::default();
    let plans = vec![
        taker("no", "com.example.order.paid", Some("<.data.id>")),
        taker("yes", "com.example.order.paid", None),
    ];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    engine.publish(&[paid("P1")]).await.unwrap();
    settled(&engine, &world.store, "yes", 1).await;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    for (wait, left) in [(days(89), 1_usize), (days(2), 0)] {
        let later = world.clock.now().plus(wait);
        world.clock.sleep_until(later).await;
        engine.sweep().await.unwrap();
        assert_eq!(
            engine.undelivered(None, 10).await.unwrap().entries.len(),
            left
        );
    }
}

#[tokio::test]
async fn events_from_outside_are_taken_once() {
    let world = World::default();
    let plans = vec![
        taker("a", "com.example.order.paid", None),
        taker("b", "com.example.order.*", None),
    ];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    let batch = [paid("P1"), paid("P2"), paid("P1")];
    // One transaction: it fails as a whole.
    world.store.fail_next(StoreError::Full);
    assert!(engine.publish(&batch).await.is_err());
    settled(&engine, &world.store, "a", 0).await;
    let published = engine.publish(&batch).await.unwrap();
    let flows: Vec<_> = published[0]
        .taken
        .iter()
        .map(|taken| taken.flow.as_str())
        .collect();
    assert_eq!(flows, ["a", "b"]);
    let first = published[0].taken[0].accepted.run();
    assert_eq!(published[0].taken[0].accepted, Accepted::New(first));
    assert_eq!(published[2].taken[0].accepted, Accepted::Duplicate(first));
    let again = engine.publish(&[paid("P1")]).await.unwrap();
    assert_eq!(again[0].taken[0].accepted, Accepted::Duplicate(first));
    let other = paid("P1").to_json().as_str().replace("/shop", "/other");
    let other = engine.publish(&[event(&other)]).await.unwrap();
    assert!(matches!(other[0].taken[0].accepted, Accepted::New(_)));
    settled(&engine, &world.store, "a", 3).await;
    settled(&engine, &world.store, "b", 3).await;
}

#[tokio::test]
async fn a_filter_says_yes_or_no_and_its_failure_is_not_silent() {
    let world = World::default();
    let plans = vec![
        taker("boom", "com.example.order.paid", Some("<$boom>")),
        taker("no", "com.example.order.paid", Some("false")),
        taker("text", "com.example.order.paid", Some("<.data.id>")),
        taker("yes", "com.example.order.paid", Some("<.data.big>")),
    ];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    let published = engine.publish(&[paid("P1")]).await.unwrap();
    let taken: Vec<_> = published[0]
        .taken
        .iter()
        .map(|taken| taken.flow.as_str())
        .collect();
    assert_eq!(taken, ["yes"]);
    let refused = published[0].refused.iter();
    let refused: Vec<_> = refused
        .map(|refusal| (refusal.flow.as_str(), refusal.code.to_string()))
        .collect();
    assert_eq!(
        refused,
        [
            ("boom", "DWL-2115".to_owned()),
            ("text", "DWL-2114".to_owned())
        ]
    );
    let kept = engine.undelivered(None, 10).await.unwrap();
    assert_eq!(kept.entries.len(), 2);
    assert_eq!(event(kept.entries[0].event.as_str()), paid("P1"));
}

#[tokio::test]
async fn what_every_flow_refuses_is_not_kept_and_what_nobody_wants_is_no_error() {
    let world = World::default();
    let plans = vec![taker("a", "com.example.order.paid", None)];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    let bad = paid("P1")
        .to_json()
        .as_str()
        .replace("\"id\":\"P1\",\"big\"", "\"big\"");
    let error = engine
        .publish(&[paid("P0"), event(&bad)])
        .await
        .unwrap_err();
    let PublishError::Refused(refused) = &error else {
        panic!("{error}");
    };
    assert_eq!(refused[0].0, 1);
    assert_eq!(refused[0].1[0].violations.len(), 1);
    assert_eq!(error.code().to_string(), "DWL-4045");
    let unknown = paid("P1").to_json().as_str().replace("paid", "unknown");
    let published = engine.publish(&[event(&unknown)]).await.unwrap();
    assert!(published[0].taken.is_empty() && published[0].refused.is_empty());
    settled(&engine, &world.store, "a", 0).await;
    let undelivered = engine.undelivered(None, 10).await.unwrap();
    assert!(undelivered.entries.is_empty());
}

#[tokio::test]
async fn a_refused_emit_is_kept_for_a_person() {
    let world = World::default();
    let plans = vec![
        emitter(),
        taker("sent", "com.example.order.sent", Some("<.data.id>")),
    ];
    let engine = world.engine_of(Arc::new(world.store.clone()), plans).await;
    engine.accept(request(ORDER)).await.unwrap();
    settled(&engine, &world.store, "sent", 0).await;
    settled(&engine, &world.store, "test", 1).await;
    let kept = engine.undelivered(None, 10).await.unwrap();
    assert_eq!(kept.entries.len(), 1);
    assert_eq!(kept.entries[0].refusal.flow.as_str(), "sent");
}

#[tokio::test]
async fn a_circle_of_flows_is_broken() {
    let world = World::default();
    let mut circle = named(
        "circle",
        plan(
            vec![emit("on", "com.example.round", r#"{"id":"R"}"#)],
            "null",
        ),
    );
    circle.triggers = vec![trigger("com.example.round", None)];
    let engine = world
        .engine_of(Arc::new(world.store.clone()), vec![circle])
        .await;
    let begin = r#"{"specversion":"1.0","id":"1","source":"/s","type":"com.example.round","data":{"id":"R"}}"#;
    engine.publish(&[event(begin)]).await.unwrap();
    let stories = settled(&engine, &world.store, "circle", 33).await;
    let parked = stories
        .iter()
        .filter(|story| story.status == RunStatus::Parked);
    let codes: Vec<_> = parked
        .map(|story| story.error.clone().unwrap().code)
        .collect();
    assert_eq!(codes, ["DWL-2116"]);
}
