//! What is counted of polls. Labels are flows that are active, and their triggers.

use super::Name;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    flow: String,
    trigger: String,
}

/// Counters of polls.
#[derive(Clone, Debug, Default)]
pub(crate) struct PollMetrics {
    reads: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    events: Family<Labels, Counter>,
    duplicates: Family<Labels, Counter>,
    age: Family<Labels, Gauge<f64, AtomicU64>>,
}

impl PollMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "dowel_poll_reads",
            "Reads of a source whose events were taken",
            self.reads.clone(),
        );
        registry.register(
            "dowel_poll_errors",
            "Reads of a source that failed",
            self.errors.clone(),
        );
        registry.register(
            "dowel_poll_events",
            "Events of a source that began runs",
            self.events.clone(),
        );
        registry.register(
            "dowel_poll_duplicates",
            "Events of a source that were known already",
            self.duplicates.clone(),
        );
        registry.register(
            "dowel_poll_read_age_seconds",
            "For how long a source has not been read without an error",
            self.age.clone(),
        );
    }

    /// Begins the series of a poll, so that the first of anything counts.
    pub(super) fn begin_series(&self, name: &Name) {
        let labels = labels(name);
        for family in [&self.reads, &self.errors, &self.events, &self.duplicates] {
            drop(family.get_or_create(&labels));
        }
    }

    /// A page was read and taken.
    pub(super) fn taken(&self, name: &Name, taken: super::take::Taken) {
        let labels = labels(name);
        self.reads.get_or_create(&labels).inc();
        self.events.get_or_create(&labels).inc_by(taken.events);
        self.duplicates
            .get_or_create(&labels)
            .inc_by(taken.duplicates);
    }

    /// A read has failed.
    pub(super) fn failed(&self, name: &Name) {
        self.errors.get_or_create(&labels(name)).inc();
    }

    /// Shows for how long a source has not been read; nothing where it is not to be read.
    pub(super) fn show_age(&self, name: &Name, age: Option<Duration>) {
        let labels = labels(name);
        match age {
            Some(age) => {
                self.age.get_or_create(&labels).set(age.as_secs_f64());
            }
            None => drop(self.age.remove(&labels)),
        }
    }
}

fn labels((flow, trigger): &Name) -> Labels {
    Labels {
        flow: flow.to_string(),
        trigger: trigger.clone(),
    }
}
