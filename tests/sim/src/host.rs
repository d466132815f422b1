//! A host: an engine in a runtime of its own, which is all that dies with it.

use crate::log::Log;
use crate::plant::{Plant, Swapped};
use crate::random::Random;
use crate::source::Source;
use crate::store::{HostStore, Plans, Side};
use crate::time::SimClock;
use crate::upstream::{Line, Upstream};
use crate::watch::Watch;
use dowel_core::port::Invoker;
use dowel_engine::{Engine, EngineOptions, Ports};
use dowel_flow::plan::Plan;
use dowel_testkit::{MemoryStore, SeededRandomness};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use tokio::runtime::{Builder, Runtime};

/// What all hosts share.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) store: MemoryStore,
    pub(crate) clock: SimClock,
    pub(crate) upstream: Upstream,
    pub(crate) source: Source,
    pub(crate) watch: Arc<Watch>,
    pub(crate) log: Log,
    pub(crate) random: Random,
    pub(crate) plant: Option<Plant>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) options: EngineOptions,
}

type Slot = Arc<Mutex<Option<Engine>>>;

/// A host from its start to its end.
pub(crate) struct Host {
    pub(crate) number: u64,
    runtime: Runtime,
    engine: Slot,
    is_dead: Arc<AtomicBool>,
    plans: Arc<Mutex<Plans>>,
    idle: Arc<Idle>,
}

/// Tells when the runtime of a host has nothing to run.
#[derive(Default)]
struct Idle {
    is_idle: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Host {
    /// Starts a host; its engine is there some turns later.
    pub(crate) fn start(number: u64, around: &Around) -> std::io::Result<Self> {
        let idle = Arc::new(Idle::default());
        let told = idle.clone();
        let runtime = Builder::new_current_thread()
            // One task between two looks at the host's turn: turns have exact lengths.
            .event_interval(1)
            .on_thread_park(move || {
                told.is_idle.store(true, Ordering::SeqCst);
                let waker = told.waker.lock().take();
                waker.into_iter().for_each(Waker::wake);
            })
            .build()?;
        let host = Self {
            number,
            runtime,
            engine: Slot::default(),
            is_dead: Arc::default(),
            plans: Arc::default(),
            idle,
        };
        let (slot, dead) = (host.engine.clone(), host.is_dead.clone());
        let (ports, log) = (host.ports(around), around.log.clone());
        let (options, plans) = (around.options.clone(), around.plans.clone());
        log.line(format_args!("host {number} starts"));
        host.runtime.spawn(async move {
            match Engine::start(ports, options, plans).await {
                Ok(engine) => *slot.lock() = Some(engine),
                Err(error) => {
                    log.line(format_args!("host {number} cannot start: {error}"));
                    dead.store(true, Ordering::SeqCst);
                }
            }
        });
        Ok(host)
    }

    fn ports(&self, around: &Around) -> Ports {
        let line = Line {
            host: self.number,
            upstream: around.upstream.clone(),
            source: around.source.clone(),
            is_dead: self.is_dead.clone(),
        };
        let invoker: Arc<dyn Invoker> = match around.plant {
            Some(Plant::Compensation) => Arc::new(Swapped::new(line)),
            _ => Arc::new(line),
        };
        Ports {
            store: Arc::new(HostStore {
                host: self.number,
                inner: around.store.clone(),
                is_dead: self.is_dead.clone(),
                plans: self.plans.clone(),
                watch: around.watch.clone(),
                random: around.random.clone(),
                log: around.log.clone(),
                plant: around.plant,
            }),
            invoker,
            mapper: Arc::new(crate::expressions::Paths),
            clock: Arc::new(around.clock.clone()),
            randomness: Arc::new(SeededRandomness::new(around.random.next())),
        }
    }

    /// The engine, once it has started.
    pub(crate) fn engine(&self) -> Option<Engine> {
        self.engine.lock().clone()
    }

    /// Does something in the host, as one of its requests.
    pub(crate) fn spawn(&self, request: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(request);
    }

    /// Gives the host a turn of so many tasks.
    pub(crate) fn turn(&self, length: u64) {
        let mut rest = length;
        self.runtime.block_on(std::future::poll_fn(|context| {
            if rest == 0 {
                return Poll::Ready(());
            }
            rest -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }));
    }

    /// Lets the host do everything that it can do at the current time.
    pub(crate) fn settle(&self) {
        let idle = &self.idle;
        idle.is_idle.store(false, Ordering::SeqCst);
        self.plans.lock().reads = 0;
        self.runtime.block_on(std::future::poll_fn(|context| {
            if idle.is_idle.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            // Polled again when there is nothing else to run.
            *idle.waker.lock() = Some(context.waker().clone());
            Poll::Pending
        }));
    }

    /// The host dies after so many more writes.
    pub(crate) fn dies_after(&self, writes: u64, side: Side) {
        let mut plans = self.plans.lock();
        plans.death = Some((plans.commits + writes, side));
    }

    /// Its next writes find the disk full.
    pub(crate) fn fill_disk(&self, writes: u64) {
        self.plans.lock().full = writes;
    }

    /// How often it has written.
    pub(crate) fn commits(&self) -> u64 {
        self.plans.lock().commits
    }

    /// What was to go wrong goes well from now on.
    pub(crate) fn heal(&self) {
        let mut plans = self.plans.lock();
        plans.death = None;
        plans.full = 0;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// The end: nothing of what is in memory is left.
    pub(crate) fn bury(self, upstream: &Upstream) {
        self.is_dead.store(true, Ordering::SeqCst);
        self.engine.lock().take();
        drop(self.runtime);
        upstream.host_died(self.number);
    }
}
