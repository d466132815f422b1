//! What is counted of schedules. Labels are flows that are active, and their triggers.

use dowel_core::FlowName;
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

/// Counters of schedules.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScheduleMetrics {
    fires: Family<Labels, Counter>,
    left_out: Family<Labels, Counter>,
    lag: Family<Labels, Gauge<f64, AtomicU64>>,
}

impl ScheduleMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "dowel_schedule_fires",
            "Fires of schedules that became runs",
            self.fires.clone(),
        );
        registry.register(
            "dowel_schedule_left_out",
            "How often fires of a schedule were left out, one or several at a time",
            self.left_out.clone(),
        );
        registry.register(
            "dowel_schedule_lag_seconds",
            "How late the last fire of a schedule was, or is",
            self.lag.clone(),
        );
    }

    pub(super) fn fired(&self, flow: &FlowName, trigger: &str) {
        self.fires.get_or_create(&labels(flow, trigger)).inc();
    }

    pub(super) fn left_out(&self, flow: &FlowName, trigger: &str) {
        self.left_out.get_or_create(&labels(flow, trigger)).inc();
    }

    pub(super) fn lag(&self, flow: &FlowName, trigger: &str, lag: Duration) {
        let gauge = self.lag.get_or_create(&labels(flow, trigger));
        gauge.set(lag.as_secs_f64());
    }
}

fn labels(flow: &FlowName, trigger: &str) -> Labels {
    Labels {
        flow: flow.to_string(),
        trigger: trigger.to_owned(),
    }
}
