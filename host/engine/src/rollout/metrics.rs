//! What is counted about trees.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// What is counted about trees.
#[derive(Clone, Debug, Default)]
pub(crate) struct RolloutMetrics {
    looks: Family<Outcome, Counter>,
    awaiting: Gauge,
    in_sync: Gauge,
}

impl RolloutMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Looks at the repository, by what came of them";
        registry.register("dowel_environment_looks", help, self.looks.clone());
        let help = "Trees of the environment that wait for an approval";
        registry.register(
            "dowel_environment_awaiting_approval",
            help,
            self.awaiting.clone(),
        );
        let help = "Whether what is active is what the repository says: 1 or 0";
        registry.register("dowel_environment_in_sync", help, self.in_sync.clone());
    }

    pub(super) fn looked(&self, outcome: &'static str) {
        self.looks.get_or_create(&Outcome { outcome }).inc();
        self.awaiting.set(i64::from(outcome == "awaiting"));
        self.in_sync
            .set(i64::from(matches!(outcome, "activated" | "unchanged")));
    }
}
