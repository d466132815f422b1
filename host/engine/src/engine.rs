//! The engine's handle: start, intake, reading, draining.

use crate::approvals::OpenSet;
use crate::backup::Backup;
use crate::canary;
use crate::conceal::{self, Concealer};
use crate::desk::Deciding;
use crate::desk::{self, Desk, Offer};
use crate::events::{self, Publication, PublishError, UndeliveredPage};
use crate::execute;
use crate::format::{Format, FormatError, StoreFormat};
use crate::health::{self, Health};
use crate::inbox::Waiters;
use crate::intake::{self, Accepted, IntakeError, IntakeRequest};
use crate::journal::{self, JournalError};
use crate::key_lines::KeyLines;
use crate::keys;
use crate::lately::Lately;
use crate::leases::{self, Leases};
use crate::live::Live;
use crate::mailbox::{self, OpenReceives, Receivers};
use crate::metrics::Metrics;
use crate::moves::Moves;
use crate::once;
use crate::plans::{ActivationError, Hook, Plans, Prepared};
use crate::poll::{self, PollStatus, Polls};
use crate::protect::{ConnectionStatus, Places, Protect};
use crate::queue::Queue;
use crate::reception::Room;
use crate::recover;
use crate::retention::{self, FinishedRuns, Swept};
use crate::retire;
use crate::rollout::{ChangeRule, Rollout};
use crate::schedule::{self, ScheduleStatus};
use crate::settings::Settings;
use crate::state::{RunState, RunStatus};
use crate::story::Story;
use crate::summary::{self, RunSummary, RunsPage, RunsQuery};
use crate::switches::Switches;
use dowel_core::code::{self, Code};
use dowel_core::connection::ConnectionLimits;
use dowel_core::journal::Entry;
use dowel_core::port::{Batch, Clock, Invoker, Mapper, Randomness, Store, StoreError};
use dowel_core::retention::RetentionRules;
use dowel_core::units::Share;
use dowel_core::{CloudEvent, ConnectionName, FlowName, JsonText, RunId, Timestamp};
use dowel_flow::plan::{Plan, TriggerKind};
use dowel_flow::policy::Policy;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many ends of runs a slow listener may miss before it has to look again.
const ENDS_KEPT: usize = 1024;

/// Everything outside of the engine.
#[derive(Clone)]
pub struct Ports {
    /// Where the truth is.
    pub store: Arc<dyn Store>,
    /// Calls connectors.
    pub invoker: Arc<dyn Invoker>,
    /// Evaluates expressions.
    pub mapper: Arc<dyn Mapper>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub randomness: Arc<dyn Randomness>,
}

/// How the engine works.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The environment that the host serves, by its name.
    pub environment: String,
    /// `$env`: the environment's non-secret values, a JSON object.
    pub env: JsonText,
    /// Unfinished runs beyond which intake refuses more.
    pub max_backlog: u64,
    /// Runs that are worked on at the same time. A run that waits for a call, for its
    /// turn at a connection or for a timer does not count.
    pub max_running: usize,
    /// The longest time of one evaluation.
    pub evaluation_deadline: Duration,
    /// Flows that the environment file disables.
    pub disabled: BTreeSet<FlowName>,
    /// The limits of the connections; the default ones where missing.
    pub limits: BTreeMap<ConnectionName, ConnectionLimits>,
    /// How long finished runs are kept.
    pub retention: RetentionRules,
    /// How often the engine looks for finished runs to remove; never by itself where
    /// this is nothing ([`Engine::sweep`] does it then).
    pub sweep_every: Option<Duration>,
    /// Whether schedules fire, and sources are polled.
    pub schedules: Schedules,
    /// How many hosts work on the store.
    pub hosts: Hosts,
    /// Who is in which group.
    pub policy: Policy,
    /// Decisions at the exception desk that a second person confirms, by the names of
    /// [`Action`](crate::Action).
    pub four_eyes: BTreeSet<String>,
    /// Who has to agree before another tree of the environment becomes active.
    pub rule: ChangeRule,
    /// What that rule is at least, whatever the environment says.
    pub floor: ChangeRule,
    /// The share of the traces that runs begin which is recorded.
    pub trace_share: Share,
    /// How long a version that nothing needs is kept in memory.
    pub keep_versions: Duration,
    /// The newest format that is read and written; an earlier one than
    /// [`StoreFormat::NEWEST`] only to stand for an earlier program.
    pub newest_format: StoreFormat,
}

