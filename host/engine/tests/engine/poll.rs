//! Polls: every event of a source becomes one run, whatever happens to the host.

use crate::crash::{Crash, Mortal, before_death};
use crate::desk::ana;
use crate::rollout::{settings, tree};
use crate::schedule::at;
use crate::support::*;
use dowel_core::code::{api, run as code};
use dowel_core::connection::{BreakerLimits, ConnectionLimits, Rate};
use dowel_core::journal::HoldReason;
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, Clock, Invoker, Scan, SourceEvent, SourcePage,
    SourceRequest, Store,
};
use dowel_core::{ErrorKind, JsonText, StepError};
use dowel_engine::{
    ChangeRule, Engine, EngineOptions, Ports, RunsQuery, Schedules, SwitchTarget, Verdict,
};
use dowel_flow::plan::{Plan, Poll, Trigger, TriggerKind};
use dowel_testkit::{FakeConnectors, ManualClock, MemoryStore, SeededRandomness};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

const MINUTE: Duration = Duration::from_secs(60);

/// A source with a list of events: its cursor is how many of them have been read.
#[derive(Default)]
struct Feed {
    calls: FakeConnectors,
    events: Mutex<Vec<SourceEvent>>,
    /// What each read is told until it is taken away.
    failure: Mutex<Option<StepError>>,
    /// Answers that have events and the cursor that they were asked with.
    is_stuck: Mutex<bool>,
    reads: Mutex<Vec<Option<String>>>,
    acks: Mutex<Vec<String>>,
    /// What the store has to have when the source is told.
    store: MemoryStore,
    page: usize,
    hosts: AtomicU64,
}

impl Feed {
    fn of(store: &MemoryStore, page: usize, count: usize) -> Arc<Self> {
        let feed = Self {
            store: store.clone(),
            page,
            ..Self::default()
        };
        feed.add(count);
        Arc::new(feed)
    }

    fn add(&self, count: usize) {
        let mut events = self.events.lock();
        for _ in 0..count {
            let number = events.len();
            events.push(SourceEvent {
                id: format!("E{number}"),
                kind: "rate.changed".to_owned(),
                subject: None,
                time: Some("2026-03-01T08:00:00Z".to_owned()),
                data: json(&format!(r#"{{"id":"P{number}","rate":1.10}}"#)),
            });
        }
    }

    fn page_from(&self, request: &SourceRequest) -> Result<SourcePage, StepError> {
        self.reads.lock().push(request.cursor.clone());
        if let Some(failure) = &*self.failure.lock() {
            return Err(failure.clone());
        }
        let from: usize = request.cursor.as_deref().unwrap_or("0").parse().unwrap();
        let events = self.events.lock();
        let page: Vec<_> = events.iter().skip(from).take(self.page).cloned().collect();
        let end = from + page.len();
        let is_stuck = *self.is_stuck.lock();
        Ok(SourcePage {
            cursor: (end > from).then(|| if is_stuck { from } else { end }.to_string()),
            more: end < events.len(),
            events: page,
        })
    }
}

impl Invoker for Feed {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        self.calls.call(request)
    }

    fn read(
        &self,
        request: SourceRequest,
        _limit: u32,
    ) -> BoxFuture<'_, Result<SourcePage, StepError>> {
        Box::pin(async move { self.page_from(&request) })
    }

    fn ack(&self, request: SourceRequest) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async move {
            let cursor = request.cursor.unwrap();
            let rows = self.store.scan(Scan::prefix("g", 10)).await.unwrap();
            let stored = String::from_utf8_lossy(&rows[0].1).into_owned();
            let committed = format!(r#""cursor":"{cursor}""#);
            assert!(stored.contains(&committed), "{cursor} before {stored}");
            self.acks.lock().push(cursor);
            Ok(())
        })
    }
}

