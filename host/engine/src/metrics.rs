//! What the engine counts. Labels are bounded by construction: statuses and kinds are
//! closed lists; flows, triggers and connections are those of the repository. What comes
//! with a request (paths, types of events, keys, ids) never becomes a label.

mod flows;

pub(crate) use flows::FlowMetrics;

use crate::canary::CanaryMetrics;
use crate::poll::PollMetrics;
use crate::protect::ProtectMetrics;
use crate::rollout::RolloutMetrics;
use crate::schedule::ScheduleMetrics;
use crate::state::RunStatus;
use dowel_core::journal::RunCreated;
use dowel_core::trace::TraceParent;
use dowel_core::{ErrorKind, FlowName};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::exponential_buckets;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Upper bound of the first latency bucket, in seconds.
const FIRST_BUCKET_SECONDS: f64 = 0.001;

/// Buckets double from 1 ms to about two minutes.
const BUCKETS: u16 = 18;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FlowLabel {
    flow: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EndLabels {
    flow: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AttemptLabels {
    connection: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ConnectionLabel {
    connection: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RemovalLabels {
    flow: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct QuarantineLabels {
    flow: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EventLabels {
    outcome: &'static str,
}

/// Where an example of a time is found: its trace and its run. Each bucket keeps one, so
/// that there are never more of them than buckets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Example {
    trace_id: String,
    run: String,
}

impl Example {
    /// The trace of a run, if it is recorded.
    pub(crate) fn of(created: &RunCreated) -> Option<Self> {
        let context = TraceParent::parse(created.traceparent.as_deref()?)?;
        context.is_sampled().then(|| Self::found(created, context))
    }

    /// The same for a run that did not succeed: it is always recorded.
    pub(crate) fn of_failure(created: &RunCreated) -> Option<Self> {
        let context = TraceParent::parse(created.traceparent.as_deref()?)?;
        Some(Self::found(created, context))
    }

    fn found(created: &RunCreated, context: TraceParent) -> Self {
        Self {
            trace_id: format!("{:032x}", context.trace),
            run: created.run.to_string(),
        }
    }
}

/// Times in buckets, with examples (OpenMetrics 1.0.0, section "Exemplars").
type Times = HistogramWithExemplars<Example>;

/// The engine's counters.
#[derive(Clone, Debug)]
pub struct Metrics {
    accepted: Family<FlowLabel, Counter>,
    duplicates: Family<FlowLabel, Counter>,
    dropped: Family<FlowLabel, Counter>,
    ended: Family<EndLabels, Counter>,
    duration: Family<FlowLabel, Times, fn() -> Times>,
    attempts: Family<AttemptLabels, Counter>,
    retries: Family<ConnectionLabel, Counter>,
    call_duration: Family<ConnectionLabel, Times, fn() -> Times>,
    removed: Family<RemovalLabels, Counter>,
    dedupe_keys_removed: Counter,
    events: Family<EventLabels, Counter>,
    undelivered: Counter,
    spans: Family<EventLabels, Counter>,
    traces_dropped: Counter,
    quarantined: Family<QuarantineLabels, Counter>,
    receptions: Family<QuarantineLabels, Counter>,
    /// Runs that were accepted and are neither at rest nor waiting for a timer.
    pub(crate) backlog: Gauge,
    /// At how many of them intake takes no more.
    pub(crate) backlog_limit: Gauge,
    /// Runs that wait for a timer.
    pub(crate) waiting: Gauge,
    /// Runs at work that wait because the store's disk is full.
    pub(crate) held_by_disk: Gauge,
    /// Runs that wait for the runs before them in their concurrency key.
    pub(crate) queued: Gauge,
    /// Approvals that wait for a decision.
    pub(crate) approvals: Gauge,
    /// For how long the oldest of them has waited, in seconds.
    pub(crate) oldest_approval: Gauge<f64, AtomicU64>,
    /// Calls that are being made.
    pub(crate) calls: Gauge,
    /// What protects the connections.
    pub(crate) connections: ProtectMetrics,
    /// What fires by the clock.
    pub(crate) schedules: ScheduleMetrics,
    /// What is read of sources.
    pub(crate) polls: PollMetrics,
    /// Which tree is active.
    pub(crate) rollout: RolloutMetrics,
    /// Canaries.
    pub(crate) canary: CanaryMetrics,
    /// What flows promise, and what waits for people.
    pub(crate) flows: FlowMetrics,
}

fn latency() -> Times {
    Times::new(exponential_buckets(FIRST_BUCKET_SECONDS, 2.0, BUCKETS))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            accepted: Family::default(),
            duplicates: Family::default(),
            dropped: Family::default(),
            ended: Family::default(),
            duration: Family::new_with_constructor(latency),
            attempts: Family::default(),
            retries: Family::default(),
            call_duration: Family::new_with_constructor(latency),
            removed: Family::default(),
            dedupe_keys_removed: Counter::default(),
            events: Family::default(),
            undelivered: Counter::default(),
            spans: Family::default(),
            traces_dropped: Counter::default(),
            quarantined: Family::default(),
            receptions: Family::default(),
            backlog: Gauge::default(),
            backlog_limit: Gauge::default(),
            waiting: Gauge::default(),
            held_by_disk: Gauge::default(),
            queued: Gauge::default(),
            approvals: Gauge::default(),
            oldest_approval: Gauge::default(),
            calls: Gauge::default(),
            connections: ProtectMetrics::default(),
            schedules: ScheduleMetrics::default(),
            polls: PollMetrics::default(),
            rollout: RolloutMetrics::default(),
            canary: CanaryMetrics::default(),
            flows: FlowMetrics::default(),
        }
    }
}

impl Metrics {
    /// Makes the counters visible in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "dowel_runs_accepted",
            "Runs accepted at intake",
            self.accepted.clone(),
        );
        registry.register(
            "dowel_runs_duplicates",
            "Events that were duplicates",
            self.duplicates.clone(),
        );
        let help = "Events that began no run because their concurrency key was full";
        registry.register("dowel_events_dropped", help, self.dropped.clone());
        registry.register(
            "dowel_runs_ended",
            "Runs that came to rest, by status",
            self.ended.clone(),
        );
        let help = "Seconds from acceptance to rest";
        registry.register("dowel_run_duration_seconds", help, self.duration.clone());
        registry.register(
            "dowel_runs_removed",
            "Finished runs that retention removed, by reason",
            self.removed.clone(),
        );
        registry.register(
            "dowel_dedupe_keys_removed",
            "Dedupe keys that were removed at the end of their window",
            self.dedupe_keys_removed.clone(),
        );
        registry.register(
            "dowel_events_published",
            "Events by what became of them: taken, kept, refused or unclaimed",
            self.events.clone(),
        );
        registry.register(
            "dowel_events_undelivered",
            "Refusals of events by flows, kept for a person",
            self.undelivered.clone(),
        );
        registry.register(
            "dowel_runs_backlog",
            "Runs that are at work or queued",
            self.backlog.clone(),
        );
        self.register_calls(registry);
        self.register_traces(registry);
        self.register_waits(registry);
        self.register_approvals(registry);
        registry.register(
            "dowel_quarantine_payloads",
            "Rejected payloads: kept, repeated, dropped for newer ones, or lost in a flood",
            self.quarantined.clone(),
        );
        registry.register(
            "dowel_webhook_receptions",
            "Requests to webhooks of connections: taken, answered, empty, refused, failed, busy or closed",
            self.receptions.clone(),
        );
        self.connections.register(registry);
        self.schedules.register(registry);
        self.polls.register(registry);
        self.rollout.register(registry);
        self.canary.register(registry);
        self.flows.register(registry);
    }

    fn register_calls(&self, registry: &mut Registry) {
        registry.register(
            "dowel_call_attempts",
            "Attempts of calls, by result",
            self.attempts.clone(),
        );
        registry.register(
            "dowel_call_retries",
            "Attempts of calls that were not the first of their step",
            self.retries.clone(),
        );
        registry.register(
            "dowel_call_duration_seconds",
            "Seconds that attempts of calls took",
            self.call_duration.clone(),
        );
        registry.register(
            "dowel_calls_in_flight",
            "Calls that are being made",
            self.calls.clone(),
        );
    }

    fn register_traces(&self, registry: &mut Registry) {
        registry.register(
            "dowel_trace_spans",
            "Spans by what became of them: sent, or failed",
            self.spans.clone(),
        );
        registry.register(
            "dowel_trace_runs_dropped",
            "Runs that were not traced because the receiver was too slow",
            self.traces_dropped.clone(),
        );
    }

    fn register_waits(&self, registry: &mut Registry) {
        registry.register(
            "dowel_runs_backlog_limit",
            "Runs at work or queued at which intake takes no more",
            self.backlog_limit.clone(),
        );
        registry.register(
            "dowel_runs_waiting",
            "Runs that wait for a timer",
            self.waiting.clone(),
        );
        registry.register(
            "dowel_runs_queued",
            "Runs that wait for the runs before them in their concurrency key",
            self.queued.clone(),
        );
        registry.register(
            "dowel_runs_held_by_full_disk",
            "Runs at work that wait because the store's disk is full",
            self.held_by_disk.clone(),
        );
    }

    fn register_approvals(&self, registry: &mut Registry) {
        registry.register(
            "dowel_approvals_open",
            "Approvals that wait for a decision",
            self.approvals.clone(),
        );
        registry.register(
            "dowel_approvals_oldest_age_seconds",
            "For how long the oldest open approval has waited, 0 without any",
            self.oldest_approval.clone(),
        );
    }

    pub(crate) fn accepted(&self, flow: &FlowName) {
        self.accepted
            .get_or_create(&FlowLabel {
                flow: flow.to_string(),
            })
            .inc();
    }

    pub(crate) fn duplicate(&self, flow: &FlowName) {
        self.duplicates
            .get_or_create(&FlowLabel {
                flow: flow.to_string(),
            })
            .inc();
    }

    pub(crate) fn event(&self, outcome: &'static str) {
        self.events.get_or_create(&EventLabels { outcome }).inc();
    }

    /// Spans were sent to a receiver of traces, or could not be.
    pub fn spans(&self, outcome: &'static str, count: u64) {
        self.spans
            .get_or_create(&EventLabels { outcome })
            .inc_by(count);
    }

    /// Runs were not traced.
    pub fn traces_dropped(&self, runs: u64) {
        self.traces_dropped.inc_by(runs);
    }

    pub(crate) fn undelivered(&self, refusals: u64) {
        self.undelivered.inc_by(refusals);
    }

    pub(crate) fn quarantined(&self, flow: &FlowName, outcome: &'static str) {
        let flow = flow.to_string();
        let labels = QuarantineLabels { flow, outcome };
        self.quarantined.get_or_create(&labels).inc();
    }

    pub(crate) fn reception(&self, flow: &FlowName, outcome: &'static str) {
        let flow = flow.to_string();
        let labels = QuarantineLabels { flow, outcome };
        self.receptions.get_or_create(&labels).inc();
    }

    pub(crate) fn dropped(&self, flow: &FlowName) {
        self.dropped
            .get_or_create(&FlowLabel {
                flow: flow.to_string(),
            })
            .inc();
    }

    pub(crate) fn ended(&self, created: &RunCreated, status: RunStatus, seconds: f64) {
        let flow = created.flow.to_string();
        if created.synthetic {
            self.flows.synthetic(&created.flow, status);
            return;
        }
        let example = match status {
            RunStatus::Succeeded => Example::of(created),
            _ => Example::of_failure(created),
        };
        self.ended
            .get_or_create(&EndLabels {
                flow: flow.clone(),
                status: status.name(),
            })
            .inc();
        self.duration
            .get_or_create(&FlowLabel { flow })
            .observe(seconds, example, None);
    }

    pub(crate) fn runs_removed(&self, flow: &FlowName, reason: &'static str, count: u64) {
        if count > 0 {
            let flow = flow.to_string();
            let labels = RemovalLabels { flow, reason };
            self.removed.get_or_create(&labels).inc_by(count);
        }
    }

    pub(crate) fn dedupe_keys_removed(&self, count: u64) {
        self.dedupe_keys_removed.inc_by(count);
    }

    /// An attempt of a call has come to its end.
    pub(crate) fn attempt(
        &self,
        connection: &str,
        number: u32,
        took: Duration,
        error: Option<ErrorKind>,
        example: Option<Example>,
    ) {
        let result = error.map_or("ok", ErrorKind::name);
        let connection = connection.to_owned();
        let label = ConnectionLabel {
            connection: connection.clone(),
        };
        if number > 1 {
            self.retries.get_or_create(&label).inc();
        }
        self.call_duration
            .get_or_create(&label)
            .observe(took.as_secs_f64(), example, None);
        self.attempts
            .get_or_create(&AttemptLabels { connection, result })
            .inc();
    }

    /// Begins the series of an active flow, so that the first of anything counts: without
    /// a zero before it, a rate does not see it.
    pub(crate) fn begin_series(&self, flow: &FlowName) {
        let label = FlowLabel {
            flow: flow.to_string(),
        };
        for family in [&self.accepted, &self.duplicates, &self.dropped] {
            drop(family.get_or_create(&label));
        }
        for status in RunStatus::ALL.into_iter().filter(|one| one.is_at_rest()) {
            let (flow, status) = (flow.to_string(), status.name());
            drop(self.ended.get_or_create(&EndLabels { flow, status }));
        }
        self.flows.begin_series(flow);
    }
}
