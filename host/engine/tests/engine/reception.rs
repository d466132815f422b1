//! Requests that a connector reads: all events of one begin their runs together, once, and
//! nothing is acknowledged that is not on disk.

use crate::crash::{Crash, Mortal, before_death};
use crate::desk::ana;
use crate::schedule::at;
use crate::support::*;
use dowel_core::code::{api, run as code};
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, HookAnswer, HookRequest, Invoker, ReceiverRequest,
    Reception, Secret, SourceEvent, Store,
};
use dowel_core::{ErrorKind, StepError};
use dowel_engine::{
    Accepted, Engine, EngineOptions, Ports, Received, ReceptionError, ReceptionRequest, RunsQuery,
    SwitchTarget,
};
use dowel_flow::plan::{Plan, Receiver, Trigger, TriggerKind};
use dowel_testkit::{FakeConnectors, ManualClock, MemoryStore, SeededRandomness};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// A connector that says what a test has told it to say.
struct Ear {
    calls: FakeConnectors,
    says: Mutex<Result<Reception, StepError>>,
    heard: Mutex<Vec<ReceiverRequest>>,
    /// Each request needs a permit to be read.
    gate: Semaphore,
    store: MemoryStore,
    hosts: AtomicU64,
}

impl Ear {
    fn that_says(says: Result<Reception, StepError>) -> Arc<Self> {
        Arc::new(Self {
            calls: FakeConnectors::default(),
            says: Mutex::new(says),
            heard: Mutex::default(),
            gate: Semaphore::new(1000),
            store: MemoryStore::default(),
            hosts: AtomicU64::new(0),
        })
    }
}

impl Invoker for Ear {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        self.calls.call(request)
    }

    fn receive(&self, request: ReceiverRequest) -> BoxFuture<'_, Result<Reception, StepError>> {
        Box::pin(async move {
            self.heard.lock().push(request);
            self.gate.acquire().await.unwrap().forget();
            self.says.lock().clone()
        })
    }
}