fn polled(version: &str) -> Plan {
    let mut plan = plan(vec![set("note", r#"{"id":<$trigger.id>}"#)], "<$event.id>");
    plan.version = version.parse().unwrap();
    plan.dedupe = None;
    let schema = r#"{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}"#;
    plan.triggers = vec![Trigger {
        name: "poll".to_owned(),
        schema: Some(json(schema)),
        sensitive: Vec::new(),
        kind: TriggerKind::Poll(Poll {
            connection: "crm".parse().unwrap(),
            source: "changes".parse().unwrap(),
            params: JsonText::object([]),
            every: MINUTE,
            deadline: MINUTE,
        }),
    }];
    plan
}

async fn start(
    feed: &Arc<Feed>,
    store: Arc<dyn Store>,
    clock: &ManualClock,
    plan: Plan,
) -> Result<Engine, dowel_engine::EngineError> {
    start_within(feed, store, clock, (plan, ConnectionLimits::default())).await
}

async fn start_within(
    feed: &Arc<Feed>,
    store: Arc<dyn Store>,
    clock: &ManualClock,
    (plan, limits): (Plan, ConnectionLimits),
) -> Result<Engine, dowel_engine::EngineError> {
    let ports = Ports {
        store,
        invoker: feed.clone(),
        mapper: Arc::new(PathMapper),
        clock: Arc::new(clock.clone()),
        // Another host draws other ids.
        randomness: Arc::new(SeededRandomness::new(
            feed.hosts.fetch_add(1, Ordering::SeqCst),
        )),
    };
    let options = EngineOptions {
        schedules: Schedules::Fire,
        limits: BTreeMap::from([("crm".parse().unwrap(), limits)]),
        ..EngineOptions::default()
    };
    let engine = Engine::start(ports, options, vec![plan]).await?;
    settle().await;
    Ok(engine)
}

async fn on(feed: &Arc<Feed>, clock: &ManualClock, plan: Plan) -> Engine {
    let store = Arc::new(feed.store.clone());
    start(feed, store, clock, plan).await.unwrap()
}

fn clock() -> ManualClock {
    ManualClock::at(at("2026-03-01T09:00:00Z"))
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

#[tokio::test]
async fn every_event_becomes_one_run_and_is_acknowledged_after_that() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 2, 5), clock());
    let engine = on(&feed, &clock, polled("1.0.0")).await;
    assert_eq!(taken(&engine).await, numbers(5));
    assert_eq!(*feed.acks.lock(), ["2", "4", "5"]);
    feed.add(1);
    clock.advance_to(clock.now().plus(MINUTE));
    settle().await;
    assert_eq!(taken(&engine).await, numbers(6));
    let status = engine.polls().await.unwrap().remove(0);
    assert_eq!(status.cursor.as_deref(), Some("6"));
    assert_eq!(status.failing, None);
    assert_eq!(status.next, Some(clock.now().plus(MINUTE)));
}

#[tokio::test]
async fn a_crash_at_any_write_loses_nothing_and_repeats_nothing() {
    let mut deaths = 0;
    for crash in [Crash::Before, Crash::After] {
        for write in 0..40 {
            let (feed, clock) = (Feed::of(&MemoryStore::default(), 2, 5), clock());
            let dead = Arc::new(Notify::new());
            let mortal = Arc::new(Mortal::new(&feed.store, write, crash, &dead));
            let first = start(&feed, mortal, &clock, polled("1.0.0"));
            if before_death(&dead, first).await.is_some() {
                continue;
            }
            deaths += 1;
            let second = on(&feed, &clock, polled("1.0.0")).await;
            assert_eq!(taken(&second).await, numbers(5), "{crash:?} write {write}");
            assert_eq!(feed.acks.lock().last().unwrap(), "5", "{crash:?} {write}");
        }
    }
    assert!(deaths > 10, "{deaths} crashes");
}

#[tokio::test]
async fn events_that_come_again_are_recognised() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 3), clock());
    let engine = on(&feed, &clock, polled("1.0.0")).await;
    let flow = "test".parse().unwrap();
    assert!(engine.reset_poll(&flow, "poll", None, ana()).await.unwrap());
    settle().await;
    assert_eq!(
        feed.reads
            .lock()
            .iter()
            .filter(|read| read.is_none())
            .count(),
        2
    );
    assert_eq!(taken(&engine).await, numbers(3));
    assert!(
        !engine
            .reset_poll(&flow, "other", None, ana())
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn another_version_goes_on_where_the_one_before_was() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 3), clock());
    drop(on(&feed, &clock, polled("1.0.0")).await);
    feed.add(2);
    let engine = on(&feed, &clock, polled("1.1.0")).await;
    assert_eq!(taken(&engine).await, numbers(5));
    let reads: Vec<_> = feed.reads.lock().iter().flatten().cloned().collect();
    assert_eq!(reads, ["3"], "it is read from where it was");
}

