//! Payloads from outside that their flows did not take.

use crate::crash::{Crash, Mortal};
use crate::desk::{all, ana, items};
use crate::support::*;
use dowel_core::RunId;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::journal::Event;
use dowel_core::port::{Scan, Store};
use dowel_engine::state::RunStatus;
use dowel_engine::{
    Action, AuditQuery, BulkState, CommandError, Deciding, Engine, IntakeError, IntakeRequest,
    Item, ItemClass, ItemsQuery, PublishError, Recommended,
};
use dowel_flow::plan::{Plan, Respond, TriggerKind, Verify};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A flow with a webhook, whose payload needs an `id`.
fn hook() -> Plan {
    let mut plan = plan(vec![set("seen", r#"{"id":<$trigger.id>}"#)], "<$vars>");
    plan.triggers[0].name = "order".to_owned();
    plan.triggers[0].sensitive = vec!["/phone".to_owned()];
    plan.triggers[0].kind = TriggerKind::Webhook {
        path: "/orders".to_owned(),
        method: "POST".to_owned(),
        verify: Verify::None,
        headers: vec!["x-shop".to_owned()],
        respond: Respond::default(),
    };
    plan
}

fn posted(body: &str) -> IntakeRequest {
    let mut request = IntakeRequest::new("test".parse().unwrap(), "order", body);
    request.headers.insert("x-shop".to_owned(), "S1".to_owned());
    request.path = "/orders".to_owned();
    request
}

/// Posts a payload that the flow does not take.
async fn reject(engine: &Engine, body: &str) -> IntakeError {
    engine.accept(posted(body)).await.unwrap_err()
}

/// What the desk shows once everything that came in is written down.
async fn kept(engine: &Engine, expected: usize) -> Vec<Item> {
    loop {
        let found = items(engine).await;
        if found.len() >= expected {
            assert_eq!(found.len(), expected, "{found:?}");
            return found;
        }
        tokio::task::yield_now().await;
    }
}

/// `$event` and the payload of a run, in full.
async fn begun_by(engine: &Engine, run: RunId) -> (String, String) {
    let entries = engine.journal(run).await.unwrap();
    match &entries[0].event {
        Event::Created(created) => (created.event.to_string(), created.payload.to_string()),
        other => panic!("{other:?}"),
    }
}

fn resubmit(payload: Option<&str>) -> Action {
    Action::Resubmit {
        payload: payload.map(json),
    }
}

const BAD: &str = r#"{"order":"A1","phone":"0301234567","token":"t-1"}"#;

#[tokio::test]
async fn a_rejected_payload_is_kept_with_what_came_with_it() {
    let world = World::default();
    let engine = world.engine(hook()).await;
    assert!(matches!(reject(&engine, BAD).await, IntakeError::Schema(_)));
    assert!(matches!(
        reject(&engine, "{no").await,
        IntakeError::NotJson(_)
    ));
    let found = kept(&engine, 2).await;
    let codes: Vec<&str> = found.iter().map(|item| item.code.as_str()).collect();
    assert_eq!(codes, ["DWL-4002", "DWL-4003"]);
    let item = &found[1];
    assert_eq!((item.class, item.run), (ItemClass::Quarantined, None));
    assert_eq!(item.recommended, Recommended::Resubmit);
    let detail = engine.item(item.id).await.unwrap().unwrap();
    let masked = r#"{"order":"A1","phone":"•••","token":"•••"}"#;
    assert_eq!(detail.input.as_str(), masked);
    let rejected = detail.rejected.unwrap();
    assert_eq!(rejected.violations.len(), 1);
    assert_eq!(rejected.headers["x-shop"], "S1");
    let text = engine.item(found[0].id).await.unwrap().unwrap();
    assert_eq!(
        text.input.as_str(),
        "\"•••\"",
        "what is not JSON is not shown"
    );
    // It came again: nothing new is there to decide about.
    reject(&engine, BAD).await;
    while items(&engine).await[1].attempts < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(kept(&engine, 2).await[1].id, item.id);
    let narrowed = ItemsQuery {
        class: Some(ItemClass::Quarantined),
        code: Some("DWL-4003".to_owned()),
        ..all()
    };
    assert_eq!(engine.items(&narrowed).await.unwrap().items.len(), 1);
    engine.drain(Duration::ZERO).await;
    let engine = world.engine(hook()).await;
    assert_eq!(engine.item_count(), 2, "nor is it lost by a restart");
}

#[tokio::test]
async fn it_is_taken_in_once_the_flow_or_the_payload_is_mended() {
    let world = World::default();
    let engine = world.engine(hook()).await;
    reject(&engine, BAD).await;
    reject(&engine, r#"{"order":"A2"}"#).await;
    let found = kept(&engine, 2).await;
    let (second, first) = (found[0].id, found[1].id);
    let again = engine.decide(first, ana(), resubmit(None)).await;
    assert!(
        matches!(again, Err(CommandError::Invalid { .. })),
        "{again:?}"
    );
    let edited = engine.decide(second, ana(), resubmit(Some(r#"{"id":"A2"}"#)));
    let run = edited.await.unwrap().began.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.status, RunStatus::Succeeded);
    assert_eq!(told.resubmitted_from, Some(second));
    let (event, _) = begun_by(&engine, run).await;
    assert!(event.contains(r#""x-shop":"S1""#), "{event}");
    engine.drain(Duration::ZERO).await;

    let mut mended = hook();
    mended.version = "1.0.1".parse().unwrap();
    mended.triggers[0].schema = Some(json(r#"{"type":"object","required":["order"]}"#));
    mended.dedupe = None;
    let engine = world.engine(mended).await;
    let taken = engine.decide(first, ana(), resubmit(None)).await.unwrap();
    let (_, payload) = begun_by(&engine, taken.began.unwrap()).await;
    assert_eq!(payload, BAD);
    assert_eq!(kept(&engine, 0).await, []);
    let gone = engine.decide(first, ana(), resubmit(None)).await;
    assert!(gone.is_err(), "{gone:?}");
    let query = AuditQuery {
        about: Some(first),
        limit: 10,
        ..AuditQuery::default()
    };
    let records = engine.audit(&query).await.unwrap().records;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].draft.action, "resubmit");
    assert_eq!(records[0].draft.began, taken.began);
    let rows = world.store.scan(Scan::prefix("D", 100)).await.unwrap();
    // What group was told of is taken out behind the decision.
    let of_group = |key: &[u8]| key.starts_with(b"Dv") || key.starts_with(b"Dn");
    let left: Vec<_> = rows.iter().filter(|(key, _)| !of_group(key)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[tokio::test]
async fn a_duplicate_begins_no_second_run() {
    let world = World::default();
    let engine = world.engine(hook()).await;
    let first = engine.accept(posted(r#"{"id":"A1"}"#)).await.unwrap().run();
    reject(&engine, BAD).await;
    let id = kept(&engine, 1).await[0].id;
    let action = resubmit(Some(r#"{"id":"A1"}"#));
    let decided = engine.decide(id, ana(), action).await.unwrap();
    assert_eq!((decided.run, decided.began), (Some(first), None));
    assert_eq!(kept(&engine, 0).await, []);
}

#[tokio::test]
async fn it_is_discarded_with_a_reason_and_nothing_else_fits_it() {
    let world = World::default();
    let engine = world.engine(hook()).await;
    reject(&engine, BAD).await;
    let id = kept(&engine, 1).await[0].id;
    let discard = Action::Discard { keep_key: false };
    let silent = Deciding {
        reason: None,
        ..ana()
    };
    let refused = engine.decide(id, silent, discard.clone()).await;
    assert!(matches!(refused, Err(CommandError::ReasonRequired(_))));
    for action in [crate::desk::retry(), Action::Rerun, Action::Compensate] {
        let refused = engine.decide(id, ana(), action).await;
        assert!(
            matches!(refused, Err(CommandError::Refused(_))),
            "{refused:?}"
        );
    }
    engine.decide(id, ana(), discard).await.unwrap();
    assert_eq!(kept(&engine, 0).await, []);
    assert_eq!(engine.item_count(), 0);
}

#[tokio::test]
async fn a_flood_is_answered_at_once_while_nothing_can_be_written() {
    const FLOOD: usize = 500;
    let world = World::default();
    let dead = Arc::new(Notify::new());
    // The plan is written; the next write never ends.
    let store = Arc::new(Mortal::new(&world.store, 1, Crash::Before, &dead));
    let engine = world.engine_on(store, hook()).await;
    for number in 0..FLOOD {
        let error = reject(&engine, &format!(r#"{{"order":"{number}"}}"#)).await;
        assert!(matches!(error, IntakeError::Schema(_)));
    }
    dead.notified().await;
    let told = metrics(&engine);
    let lost = told.lines().find_map(|line| {
        let name = r#"dowel_quarantine_payloads_total{flow="test",outcome="lost"} "#;
        line.strip_prefix(name)?.parse::<usize>().ok()
    });
    // Sixteen are in hand and 64 in line, at most.
    assert!(lost >= Some(FLOOD - 80), "{told}");
}

fn metrics(engine: &Engine) -> String {
    let mut registry = prometheus_client::registry::Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[tokio::test]
async fn the_oldest_goes_when_a_flow_has_too_many() {
    const MOST: usize = 1_000;
    let world = World::default();
    let engine = world.engine(hook()).await;
    for number in 0..MOST + 2 {
        reject(&engine, &format!(r#"{{"order":"{number}"}}"#)).await;
        // A person's pace: what waits is written before more comes.
        let expected = (number + 1).min(MOST) as u64;
        while engine.item_count() < expected {
            tokio::task::yield_now().await;
        }
    }
    let dropped = r#"dowel_quarantine_payloads_total{flow="test",outcome="dropped"} 2"#;
    while !metrics(&engine).contains(dropped) {
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.item_count(), MOST as u64);
    let mut oldest = all();
    oldest.limit = 500;
    let page = engine.items(&oldest).await.unwrap();
    oldest.before = page.next;
    let last = engine.items(&oldest).await.unwrap().items.pop().unwrap();
    let detail = engine.item(last.id).await.unwrap().unwrap();
    assert_eq!(detail.input.as_str(), r#"{"order":"2"}"#);
}

#[tokio::test]
async fn a_long_payload_is_kept_by_its_beginning() {
    let world = World::default();
    let engine = world.engine(hook()).await;
    let long = format!(r#"{{"order":"{}"}}"#, "é".repeat(100_000));
    reject(&engine, &long).await;
    let id = kept(&engine, 1).await[0].id;
    let rejected = engine.item(id).await.unwrap().unwrap().rejected.unwrap();
    assert!(rejected.is_cut);
    assert_eq!(rejected.bytes, long.len() as u64);
    let as_is = engine.decide(id, ana(), resubmit(None)).await;
    assert!(
        matches!(as_is, Err(CommandError::ResubmitRefused(_))),
        "{as_is:?}"
    );
    let whole = resubmit(Some(r#"{"id":"A1"}"#));
    assert!(
        engine
            .decide(id, ana(), whole)
            .await
            .unwrap()
            .began
            .is_some()
    );
}

#[tokio::test]
async fn an_event_that_nobody_took_goes_to_the_flow_that_refused_it() {
    let mut taker = hook();
    taker.dedupe = None;
    taker.triggers[0].sensitive.clear();
    taker.triggers[0].kind = TriggerKind::Event {
        event_type: "com.example.order".to_owned(),
        source: None,
        filter: None,
    };
    let world = World::default();
    let engine = world.engine(taker).await;
    let event = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"E1","source":"/shop","type":"com.example.order","data":{data}}}"#
        )
    };
    let bad = CloudEvent::parse(&json(&event(r#"{"order":"A1"}"#))).unwrap();
    let refused = engine.publish(&[bad]).await;
    assert!(
        matches!(refused, Err(PublishError::Refused(_))),
        "{refused:?}"
    );
    let item = kept(&engine, 1).await.remove(0);
    assert_eq!(item.code, "DWL-4003");
    let mended = event(r#"{"id":"A1"}"#);
    let decided = engine.decide(item.id, ana(), resubmit(Some(&mended)));
    let run: RunId = decided.await.unwrap().began.unwrap();
    let told = story(&engine, run).await;
    assert_eq!(told.payload.as_str(), r#"{"id":"A1"}"#);
    let (event, _) = begun_by(&engine, run).await;
    assert!(event.contains(r#""source":"/shop""#), "{event}");
}

#[tokio::test]
async fn many_are_resubmitted_in_the_order_in_which_they_came() {
    const COUNT: usize = 40;
    let world = World::default();
    let engine = world.engine(hook()).await;
    for number in 0..COUNT {
        reject(&engine, &format!(r#"{{"order":"{number}"}}"#)).await;
        kept(&engine, number + 1).await;
    }
    engine.drain(Duration::ZERO).await;
    let mut mended = hook();
    mended.triggers[0].schema = None;
    mended.dedupe = None;
    mended.version = "1.0.1".parse().unwrap();
    let engine = world.engine(mended).await;
    let query = ItemsQuery {
        class: Some(ItemClass::Quarantined),
        limit: 0,
        ..all()
    };
    let retried = engine.preview_bulk(&query, &crate::desk::retry()).await;
    let retried = retried.unwrap();
    assert_eq!((retried.total, retried.left_out), (0, COUNT as u64));
    let bulk = engine.begin_bulk(&query, resubmit(None), ana(), None).await;
    let id = bulk.unwrap().id;
    loop {
        let (bulk, _) = engine.bulk(id).await.unwrap();
        if bulk.state == BulkState::Done {
            assert_eq!((bulk.done, bulk.failed), (COUNT as u64, 0));
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.item_count(), 0);
    let query = AuditQuery {
        action: Some("resubmit".to_owned()),
        limit: 100,
        ..AuditQuery::default()
    };
    let records = engine.audit(&query).await.unwrap().records;
    let mut came = Vec::new();
    for record in records.iter().rev() {
        let told = story(&engine, record.draft.began.unwrap()).await;
        came.push(told.payload.as_str().to_owned());
    }
    let expected = (0..COUNT).map(|number| format!(r#"{{"order":"{number}"}}"#));
    assert!(came.iter().cloned().eq(expected), "{came:?}");
}
