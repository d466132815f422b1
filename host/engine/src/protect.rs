//! Protection of upstreams, and of flows from each other: each connection has a gate
//! with a limit of calls at the same time, a token bucket and a circuit breaker.
//! [`bucket`] and [`breaker`] are pure; [`gate`] puts them in front of calls.

mod breaker;
mod bucket;
mod gate;
mod status;

pub use breaker::BreakerState;
pub use status::ConnectionStatus;

pub(crate) use gate::{Entry, Gate, Hold, PATIENCE, Permit};
pub(crate) use status::ProtectMetrics;

use crate::queue::Queue;
use dowel_core::connection::ConnectionLimits;
use dowel_core::port::Clock;
use dowel_core::{ConnectionName, RunId, StepPath};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What the gates share.
pub(crate) struct Places {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: Queue,
    pub(crate) metrics: ProtectMetrics,
    pub(crate) alarm: Arc<Notify>,
}

/// The gates of all connections.
pub(crate) struct Protect {
    places: Places,
    limits: Mutex<BTreeMap<ConnectionName, ConnectionLimits>>,
    gates: Mutex<BTreeMap<ConnectionName, Arc<Gate>>>,
}

impl Protect {
    pub(crate) fn new(places: Places, limits: BTreeMap<ConnectionName, ConnectionLimits>) -> Self {
        let gates = limits.iter().map(|(name, limits)| {
            let gate = Gate::new(name.clone(), *limits, &places);
            (name.clone(), Arc::new(gate))
        });
        Self {
            gates: Mutex::new(gates.collect()),
            limits: Mutex::new(limits),
            places,
        }
    }

    /// The gate of a connection.
    pub(crate) fn gate(&self, connection: &ConnectionName) -> Arc<Gate> {
        let mut gates = self.gates.lock();
        if let Some(gate) = gates.get(connection) {
            return gate.clone();
        }
        let limits = self
            .limits
            .lock()
            .get(connection)
            .copied()
            .unwrap_or_default();
        let gate = Arc::new(Gate::new(connection.clone(), limits, &self.places));
        gates.insert(connection.clone(), gate.clone());
        gate
    }

    /// Takes other limits up; connections without any get the default ones.
    pub(crate) fn change_limits(&self, limits: &BTreeMap<ConnectionName, ConnectionLimits>) {
        *self.limits.lock() = limits.clone();
        for name in limits.keys() {
            self.gate(name);
        }
        for gate in self.all() {
            let limits = limits.get(&gate.connection).copied();
            gate.change_limits(limits.unwrap_or_default());
        }
    }

    /// Whether there is a connection of this name.
    pub(crate) fn knows(&self, connection: &ConnectionName) -> bool {
        self.gates.lock().contains_key(connection)
    }

    /// Switches a connection off or on.
    pub(crate) fn switch(&self, connection: &ConnectionName, is_off: bool) {
        self.gate(connection).switch(is_off);
    }

    /// Forgets what a run holds or waits for, except the steps that stepped aside.
    pub(crate) fn forget(&self, run: RunId, keep: impl Fn(&StepPath) -> bool) {
        for gate in self.all() {
            gate.forget(run, &keep);
        }
    }

    /// How the connections stand.
    pub(crate) fn status(&self) -> Vec<ConnectionStatus> {
        self.all().iter().map(|gate| gate.status()).collect()
    }

    fn all(&self) -> Vec<Arc<Gate>> {
        self.gates.lock().values().cloned().collect()
    }

    /// Opens gates when their time has come, until the host drains.
    pub(crate) async fn keep_time(&self, draining: CancellationToken) {
        loop {
            let next = self.all().iter().filter_map(|gate| gate.next_time()).min();
            let due = async {
                match next {
                    Some(at) => self.places.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = draining.cancelled() => return,
                () = due => {}
                () = self.places.alarm.notified() => {}
            }
            for gate in self.all() {
                gate.advance();
            }
        }
    }
}