#[tokio::test]
async fn a_version_that_comes_while_a_source_is_read_takes_no_event_again() {
    for turns in 0..60 {
        let (feed, clock) = (Feed::of(&MemoryStore::default(), 2, 3), clock());
        let engine = on(&feed, &clock, polled("1.0.0")).await;
        feed.add(7);
        clock.advance_to(clock.now().plus(MINUTE));
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let settings = settings(&ChangeRule::default());
        let plans = vec![polled("1.1.0")];
        let rolled = engine.roll_out(tree("next", &[]), plans, settings, || Ok(()));
        assert_eq!(rolled.await.unwrap(), Verdict::Active);
        settle().await;
        clock.advance_to(clock.now().plus(MINUTE));
        settle().await;
        assert_eq!(taken(&engine).await, numbers(10), "after {turns} turns");
        let status = engine.polls().await.unwrap().remove(0);
        assert_eq!(status.cursor.as_deref(), Some("10"), "after {turns} turns");
    }
}

#[tokio::test]
async fn a_source_that_fails_is_told_of_and_read_again() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 2), clock());
    let message = "the upstream is away";
    let error = StepError::host(ErrorKind::Unavailable, code::EGRESS_CONNECT, message);
    *feed.failure.lock() = Some(error);
    let engine = on(&feed, &clock, polled("1.0.0")).await;
    let failing = engine.polls().await.unwrap().remove(0).failing.unwrap();
    assert_eq!((failing.times, failing.message.as_str()), (1, message));
    *feed.failure.lock() = None;
    clock.advance_to(clock.now().plus(MINUTE));
    settle().await;
    assert_eq!(taken(&engine).await, numbers(2));
    assert_eq!(engine.polls().await.unwrap().remove(0).failing, None);
}

#[tokio::test]
async fn a_source_whose_cursor_stays_takes_nothing() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 2), clock());
    let engine = on(&feed, &clock, polled("1.0.0")).await;
    feed.add(1);
    *feed.is_stuck.lock() = true;
    clock.advance_to(clock.now().plus(MINUTE));
    settle().await;
    assert_eq!(taken(&engine).await, numbers(2));
    let failing = engine.polls().await.unwrap().remove(0).failing.unwrap();
    assert_eq!(failing.code, code::POLL_STUCK.to_string());
}

#[tokio::test]
async fn an_event_that_breaks_the_schema_is_kept_and_does_not_hold_up_others() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 1), clock());
    feed.events.lock()[0].data = json(r#"{"id":4711}"#);
    feed.add(1);
    let engine = on(&feed, &clock, polled("1.0.0")).await;
    assert_eq!(taken(&engine).await, ["E1"]);
    let kept = engine.undelivered(None, 10).await.unwrap().entries;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].refusal.code, api::PAYLOAD_SCHEMA);
    assert!(kept[0].event.as_str().contains(r#""id":"E0""#));
}

#[tokio::test]
async fn what_is_switched_off_is_not_read() {
    let switches = [
        SwitchTarget::Flow("test".parse().unwrap()),
        SwitchTarget::Trigger("test".parse().unwrap(), "poll".to_owned()),
        SwitchTarget::Connection("crm".parse().unwrap()),
    ];
    for target in switches {
        let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 1), clock());
        let engine = on(&feed, &clock, polled("1.0.0")).await;
        engine.turn_switch(&target, false, ana()).await.unwrap();
        feed.add(1);
        clock.advance_to(clock.now().plus(MINUTE));
        settle().await;
        assert_eq!(feed.reads.lock().len(), 1, "{target:?}");
        engine.turn_switch(&target, true, ana()).await.unwrap();
        clock.advance_to(clock.now().plus(MINUTE));
        settle().await;
        assert_eq!(taken(&engine).await, numbers(2), "{target:?}");
    }
}

async fn limited(feed: &Arc<Feed>, clock: &ManualClock, limits: ConnectionLimits) -> Engine {
    let store = Arc::new(feed.store.clone());
    let polled = (polled("1.0.0"), limits);
    start_within(feed, store, clock, polled).await.unwrap()
}

