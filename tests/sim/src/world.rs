//! Hosts, an upstream, people and time, and a script of what they do.

use crate::answers::{self, Mail};
use crate::flows;
use crate::host::{Around, Host};
use crate::log::Log;
use crate::people::{self, Answers};
use crate::plant::Plant;
use crate::random::Random;
use crate::source::Source;
use crate::store::at_once;
use crate::time::SimClock;
use crate::upstream::{Upstream, Weather};
use crate::watch::Watch;
use dowel_core::port::{Clock, Scan, Store};
use dowel_core::{RunId, Timestamp};
use dowel_engine::{Accepted, EngineOptions, IntakeRequest};
use dowel_flow::plan::Plan;
use dowel_testkit::MemoryStore;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What a sender was told.
#[derive(Clone, Debug)]
pub(crate) struct Ack {
    /// The payload's id.
    pub(crate) payload: String,
    pub(crate) accepted: Accepted,
}

/// What a seed begins with.
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) plant: Option<Plant>,
    pub(crate) hosts: usize,
    pub(crate) plans: Vec<Plan>,
    pub(crate) options: EngineOptions,
    pub(crate) weather: Weather,
}

/// The simulated world.
pub(crate) struct World {
    pub(crate) around: Around,
    /// A place for each host; empty between a death and the next start.
    pub(crate) hosts: Vec<Option<Host>>,
    pub(crate) acks: Arc<Mutex<Vec<Ack>>>,
    pub(crate) answers: Answers,
    pub(crate) mail: Mail,
    /// Requests that have not been answered, at most.
    pub(crate) requests: u64,
    started: u64,
}

