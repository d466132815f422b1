//! A source that flows poll: pages of events, some of them more than once, reads that
//! fail, and hosts that die between a page and its acknowledgement.

use crate::flows::POLLER;
use crate::log::Log;
use crate::random::Random;
use crate::time::SimClock;
use crate::upstream::Line;
use crate::watch::Watch;
use dowel_core::port::{Clock, SourceEvent, SourcePage, SourceRequest};
use dowel_core::{ErrorKind, JsonText, StepError};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The type of its events.
const EVENT_TYPE: &str = "sim.polled";

/// The longest page.
const PAGE: u64 = 3;

/// Events that come at a time, at most.
const BURST: u64 = 4;

/// The source. Clones share it. Its cursor says how many of its events have been read.
#[derive(Clone)]
pub(crate) struct Source {
    feed: Arc<Mutex<Feed>>,
    clock: SimClock,
    log: Log,
    random: Random,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Feed {
    /// The ids of its events, in order. An id that is there twice is the same event.
    ids: Vec<String>,
    /// Reads and acknowledgements of a hundred that fail.
    faults: u64,
    slowness: Duration,
}

/// What a read comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// The answer is lost on the way.
    Lost,
    /// It fails at once.
    Broken,
    /// It asks for a pause.
    Limited,
}

impl Source {
    pub(crate) fn new(clock: SimClock, log: Log, random: Random, watch: Arc<Watch>) -> Self {
        Self {
            feed: Arc::default(),
            clock,
            log,
            random,
            watch,
        }
    }

    /// How bad it is.
    pub(crate) fn set_weather(&self, faults: u64, slowness: Duration) {
        let mut feed = self.feed.lock();
        feed.faults = faults;
        feed.slowness = slowness;
    }

    /// Something happens there: new events, and some that it lists once more.
    pub(crate) fn happen(&self, random: &Random) {
        let mut feed = self.feed.lock();
        for _ in 0..random.between(1, BURST) {
            let known: BTreeSet<&String> = feed.ids.iter().collect();
            let id = if !known.is_empty() && random.percent(20) {
                feed.ids[random.index(feed.ids.len())].clone()
            } else {
                format!("S{}", known.len())
            };
            self.log
                .line(format_args!("the source has {id} at {}", feed.ids.len()));
            feed.ids.push(id);
        }
    }

    /// How many events it has listed.
    pub(crate) fn length(&self) -> usize {
        self.feed.lock().ids.len()
    }

    /// Its events, each once.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.feed.lock().ids.iter().cloned().collect()
    }

    fn fate(&self) -> (Fate, Duration) {
        let feed = self.feed.lock();
        let slowness = dowel_core::time::millis(feed.slowness);
        let delay = match self.random.below(3) {
            0 => Duration::ZERO,
            _ => Duration::from_millis(self.random.below(slowness + 1)),
        };
        let fate = if self.random.percent(feed.faults) {
            self.random.pick(&[Fate::Lost, Fate::Broken, Fate::Limited])
        } else {
            Fate::Done
        };
        (fate, delay)
    }

    fn page(&self, from: usize, limit: u32) -> SourcePage {
        let feed = self.feed.lock();
        let most = self.random.between(1, PAGE).min(u64::from(limit));
        let most = usize::try_from(most).unwrap_or(1);
        let ids = feed.ids.get(from..).unwrap_or_default();
        let events = ids
            .iter()
            .take(most)
            .map(|id| event(id))
            .collect::<Vec<_>>();
        let end = from + events.len();
        SourcePage {
            cursor: (end > from).then(|| end.to_string()),
            more: end < feed.ids.len(),
            events,
        }
    }

    /// Nothing is acknowledged before everything up to there is on disk.
    fn check_ack(&self, upto: usize) {
        if self.watch.cursor().unwrap_or(0) < upto {
            let what = format!("{upto} events are acknowledged and the cursor is not there");
            self.log.violated("acknowledged-after-commit", what);
        }
        let begun = self.watch.events_of(POLLER);
        let feed = self.feed.lock();
        let missing = feed.ids.iter().take(upto).find(|id| !begun.contains(*id));
        if let Some(id) = missing {
            let what = format!("{id} is acknowledged and has no run");
            self.log.violated("acknowledged-after-commit", what);
        }
    }
}

fn event(id: &str) -> SourceEvent {
    SourceEvent {
        id: id.to_owned(),
        kind: EVENT_TYPE.to_owned(),
        subject: None,
        time: None,
        data: JsonText::object([
            ("id", &JsonText::string(id)),
            ("customer", &JsonText::string("C0")),
        ]),
    }
}

/// Where a cursor stands; the beginning without one.
pub(crate) fn place_of(cursor: Option<&str>) -> usize {
    cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0)
}

fn failed(fate: Fate, random: &Random) -> StepError {
    let (kind, retry_after_ms) = match fate {
        Fate::Limited => (ErrorKind::RateLimited, Some(random.between(1, 5_000))),
        Fate::Lost => (ErrorKind::Timeout, None),
        _ => (ErrorKind::Unavailable, None),
    };
    StepError {
        kind,
        code: "sim".to_owned(),
        message: format!("the source says {kind}"),
        details: None,
        retry_after_ms,
        place: None,
    }
}

impl Line {
    pub(crate) async fn read_page(
        &self,
        request: SourceRequest,
        limit: u32,
    ) -> Result<SourcePage, StepError> {
        let source = &self.source;
        let fate = self.ask(&request, "reads").await;
        if fate != Fate::Done {
            return Err(failed(fate, &source.random));
        }
        let page = source.page(place_of(request.cursor.as_deref()), limit);
        if !page.events.is_empty() {
            let ids: Vec<&str> = page.events.iter().map(|event| event.id.as_str()).collect();
            source
                .log
                .line(format_args!("host {} has read {ids:?}", self.host));
        }
        Ok(page)
    }

    pub(crate) async fn acknowledge(&self, request: SourceRequest) -> Result<(), StepError> {
        let source = &self.source;
        source.check_ack(place_of(request.cursor.as_deref()));
        match self.ask(&request, "acknowledges").await {
            Fate::Done => Ok(()),
            fate => Err(failed(fate, &source.random)),
        }
    }

    /// The way to the source and back.
    async fn ask(&self, request: &SourceRequest, what: &str) -> Fate {
        self.live().await;
        let source = &self.source;
        let (fate, delay) = source.fate();
        if fate != Fate::Done {
            let cursor = request.cursor.as_deref().unwrap_or("the beginning");
            let host = self.host;
            source
                .log
                .line(format_args!("host {host} {what} from {cursor}: {fate:?}"));
        }
        let end = source.clock.now().plus(delay.min(request.deadline));
        source.clock.sleep_until(end).await;
        self.live().await;
        let is_late = self.is_dead.load(Ordering::SeqCst) || delay >= request.deadline;
        if is_late { Fate::Lost } else { fate }
    }
}
