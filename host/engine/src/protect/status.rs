//! How connections stand: for the API and for metrics.

use super::breaker::BreakerState;
use dowel_core::{ConnectionName, Timestamp};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// How a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionStatus {
    /// The connection.
    pub connection: ConnectionName,
    /// Whether calls are made: not while somebody has switched the connection off.
    pub enabled: bool,
    /// Calls at the same time, at most.
    pub concurrency: u32,
    /// Calls that are being made.
    pub in_flight: u32,
    /// Steps that wait for their turn.
    pub waiting: usize,
    /// The rate limit, as it is written.
    pub rate: Option<String>,
    /// Calls that the rate limit allows at once.
    pub tokens: Option<u64>,
    /// Until when the upstream asked to be left alone.
    pub paused_until: Option<Timestamp>,
    /// Where the circuit breaker stands, if there is one.
    pub breaker: Option<BreakerState>,
    /// When an open breaker lets a call through to try.
    pub open_until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    connection: String,
}

/// The gauges of all connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProtectMetrics {
    breaker: Family<Label, Gauge>,
    waiting: Family<Label, Gauge>,
    tokens: Family<Label, Gauge>,
}

/// The gauges of one connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionMetrics {
    pub(crate) waiting: Gauge,
    all: ProtectMetrics,
    label: Label,
}

impl ProtectMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "dowel_connection_breaker_state",
            "Circuit breaker: 0 closed, 1 half-open, 2 open",
            self.breaker.clone(),
        );
        registry.register(
            "dowel_connection_waiting",
            "Steps that wait for their turn at a connection",
            self.waiting.clone(),
        );
        registry.register(
            "dowel_connection_tokens",
            "Calls that the rate limit of a connection allows at once",
            self.tokens.clone(),
        );
    }

    pub(crate) fn of(&self, connection: &ConnectionName) -> ConnectionMetrics {
        let label = Label {
            connection: connection.to_string(),
        };
        ConnectionMetrics {
            waiting: self.waiting.get_or_create(&label).clone(),
            all: self.clone(),
            label,
        }
    }
}

impl ConnectionMetrics {
    /// Shows what has no event of its own. Connections without a breaker or a rate
    /// have no such gauge.
    pub(crate) fn show(&self, status: &ConnectionStatus) {
        if let Some(breaker) = status.breaker {
            let value = match breaker {
                BreakerState::Closed => 0,
                BreakerState::HalfOpen => 1,
                BreakerState::Open => 2,
            };
            self.all.breaker.get_or_create(&self.label).set(value);
        }
        if let Some(tokens) = status.tokens {
            let tokens = i64::try_from(tokens).unwrap_or(i64::MAX);
            self.all.tokens.get_or_create(&self.label).set(tokens);
        }
    }
}