impl World {
    /// Nobody has started yet.
    pub(crate) fn new(setting: Setting) -> Self {
        // The day on which time begins says nothing.
        let clock = SimClock::at(Timestamp::from_millis(1_772_355_600_000));
        let log = Log::new(clock.clone());
        let random = |purpose| Random::new(setting.seed, purpose);
        let upstream = Upstream::new(clock.clone(), log.clone(), random(1), setting.weather);
        let watch = Arc::new(Watch::new(log.clone(), clock.clone()));
        let source = Source::new(clock.clone(), log.clone(), random(13), watch.clone());
        source.set_weather(setting.weather.faults, setting.weather.slowness);
        let around = Around {
            store: MemoryStore::default(),
            clock,
            upstream,
            source,
            watch,
            log,
            random: random(2),
            plant: setting.plant,
            plans: setting.plans,
            options: setting.options,
        };
        Self {
            around,
            hosts: (0..setting.hosts).map(|_| None).collect(),
            acks: Arc::default(),
            answers: Answers::default(),
            mail: Mail::default(),
            requests: 0,
            started: 0,
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.around.log
    }

    /// Starts the host of a place, if there is none.
    pub(crate) fn start(&mut self, place: usize) {
        if self.hosts[place].is_some() {
            return;
        }
        self.started += 1;
        match Host::start(self.started, &self.around) {
            Ok(host) => self.hosts[place] = Some(host),
            Err(error) => self
                .log()
                .violated("no-panic", format!("no runtime: {error}")),
        }
    }

    pub(crate) fn start_all(&mut self) {
        (0..self.hosts.len()).for_each(|place| self.start(place));
    }

    /// The host of a place dies now.
    pub(crate) fn kill(&mut self, place: usize) {
        if let Some(host) = self.hosts[place].take() {
            self.log()
                .line(format_args!("host {} is gone", host.number));
            host.bury(&self.around.upstream);
        }
    }

    /// Buries whoever has died.
    pub(crate) fn bury(&mut self) {
        for place in 0..self.hosts.len() {
            if self.hosts[place].as_ref().is_some_and(Host::is_dead) {
                self.kill(place);
            }
        }
    }

    /// An event comes in at the host of a place.
    pub(crate) fn send(&mut self, place: usize, payload: &Payload, with_key: bool) {
        let Some(host) = &self.hosts[place] else {
            return;
        };
        let Some(engine) = host.engine() else {
            return;
        };
        let Ok(flow) = flows::FLOW.parse() else {
            return;
        };
        self.requests += 1;
        let mut request = IntakeRequest::new(flow, "manual", payload.text());
        request.idempotency_key = with_key.then(|| payload.id.clone());
        let (log, acks) = (self.around.log.clone(), self.acks.clone());
        let (number, payload) = (host.number, payload.id.clone());
        log.line(format_args!("host {number} is sent {payload}"));
        host.spawn(async move {
            match engine.accept(request).await {
                Ok(accepted) => {
                    log.line(format_args!(
                        "host {number} acknowledges {payload}: {accepted:?}"
                    ));
                    acks.lock().push(Ack { payload, accepted });
                }
                Err(error) => log.line(format_args!("host {number} refuses {payload}: {error}")),
            }
        });
    }

    /// Gives a host a turn of so many tasks.
    pub(crate) fn turn(&mut self, place: usize, length: u64) {
        if let Some(host) = &self.hosts[place] {
            host.turn(length);
        }
        self.check_bounds(place);
        self.bury();
    }

    /// Lets every host do all that it can do now.
    pub(crate) fn settle(&mut self) {
        loop {
            let before = self.log().tick();
            for place in 0..self.hosts.len() {
                if let Some(host) = &self.hosts[place] {
                    host.settle();
                }
                self.check_bounds(place);
            }
            self.bury();
            // What one has written may be for another.
            if self.hosts.len() < 2 || before == self.log().tick() {
                return;
            }
        }
    }

    /// What a host has queued is bounded by what there is to do.
    fn check_bounds(&self, place: usize) {
        let alive = self.hosts[place].as_ref().filter(|host| !host.is_dead());
        let Some(engine) = alive.and_then(Host::engine) else {
            return;
        };
        let runs = self.around.watch.runs();
        let unfinished = runs.values().filter(|told| !told.state.status.is_at_rest());
        // Runs that have just come to rest are still being let go.
        let ending = self.around.options.max_running as u64;
        let waiting = self.requests + self.answers.sent();
        let bound = unfinished.count() as u64 + ending + waiting;
        if engine.working() > bound {
            let what = format!("{} runs are queued, there are {bound}", engine.working());
            self.log().violated("queues-bounded", what);
        }
    }

    /// Moves the time to the next one at which somebody has something to do.
    pub(crate) fn next_due(&self) -> bool {
        let due = self.around.clock.next_due();
        if let Some(due) = due {
            self.around.clock.advance_to(due);
        }
        due.is_some()
    }

    /// Moves the time without a word about it.
    fn pass_quietly(&self, by: Duration) {
        let clock = &self.around.clock;
        clock.advance_to(clock.now().plus(by));
    }

    pub(crate) fn advance(&self, by: Duration) {
        let clock = &self.around.clock;
        clock.advance_to(clock.now().plus(by));
        self.log().line(format_args!("{by:?} pass"));
    }

    /// The keys of a family that are in the store.
    pub(crate) fn keys(&self, family: &str) -> Vec<Vec<u8>> {
        let scan = Scan::prefix(family, usize::MAX).keys_only();
        let rows = at_once(self.around.store.scan(scan)).unwrap_or_default();
        rows.into_iter().map(|(key, _)| key).collect()
    }

    /// The runs that have neither ended nor wait for a person.
    fn unfinished(&self) -> Vec<RunId> {
        let runs = self.around.watch.runs();
        let open = runs
            .iter()
            .filter(|(_, told)| !told.state.status.is_at_rest());
        open.map(|(run, _)| *run).collect()
    }

    /// Whether the source is read to its end.
    fn is_all_polled(&self) -> bool {
        let length = self.around.source.length();
        length == 0 || self.around.watch.cursor() == Some(length)
    }

    /// Whether a flow polls the source.
    pub(crate) fn polls(&self) -> bool {
        let mut plans = self.around.plans.iter();
        plans.any(|plan| plan.flow.as_str() == flows::POLLER)
    }

    /// The runs that hosts have queued.
    fn working(&self) -> u64 {
        let engines = self.hosts.iter().flatten().filter_map(Host::engine);
        engines.map(|engine| engine.working()).sum()
    }

    /// Everything goes well from now on: whatever can end has to end.
    pub(crate) fn heal(&mut self) {
        self.log().line("everything heals");
        self.around.upstream.set_weather(Weather {
            faults: 0,
            slowness: Duration::ZERO,
        });
        self.around.source.set_weather(0, Duration::ZERO);
        self.hosts.iter().flatten().for_each(Host::heal);
        /// Times at which something is to do, at most.
        const ROUNDS: usize = 3_000;
        let mut has_asked = false;
        let mut still = Still::default();
        for _ in 0..ROUNDS {
            self.start_all();
            let before = self.log().tick();
            self.settle();
            still.saw(before != self.log().tick());
            if self.hosts.iter().any(Option::is_none) {
                // It could not start, because of what went wrong before.
                continue;
            }
            let is_over = self.unfinished().is_empty()
                && self.keys("o").is_empty()
                && self.keys("i").is_empty()
                && self.is_all_polled()
                && self.working() == 0;
            if is_over {
                return;
            }
            answers::check_at_rest(self);
            // Who was asked may need time, such as for the disk to have room.
            if std::mem::take(&mut has_asked) && self.next_due() {
                continue;
            }
            has_asked = people::unblock(self) | answers::unblock(self);
            if !has_asked && !self.next_due() {
                break;
            }
            if !has_asked {
                self.pass_quietly(still.jump());
            }
        }
        let (runs, events) = (self.unfinished(), self.keys("o").len());
        let messages = self.keys("i").len();
        let what =
            format!("runs {runs:?} do not end; {events} events and {messages} messages are left");
        for engine in self.hosts.iter().flatten().filter_map(Host::engine) {
            let (working, all) = (engine.working(), engine.unfinished());
            let connections = engine.connections();
            let told = format!("{working} of {all} runs are queued, {connections:?}");
            self.log().line(told);
        }
        self.log().violated("accepted-runs-end", what);
    }
}

/// How long nothing has happened. Hosts that share a store look for each other's runs all
/// the time: what is due in hours would take thousands of looks.
#[derive(Default)]
struct Still {
    rounds: u32,
}

impl Still {
    /// Rounds without anything after which time begins to jump.
    const PATIENCE: u32 = 20;

    /// The longest jump: as a host that stood still for so long.
    const MOST: Duration = Duration::from_secs(3_600);

    fn saw(&mut self, something: bool) {
        self.rounds = if something { 0 } else { self.rounds + 1 };
    }

    /// How far time jumps now.
    fn jump(&self) -> Duration {
        let beyond = self.rounds.saturating_sub(Self::PATIENCE).min(16);
        match beyond {
            0 => Duration::ZERO,
            _ => Duration::from_secs(1 << (beyond - 1)).min(Self::MOST),
        }
    }
}

/// An event.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) id: String,
    pub(crate) customer: u64,
    pub(crate) flag: bool,
}

impl Payload {
    pub(crate) fn text(&self) -> String {
        let Self { id, customer, flag } = self;
        format!(r#"{{"id":"{id}","customer":"C{customer}","flag":{flag}}}"#)
    }
}