/// How many hosts work on the store at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hosts {
    /// This one: the store keeps others out. Runs need no leases.
    #[default]
    Alone,
    /// More than one. Each run is worked on by the host that has its lease. Concurrency
    /// keys and kill switches are known to each host alone.
    Several,
}

/// Whether schedules fire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Schedules {
    /// They do not: tests and single runs begin runs themselves.
    #[default]
    Still,
    /// They do.
    Fire,
}

impl Default for EngineOptions {
    /// Fits a small machine: two cores and a few hundred MiB.
    fn default() -> Self {
        Self {
            environment: String::new(),
            env: JsonText::object([]),
            max_backlog: 10_000,
            max_running: 512,
            evaluation_deadline: Duration::from_secs(1),
            disabled: BTreeSet::new(),
            limits: BTreeMap::new(),
            retention: RetentionRules::default(),
            sweep_every: None,
            schedules: Schedules::default(),
            hosts: Hosts::default(),
            policy: Policy::default(),
            four_eyes: BTreeSet::new(),
            rule: ChangeRule::default(),
            floor: ChangeRule::default(),
            trace_share: Share::ALL,
            keep_versions: Duration::from_secs(7 * 24 * 3_600),
            newest_format: StoreFormat::NEWEST,
        }
    }
}

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A journal cannot be used.
    #[error("{0}")]
    Journal(String),
    /// A large value of a journal cannot be had.
    #[error("{0}")]
    Blob(String),
    /// A plan cannot be used.
    #[error(transparent)]
    Plan(#[from] ActivationError),
    /// The store's format cannot be used.
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl EngineError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Store(_) => code::store::UNAVAILABLE,
            Self::Journal(_) => code::run::JOURNAL_UNREADABLE,
            Self::Blob(_) => code::run::BLOB_UNREADABLE,
            Self::Plan(error) => error.code(),
            Self::Format(error) => error.code(),
        }
    }
}

impl From<JournalError> for EngineError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Store(error) => Self::Store(error),
            blob @ JournalError::Blob { .. } => Self::Blob(blob.to_string()),
            other => Self::Journal(other.to_string()),
        }
    }
}

/// What intake, executor and readers share.
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) options: EngineOptions,
    /// In which format is written.
    pub(crate) format: Format,
    /// What the environment says now; at first what the options say.
    pub(crate) settings: RwLock<Arc<Settings>>,
    /// Which tree is active.
    pub(crate) rollout: Rollout,
    pub(crate) plans: Plans,
    pub(crate) queue: Queue,
    pub(crate) metrics: Metrics,
    pub(crate) finished: FinishedRuns,
    /// Cancelled when the host is about to stop. Not a `watch`, which wakes those who wait
    /// in a random order.
    pub(crate) draining: CancellationToken,
    pub(crate) polls: Polls,
    /// Requests that receivers read now.
    pub(crate) reception: Room,
    pub(crate) ends: broadcast::Sender<RunId>,
    /// What has moved lately.
    pub(crate) moves: Moves,
    pub(crate) waiters: Waiters,
    /// Places among the runs that are worked on.
    pub(crate) slots: Arc<Semaphore>,
    /// The runs that have one.
    pub(crate) live: Live,
    /// Which runs are this host's to work on.
    pub(crate) leases: Leases,
    /// The gates in front of the connections.
    pub(crate) protect: Protect,
    /// Something was put into the outbox.
    pub(crate) outbox: Notify,
    /// The kill switches of flows.
    pub(crate) switches: Switches,
    /// Who waits for whom in concurrency keys.
    pub(crate) key_lines: Arc<KeyLines>,
    /// The approvals that wait for a decision.
    pub(crate) approvals: OpenSet,
    /// The exception desk.
    pub(crate) desk: Desk,
    /// What events are asked, for the runs that wait for them.
    pub(crate) receivers: Receivers,
    /// What was looked up about the host's health.
    pub(crate) health: Health,
    /// What came and ended lately.
    pub(crate) lately: Lately,
    /// When the answers that are kept are counted.
    pub(crate) once: once::Counting,
}