fn event(number: usize) -> SourceEvent {
    SourceEvent {
        id: format!("E{number}"),
        kind: "rate.changed".to_owned(),
        subject: Some("EUR".to_owned()),
        time: None,
        data: json(&format!(r#"{{"id":"P{number}","rate":1.10}}"#)),
    }
}

fn events(numbers: std::ops::Range<usize>) -> Reception {
    Reception {
        events: numbers.map(event).collect(),
        answer: None,
    }
}

fn heard(version: &str) -> Plan {
    let mut plan = plan(vec![set("note", r#"{"id":<$trigger.id>}"#)], "<$event.id>");
    plan.version = version.parse().unwrap();
    plan.dedupe = None;
    let schema = r#"{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}"#;
    plan.triggers = vec![Trigger {
        name: "webhook".to_owned(),
        schema: Some(json(schema)),
        sensitive: Vec::new(),
        kind: TriggerKind::Receiver(Receiver {
            path: "/rates".to_owned(),
            connection: "crm".parse().unwrap(),
            receiver: "changes".parse().unwrap(),
            params: json(r#"{"base":"EUR"}"#),
            handshake: true,
            subscription: false,
            deadline: Duration::from_secs(10),
        }),
    }];
    plan
}

fn clock() -> ManualClock {
    ManualClock::at(at("2026-03-01T09:00:00Z"))
}

async fn start(ear: &Arc<Ear>, store: Arc<dyn Store>) -> Result<Engine, dowel_engine::EngineError> {
    let ports = Ports {
        store,
        invoker: ear.clone(),
        mapper: Arc::new(PathMapper),
        clock: Arc::new(clock()),
        // Another host draws other ids.
        randomness: Arc::new(SeededRandomness::new(
            ear.hosts.fetch_add(1, Ordering::SeqCst),
        )),
    };
    Engine::start(ports, EngineOptions::default(), vec![heard("1.0.0")]).await
}

async fn on(ear: &Arc<Ear>) -> Engine {
    start(ear, Arc::new(ear.store.clone())).await.unwrap()
}

fn request() -> ReceptionRequest {
    ReceptionRequest {
        flow: "test".parse().unwrap(),
        trigger: "webhook".to_owned(),
        http: HookRequest {
            method: "POST".to_owned(),
            body: b"body".to_vec(),
            ..HookRequest::default()
        },
        keys: vec![Secret::new("key")],
        traceparent: None,
    }
}

/// The ids of the events that runs have begun with, one for each run.
async fn taken(engine: &Engine) -> Vec<String> {
    let query = RunsQuery {
        limit: 500,
        ..RunsQuery::default()
    };
    let runs = engine.runs(&query).await.unwrap().runs;
    let mut ids: Vec<String> = runs.into_iter().filter_map(|run| run.dedupe_key).collect();
    ids.sort();
    ids
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("E{number}")).collect()
}

fn new(received: &Received) -> usize {
    let is_new = |accepted: &&Accepted| matches!(accepted, Accepted::New(_));
    received.events.iter().filter(is_new).count()
}

#[tokio::test]
async fn every_event_of_a_request_begins_one_run_however_often_it_comes() {
    let ear = Ear::that_says(Ok(events(0..3)));
    let engine = on(&ear).await;
    let first = engine.receive(request()).await.unwrap();
    assert_eq!((new(&first), first.refused, &first.answer), (3, 0, &None));
    *ear.says.lock() = Ok(events(1..5));
    let second = engine.receive(request()).await.unwrap();
    assert_eq!((new(&second), second.events.len()), (2, 4));
    assert_eq!(taken(&engine).await, numbers(5));
    let heard = ear.heard.lock().remove(0);
    assert_eq!(heard.params.as_str(), r#"{"base":"EUR"}"#);
    assert_eq!(heard.http.body, b"body");
    assert_eq!(heard.keys, [Secret::new("key")]);
    // The same event twice in a request is one event.
    *ear.says.lock() = Ok(Reception {
        events: vec![event(7), event(7)],
        answer: None,
    });
    assert_eq!(new(&engine.receive(request()).await.unwrap()), 1);
}

#[tokio::test]
async fn a_crash_at_any_write_loses_nothing_that_was_acknowledged() {
    let mut deaths = 0;
    for crash in [Crash::Before, Crash::After] {
        for write in 0..30 {
            let ear = Ear::that_says(Ok(events(0..3)));
            let dead = Arc::new(Notify::new());
            let mortal = Arc::new(Mortal::new(&ear.store, write, crash, &dead));
            let life = async {
                let engine = start(&ear, mortal).await.unwrap();
                engine.receive(request()).await.map(|_| engine)
            };
            if before_death(&dead, life).await.is_some() {
                continue;
            }
            deaths += 1;
            let second = on(&ear).await;
            let before = taken(&second).await;
            assert!(before.is_empty() || before.len() == 3, "{crash:?} {write}");
            // The sender has no answer, and sends again.
            second.receive(request()).await.unwrap();
            assert_eq!(taken(&second).await, numbers(3), "{crash:?} write {write}");
        }
    }
    assert!(deaths > 2, "{deaths} crashes");
}

#[tokio::test]
async fn a_receiver_that_fails_takes_nothing_and_says_whose_fault_it_is() {
    let host = |kind, code| StepError::host(kind, code, "why");
    let own = |kind| StepError {
        code: "signature-wrong".to_owned(),
        ..host(kind, code::CALL_TRAPPED)
    };
    for (error, wanted, is_refusal) in [
        (
            host(ErrorKind::Internal, code::CALL_TRAPPED),
            api::RECEIVER_FAILED,
            false,
        ),
        (
            host(ErrorKind::Timeout, code::CALL_DEADLINE),
            api::RECEIVER_FAILED,
            false,
        ),
        // The host's own words are never a judgement about the sender.
        (
            host(ErrorKind::InvalidInput, code::CALL_NOT_INSTALLED),
            api::RECEIVER_FAILED,
            false,
        ),
        (own(ErrorKind::Unauthenticated), api::RECEIVER_REFUSED, true),
        (own(ErrorKind::InvalidInput), api::RECEIVER_REFUSED, true),
        (own(ErrorKind::Unavailable), api::RECEIVER_FAILED, false),
        (own(ErrorKind::Internal), api::RECEIVER_FAILED, false),
    ] {
        let ear = Ear::that_says(Err(error.clone()));
        let engine = on(&ear).await;
        let refused = engine.receive(request()).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.is_refusal()),
            (wanted, is_refusal),
            "{error}"
        );
        assert!(taken(&engine).await.is_empty());
    }
}

#[tokio::test]
async fn what_breaks_the_schema_is_kept_and_does_not_hold_up_the_others() {
    let mut reception = events(0..3);
    reception.events[1].data = json(r#"{"id":4711}"#);
    let ear = Ear::that_says(Ok(reception));
    let engine = on(&ear).await;
    let received = engine.receive(request()).await.unwrap();
    assert_eq!((new(&received), received.refused), (2, 1));
    assert_eq!(taken(&engine).await, ["E0", "E2"]);
    let kept = engine.undelivered(None, 10).await.unwrap().entries;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].refusal.code, api::PAYLOAD_SCHEMA);
    assert!(kept[0].event.as_str().contains(r#""id":"E1""#));
    assert!(
        kept[0]
            .event
            .as_str()
            .contains("urn:dowel:receiver:crm:changes")
    );
}

#[tokio::test]
async fn a_handshake_is_answered_and_begins_nothing() {
    let answer = HookAnswer {
        status: 200,
        headers: Vec::new(),
        body: "challenge".to_owned(),
    };
    let ear = Ear::that_says(Ok(Reception {
        events: Vec::new(),
        answer: Some(answer.clone()),
    }));
    let engine = on(&ear).await;
    let received = engine.receive(request()).await.unwrap();
    assert_eq!(received.answer, Some(answer));
    assert!(taken(&engine).await.is_empty());
    for method in ["POST", "GET", "HEAD"] {
        assert!(engine.hook(method, "/rates").is_some(), "{method}");
    }
    assert!(engine.hook("PUT", "/rates").is_none());
}

#[tokio::test]
async fn a_flood_is_turned_away_and_room_comes_back() {
    let ear = Ear::that_says(Ok(events(0..1)));
    let engine = on(&ear).await;
    ear.gate.forget_permits(1000);
    let mut waiting = Vec::new();
    for _ in 0..16 {
        let engine = engine.clone();
        waiting.push(tokio::spawn(async move { engine.receive(request()).await }));
    }
    settle().await;
    let busy = engine.receive(request()).await.unwrap_err();
    assert!(matches!(busy, ReceptionError::Busy) && busy.retry_after().is_some());
    ear.gate.add_permits(100);
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    engine.receive(request()).await.unwrap();
    assert_eq!(taken(&engine).await, numbers(1));
}

#[tokio::test]
async fn what_is_switched_off_reads_nothing() {
    let switches = [
        SwitchTarget::Flow("test".parse().unwrap()),
        SwitchTarget::Trigger("test".parse().unwrap(), "webhook".to_owned()),
        SwitchTarget::Connection("crm".parse().unwrap()),
    ];
    for target in switches {
        let ear = Ear::that_says(Ok(events(0..1)));
        let engine = on(&ear).await;
        engine.turn_switch(&target, false, ana()).await.unwrap();
        let error = engine.receive(request()).await.unwrap_err();
        assert!(error.retry_after().is_some(), "{target:?}");
        assert!(ear.heard.lock().is_empty(), "{target:?}");
        engine.turn_switch(&target, true, ana()).await.unwrap();
        assert_eq!(
            new(&engine.receive(request()).await.unwrap()),
            1,
            "{target:?}"
        );
    }
}

#[tokio::test]
async fn a_request_for_what_is_no_receiver_is_refused() {
    let ear = Ear::that_says(Ok(events(0..1)));
    let engine = on(&ear).await;
    let other = ReceptionRequest {
        trigger: "other".to_owned(),
        ..request()
    };
    let error = engine.receive(other).await.unwrap_err();
    assert_eq!(error.code(), api::NO_SUCH_FLOW);
}
