//! What is counted about canaries.

use dowel_core::FlowName;
use dowel_core::units::Share;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Flow {
    flow: String,
}

/// What is counted about canaries.
#[derive(Clone, Debug, Default)]
pub(crate) struct CanaryMetrics {
    share: Family<Flow, Gauge>,
    rolled_back: Family<Flow, Gauge>,
}

impl CanaryMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Runs of a flow that begin on its new version, in hundredths of a percent; absent without a canary";
        registry.register("dowel_canary_share", help, self.share.clone());
        let help = "Whether a canary's numbers have taken its share back: 1 until somebody ends it";
        registry.register("dowel_canary_rolled_back", help, self.rolled_back.clone());
    }

    /// Shows these canaries and no others.
    pub(super) fn show<'c>(&self, all: impl Iterator<Item = (&'c FlowName, Share, bool)>) {
        self.share.clear();
        self.rolled_back.clear();
        for (flow, share, rolled_back) in all {
            let label = Flow {
                flow: flow.to_string(),
            };
            self.share
                .get_or_create(&label)
                .set(i64::from(share.hundredths()));
            self.rolled_back
                .get_or_create(&label)
                .set(i64::from(rolled_back));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_that_ended_is_not_shown_any_more() {
        let metrics = CanaryMetrics::default();
        let flow: FlowName = "orders".parse().unwrap();
        metrics.show([(&flow, Share::ALL, true)].into_iter());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let told = |registry: &Registry| {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, registry).map(|()| text)
        };
        let text = told(&registry).unwrap();
        assert!(
            text.contains("dowel_canary_share{flow=\"orders\"} 10000"),
            "{text}"
        );
        assert!(
            text.contains("dowel_canary_rolled_back{flow=\"orders\"} 1"),
            "{text}"
        );
        metrics.show(std::iter::empty());
        assert!(!told(&registry).unwrap().contains("flow="));
    }
}