async fn waits(engine: &Engine) -> Option<HoldReason> {
    engine.polls().await.unwrap().remove(0).waits
}

async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance_to(clock.now().plus(time));
    settle().await;
}

#[tokio::test]
async fn reads_open_the_breaker_of_their_connection_and_wait_for_it() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 2), clock());
    let error = StepError::host(ErrorKind::Unavailable, code::EGRESS_CONNECT, "away");
    *feed.failure.lock() = Some(error);
    let breaker = BreakerLimits {
        errors: 5_000,
        of: 3,
        cooldown: MINUTE * 60,
    };
    let limits = ConnectionLimits {
        breaker: Some(breaker),
        ..ConnectionLimits::default()
    };
    let engine = limited(&feed, &clock, limits).await;
    // Rounds a minute, two and four minutes apart, because they fail.
    for minutes in [1, 2, 4] {
        pass(&clock, MINUTE * minutes).await;
    }
    assert_eq!(feed.reads.lock().len(), 3, "the fourth one is not made");
    assert_eq!(waits(&engine).await, Some(HoldReason::Breaker));
    *feed.failure.lock() = None;
    pass(&clock, MINUTE * 60).await;
    assert_eq!(waits(&engine).await, None);
    assert_eq!(taken(&engine).await, numbers(2), "it closes the breaker");
    let connection = engine.connections().remove(0);
    assert_eq!((connection.in_flight, connection.waiting), (0, 0));
}

#[tokio::test]
async fn reads_take_what_the_rate_of_their_connection_allows() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 1, 3), clock());
    let rate = Rate {
        calls: 2,
        per: Duration::from_secs(10),
    };
    let limits = ConnectionLimits {
        rate: Some(rate),
        ..ConnectionLimits::default()
    };
    let engine = limited(&feed, &clock, limits).await;
    assert_eq!(taken(&engine).await, numbers(1), "a read and its answer");
    assert_eq!(waits(&engine).await, Some(HoldReason::Rate));
    for _ in 0..4 {
        pass(&clock, Duration::from_secs(5)).await;
    }
    assert_eq!(taken(&engine).await, numbers(3));
}

#[tokio::test]
async fn a_poll_that_is_stopped_leaves_the_line() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 1, 3), clock());
    let limits = ConnectionLimits {
        rate: Some(Rate {
            calls: 2,
            per: MINUTE * 60,
        }),
        ..ConnectionLimits::default()
    };
    let engine = limited(&feed, &clock, limits).await;
    assert_eq!(engine.connections().remove(0).waiting, 1);
    engine.drain(Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(engine.connections().remove(0).waiting, 0);
}

/// The value of a series of polls.
async fn shown(engine: &Engine, name: &str) -> Option<String> {
    engine.refresh_metrics().await.unwrap();
    let mut registry = prometheus_client::registry::Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let start = format!(r#"{name}{{flow="test",trigger="poll"}} "#);
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.map(str::to_owned)
}

#[tokio::test]
async fn what_is_read_is_counted_and_what_is_not_gets_old() {
    let (feed, clock) = (Feed::of(&MemoryStore::default(), 10, 2), clock());
    let engine = on(&feed, &clock, polled("1.0.0")).await;
    let flow = "test".parse().unwrap();
    engine.reset_poll(&flow, "poll", None, ana()).await.unwrap();
    settle().await;
    let count = async |name: &str| shown(&engine, name).await.unwrap();
    assert_eq!(count("dowel_poll_events_total").await, "2");
    assert_eq!(count("dowel_poll_duplicates_total").await, "2");
    assert_eq!(count("dowel_poll_reads_total").await, "2");
    assert_eq!(count("dowel_poll_errors_total").await, "0");
    let error = StepError::host(ErrorKind::Unavailable, code::EGRESS_CONNECT, "away");
    *feed.failure.lock() = Some(error);
    pass(&clock, MINUTE).await;
    assert_eq!(count("dowel_poll_errors_total").await, "1");
    assert_eq!(count("dowel_poll_read_age_seconds").await, "60.0");
    let target = SwitchTarget::Trigger(flow, "poll".to_owned());
    engine.turn_switch(&target, false, ana()).await.unwrap();
    let age = shown(&engine, "dowel_poll_read_age_seconds").await;
    assert_eq!(age, None, "what is switched off is not late");
}