impl Shared {
    /// Whether the host is about to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    executor: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Wakes who waits for a turn at a connection. It ends when draining begins.
async fn keep_time(shared: Arc<Shared>) {
    let draining = shared.draining.clone();
    shared.protect.keep_time(draining).await;
}

impl Engine {
    /// Makes these plans the active ones, takes up every unfinished run, and starts to
    /// work.
    pub async fn start(
        ports: Ports,
        options: EngineOptions,
        plans: Vec<Plan>,
    ) -> Result<Self, EngineError> {
        // Before anything else is read by this program's rules.
        let (store, clock) = (ports.store.as_ref(), ports.clock.as_ref());
        let (format, first) = Format::open(store, clock, options.newest_format).await?;
        let metrics = Metrics::default();
        let (queue, inbox) = Queue::new(metrics.clone());
        let places = Places {
            clock: ports.clock.clone(),
            queue: queue.clone(),
            metrics: metrics.connections.clone(),
            alarm: Arc::default(),
        };
        let finished = FinishedRuns::new(ports.clock.now());
        let shared = Arc::new(Shared {
            settings: RwLock::new(Arc::new(Settings::of(&options))),
            rollout: Rollout::default(),
            finished,
            slots: Arc::new(Semaphore::new(options.max_running.max(1))),
            live: Live::default(),
            leases: Leases::new(options.hosts, ports.randomness.as_ref()),
            protect: Protect::new(places, options.limits.clone()),
            switches: Switches::load(ports.store.as_ref(), options.disabled.clone()).await?,
            key_lines: Arc::new(KeyLines::new(metrics.queued.clone())),
            ports,
            options,
            format,
            plans: Plans::default(),
            queue,
            metrics,
            draining: CancellationToken::new(),
            polls: Polls::default(),
            reception: Room::default(),
            ends: broadcast::channel(ENDS_KEPT).0,
            moves: Moves::default(),
            outbox: Notify::new(),
            waiters: Waiters::default(),
            approvals: OpenSet::default(),
            desk: Desk::default(),
            receivers: Receivers::default(),
            health: Health::default(),
            lately: Lately::default(),
            once: once::Counting::default(),
        });
        let store = shared.ports.store.as_ref();
        let turned = pin(&shared, plans, first).await?;
        shared.approvals.load(store).await?;
        shared.key_lines.load(store).await?;
        desk::load(&shared).await?;
        turned.write(&shared).await?;
        let timers = recover::recover(&shared).await?;
        tokio::spawn(keep_time(shared.clone()));
        let work = execute::work(shared.clone(), inbox, timers);
        let beginning = by_itself(shared.clone());
        let telling = desk::work(Self::of(shared.clone()), shared.clone());
        let executor = tokio::spawn(async {
            tokio::join!(work, beginning, telling);
        });
        keep(&shared);
        let engine = Self::of(shared);
        *engine.executor.lock() = Some(executor);
        Ok(engine)
    }

    /// A handle that does not wait for the executor.
    fn of(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            executor: Arc::default(),
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// For work that outlives its caller.
    pub(crate) fn shared_handle(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.shared.ports.clock.now()
    }

    /// Takes an event in. On `Ok` it is on disk and may be acknowledged. It is seen
    /// through even if the caller goes away in the middle: a run that is on disk is begun.
    pub async fn accept(&self, request: IntakeRequest) -> Result<Accepted, IntakeError> {
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let accepted = intake::accept(&shared, &request).await;
            if let Err(error) = &accepted {
                // The answer is decided; what follows does not delay it.
                let offer = Offer::of_request(&shared, request, error);
                if let Some(offer) = offer {
                    shared.desk.quarantine.offer(&shared, offer);
                }
            }
            accepted
        });
        task.await.unwrap_or_else(|error| {
            let reason = format!("intake stopped: {error}");
            Err(IntakeError::Store(StoreError::Failed(reason.into())))
        })
    }

    /// Publishes events from outside to the flows that take them. On `Ok` all that
    /// follows from them is on disk; otherwise nothing of any of them is.
    pub async fn publish(&self, events: &[CloudEvent]) -> Result<Vec<Publication>, PublishError> {
        let (shared, events) = (self.shared.clone(), events.to_vec());
        // Seen through even if the caller goes away: whoever it is for is told.
        let task = tokio::spawn(async move { events::publish(&shared, &events).await });
        task.await.unwrap_or_else(|error| {
            let reason = StoreError::Failed(format!("intake stopped: {error}").into());
            Err(IntakeError::Store(reason).into())
        })
    }

