//! What flows promise and how they keep it, and what waits for people.

use super::{EndLabels, FlowLabel};
use crate::state::RunStatus;
use dowel_core::FlowName;
use dowel_flow::plan::Sla;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// Hundredths of a percent in a whole.
const WHOLE: f64 = 10_000.0;

/// What flows promise and how they keep it, and what waits for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowMetrics {
    late: Family<FlowLabel, Counter>,
    success: Family<FlowLabel, Gauge<f64, AtomicU64>>,
    within: Family<FlowLabel, Gauge<f64, AtomicU64>>,
    exceptions: Family<FlowLabel, Gauge>,
    oldest_exception: Family<FlowLabel, Gauge<f64, AtomicU64>>,
    stuck: Gauge,
    synthetic: Family<EndLabels, Counter>,
}

impl FlowMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "dowel_runs_late",
            "Runs that were at work for longer than their flow promises",
            self.late.clone(),
        );
        registry.register(
            "dowel_synthetic_runs_ended",
            "Made-up runs that came to rest, by status; they count nowhere else",
            self.synthetic.clone(),
        );
        registry.register(
            "dowel_slo_success_ratio",
            "The share of runs that succeed, as the flow promises",
            self.success.clone(),
        );
        registry.register(
            "dowel_slo_within_seconds",
            "How long a run is at work at most, as the flow promises",
            self.within.clone(),
        );
        registry.register(
            "dowel_exceptions_open",
            "Exceptions that wait for a person",
            self.exceptions.clone(),
        );
        registry.register(
            "dowel_exceptions_oldest_age_seconds",
            "For how long the oldest open exception has waited, 0 without any",
            self.oldest_exception.clone(),
        );
        registry.register(
            "dowel_runs_stuck",
            "Runs that could go on and do not",
            self.stuck.clone(),
        );
    }

    pub(super) fn begin_series(&self, flow: &FlowName) {
        drop(self.late.get_or_create(&label(flow)));
    }

    /// A run was at work for longer than its flow promises.
    pub(crate) fn late(&self, flow: &FlowName) {
        self.late.get_or_create(&label(flow)).inc();
    }

    /// Shows what an active flow promises.
    pub(crate) fn promise(&self, flow: &FlowName, sla: Option<Sla>) {
        let (sla, label) = (sla.unwrap_or_default(), label(flow));
        match sla.success {
            Some(share) => {
                let ratio = f64::from(share.hundredths()) / WHOLE;
                self.success.get_or_create(&label).set(ratio);
            }
            None => drop(self.success.remove(&label)),
        }
        match sla.within {
            Some(within) => {
                let seconds = within.as_secs_f64();
                self.within.get_or_create(&label).set(seconds);
            }
            None => drop(self.within.remove(&label)),
        }
    }

    /// Shows how many exceptions of a flow wait, and for how many seconds the oldest has.
    pub(crate) fn exceptions(&self, flow: &FlowName, open: u64, oldest_seconds: f64) {
        let label = label(flow);
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        self.exceptions.get_or_create(&label).set(open);
        self.oldest_exception
            .get_or_create(&label)
            .set(oldest_seconds);
    }

    /// A made-up run came to rest.
    pub(super) fn synthetic(&self, flow: &FlowName, status: RunStatus) {
        self.synthetic.get_or_create(&ends(flow, status)).inc();
    }

    /// Begins the series of the runs of a flow that checks others.
    pub(crate) fn begin_synthetic(&self, flow: &FlowName) {
        for status in RunStatus::ALL.into_iter().filter(|one| one.is_at_rest()) {
            drop(self.synthetic.get_or_create(&ends(flow, status)));
        }
    }

    /// How many runs could go on and do not, as shown last.
    pub(crate) fn stuck_count(&self) -> u64 {
        u64::try_from(self.stuck.get()).unwrap_or_default()
    }

    /// Shows how many runs could go on and do not.
    pub(crate) fn stuck(&self, runs: usize) {
        self.stuck.set(i64::try_from(runs).unwrap_or(i64::MAX));
    }
}

fn ends(flow: &FlowName, status: RunStatus) -> EndLabels {
    EndLabels {
        flow: flow.to_string(),
        status: status.name(),
    }
}

fn label(flow: &FlowName) -> FlowLabel {
    FlowLabel {
        flow: flow.to_string(),
    }
}