    /// The steps that wait for events, those that wait for the same together.
    pub async fn open_receives(
        &self,
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> Result<OpenReceives, EngineError> {
        let store = self.shared.ports.store.as_ref();
        Ok(mailbox::list(store, cursor, limit).await?)
    }

    /// Events that flows did not take although their triggers are for them, the newest
    /// first, without what the triggers declare as sensitive.
    pub async fn undelivered(
        &self,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<UndeliveredPage, EngineError> {
        let store = self.shared.ports.store.as_ref();
        let mut page = events::list(store, before, limit).await?;
        for entry in &mut page.entries {
            if let Some(plan) = self.shared.plans.active(&entry.refusal.flow) {
                entry.event = conceal::event(&plan.plan, &entry.refusal.trigger, &entry.event);
            }
        }
        Ok(page)
    }

    /// The webhook at a path, with a leading slash.
    pub fn hook(&self, method: &str, path: &str) -> Option<Hook> {
        self.shared.plans.hook(method, path)
    }

    /// Names of an active flow's manual triggers, in the order of the file.
    pub fn manual_triggers(&self, flow: &FlowName) -> Vec<String> {
        let plan = self.shared.plans.active(flow);
        let triggers = plan.iter().flat_map(|plan| &plan.plan.triggers);
        let manual = triggers.filter(|trigger| trigger.kind == TriggerKind::Manual);
        manual.map(|trigger| trigger.name.clone()).collect()
    }

    /// Names of the active flows.
    pub fn flows(&self) -> Vec<FlowName> {
        self.shared.plans.flows()
    }

    /// The host's time, by which its answers are to be read.
    pub fn time(&self) -> Timestamp {
        self.now()
    }

    /// A run's story, or `None` if there is no such run.
    pub async fn story(&self, run: RunId) -> Result<Option<Story>, EngineError> {
        let store = self.shared.ports.store.as_ref();
        let entries = journal::load(store, run).await?;
        if !journal::is_whole(&entries) {
            return Ok(None);
        }
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        let concealer = Concealer::load(store, &self.shared.plans, &entries, &state).await?;
        let mut story = Story::of(&entries, &state, concealer.as_ref());
        let steps = story.iter_mut().flat_map(|story| &mut story.steps);
        for child in steps.filter_map(|step| step.child.as_mut()) {
            let summary = summary::get(store, child.run).await?;
            child.status = Some(summary.map_or("removed", |summary| summary.status.name()));
        }
        Ok(story)
    }

    /// A run's journal, in full and not masked; empty if there is no such run. For tests
    /// and tools of the flow's author: who shows it to somebody else masks it.
    pub async fn journal(&self, run: RunId) -> Result<Vec<Entry>, EngineError> {
        Ok(journal::load(self.shared.ports.store.as_ref(), run).await?)
    }

    /// A run's journal with sensitive values masked; empty if there is no such run.
    pub async fn masked_journal(&self, run: RunId) -> Result<Vec<JsonText>, EngineError> {
        let shared = &self.shared;
        conceal::read_masked(shared.ports.store.as_ref(), &shared.plans, run).await
    }

    /// Every run that comes to rest from now on, more than once if it goes on from there.
    /// Bounded: who is slow misses some and is told how many.
    pub fn ends(&self) -> broadcast::Receiver<RunId> {
        self.shared.ends.subscribe()
    }

    /// What lists show of a run, if there is such a run.
    pub async fn summary(&self, run: RunId) -> Result<Option<RunSummary>, EngineError> {
        Ok(summary::get(self.shared.ports.store.as_ref(), run).await?)
    }

    /// A list of runs, the newest first.
    pub async fn runs(&self, query: &RunsQuery) -> Result<RunsPage, EngineError> {
        Ok(summary::list(self.shared.ports.store.as_ref(), query).await?)
    }

    /// The runs of a business key, the oldest first.
    pub async fn runs_by_key(&self, key: &str) -> Result<Vec<RunSummary>, EngineError> {
        let store = self.shared.ports.store.as_ref();
        Ok(summary::by_key(store, key).await?)
    }

    /// The runs of a W3C trace that came with their events, the oldest first. A trace
    /// that a run began itself has the run's id.
    pub async fn runs_by_trace(&self, id: &str) -> Result<Vec<RunSummary>, EngineError> {
        let store = self.shared.ports.store.as_ref();
        Ok(summary::by_trace(store, id).await?)
    }

    /// Begins a backup: everything that was acknowledged before this call is in it. `files`
    /// belong to the store and go with it.
    pub async fn backup(&self, files: Vec<(String, Vec<u8>)>) -> Result<Backup, EngineError> {
        let snapshot = self.shared.ports.store.snapshot().await?;
        Ok(Backup::new(files, snapshot))
    }

    /// How many runs are at work or queued.
    pub fn working(&self) -> u64 {
        u64::try_from(self.shared.metrics.backlog.get()).unwrap_or_default()
    }

    /// How many runs have neither ended nor are parked.
    pub fn unfinished(&self) -> u64 {
        let waiting = u64::try_from(self.shared.metrics.waiting.get()).unwrap_or_default();
        self.working() + waiting
    }

    /// The schedules of the active flows, by flow and trigger.
    pub async fn schedules(&self) -> Result<Vec<ScheduleStatus>, EngineError> {
        Ok(schedule::list(&self.shared).await?)
    }

    /// The polls of the active flows, by flow and trigger.
    pub async fn polls(&self) -> Result<Vec<PollStatus>, EngineError> {
        Ok(poll::list(&self.shared).await?)
    }

    /// Moves a poll to a cursor, or to the beginning without one, and reads its source at
    /// once. Whether there is such a poll.
    pub async fn reset_poll(
        &self,
        flow: &FlowName,
        trigger: &str,
        cursor: Option<String>,
        deciding: Deciding,
    ) -> Result<bool, EngineError> {
        Ok(poll::reset(&self.shared, (flow, trigger), cursor, deciding).await?)
    }

    /// Waits until a run has ended or is parked.
    pub async fn settled(&self, run: RunId) -> Result<RunStatus, EngineError> {
        let mut ends = self.shared.ends.subscribe();
        loop {
            match summary::get(self.shared.ports.store.as_ref(), run).await? {
                Some(summary) if summary.status.is_at_rest() => return Ok(summary.status),
                Some(_) => {}
                None => return Err(EngineError::Journal(format!("there is no run {run}"))),
            }
            loop {
                match ends.recv().await {
                    Ok(ended) if ended == run => break,
                    Ok(_) => {}
                    // Missed some: look again.
                    Err(_) => break,
                }
            }
        }
    }

    /// Whether nothing goes on by itself before somebody decides or something comes in: no
    /// run is at work or waits for a timer, and nothing is on its way to one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_still(&self) -> Result<bool, EngineError> {
        Ok(health::is_still(&self.shared).await?)
    }

    /// How the connections stand: limits, breakers, and who waits.
    pub fn connections(&self) -> Vec<ConnectionStatus> {
        self.shared.protect.status()
    }

    /// Removes finished runs and dedupe keys that are due, as fast as it goes.
    pub async fn sweep(&self) -> Result<Swept, EngineError> {
        Ok(retention::once(&self.shared).await?)
    }

    /// The engine's counters.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Whether intake takes new events: not while draining, and not once the store has
    /// failed.
    pub async fn is_ready(&self) -> bool {
        // Any key will do: a store that has failed refuses every call.
        !self.shared.is_draining() && self.shared.ports.store.get(keys::ACTIVE).await.is_ok()
    }

    /// Stops taking events and beginning calls, lets open calls end within `patience`,
    /// and stops. Unfinished runs go on at the next start.
    pub async fn drain(&self, patience: Duration) {
        self.shared.draining.cancel();
        let executor = self.executor.lock().take();
        if let Some(mut executor) = executor {
            let deadline = self.shared.ports.clock.now().plus(patience);
            tokio::select! {
                biased;
                _ = &mut executor => {}
                () = self.shared.ports.clock.sleep_until(deadline) => executor.abort(),
            }
        }
    }
}

/// Makes these plans the pinned ones, after `first` was written or together with it. What
/// becomes of canaries by that is to be written down when the audit record is open.
async fn pin(
    shared: &Shared,
    plans: Vec<Plan>,
    first: Batch,
) -> Result<canary::Turned, EngineError> {
    let (store, disabled) = (shared.ports.store.as_ref(), &shared.options.disabled);
    let pinned = Prepared::compile(plans)?;
    let turned = canary::follow(shared, &pinned).await?;
    let prepared = Prepared::of(shared, pinned, &turned.records, disabled).await?;
    prepared.persist(store, first).await?;
    let (begin, now) = (prepared.all(), shared.ports.clock.now());
    shared.receivers.activate(store, &begin, now).await?;
    shared.plans.take_up(prepared);
    Ok(turned)
}

/// Begins what goes on beside the runs, each in a task that ends when draining begins.
fn keep(shared: &Arc<Shared>) {
    if shared.leases.are_needed() {
        tokio::spawn(leases::work(shared.clone()));
    }
    if let Some(interval) = shared.options.sweep_every {
        tokio::spawn(retire::work(shared.clone()));
        tokio::spawn(retention::work(shared.clone(), interval));
    }
}

/// Hands events on, and begins the runs that nobody asks for.
async fn by_itself(shared: Arc<Shared>) {
    tokio::join!(
        events::work(shared.clone()),
        schedule::work(shared.clone()),
        canary::work(shared.clone()),
        poll::work(shared)
    );
}
