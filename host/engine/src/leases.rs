//! Leases: where several hosts work on one store, a run is worked on by the host that has
//! its lease.
//!
//! A host looks at the lease before it reads the journal, and writes it with the first
//! page, so that a run that is short costs no write of its own. Every page is written on
//! condition that the lease is still what the host knows: a host that has lost it writes
//! nothing any more. The batch in which a run ends, parks or begins to wait gives the
//! lease back; long work renews it; what a dead host had is taken over when its time is
//! up. One host alone has no leases at all.

use crate::engine::{Hosts, Shared};
use crate::keys;
use crate::queue;
use dowel_core::port::{Batch, Randomness, Scan, StoreError};
use dowel_core::{RunId, Timestamp};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// For how long a host has a run. Much longer than a healthy host stands still, and short
/// enough that nobody misses the runs of a dead one.
const TERM: Duration = Duration::from_secs(30);

/// When a lease is renewed: two renewals may fail before it is lost.
const RENEW_AFTER: Duration = Duration::from_secs(10);

/// How often a host looks for runs that nobody works on.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Runs that are taken over at one look: others may take some of them, too.
const MOST_TAKEN: usize = 256;

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 4_096;

/// Names a host among the ones that share a store: new at every start.
type Host = [u8; 16];

/// A lease as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    host: Host,
    /// Grows with each host that takes the run over.
    epoch: u64,
    until: Timestamp,
}

impl Row {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (host, rest) = bytes.split_first_chunk::<16>()?;
        let (epoch, until) = rest.split_first_chunk::<8>()?;
        Some(Self {
            host: *host,
            epoch: u64::from_be_bytes(*epoch),
            until: Timestamp::from_millis(u64::from_be_bytes(until.try_into().ok()?)),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.host.to_vec();
        bytes.extend(self.epoch.to_be_bytes());
        bytes.extend(self.until.as_millis().to_be_bytes());
        bytes
    }
}

/// The leases of this host.
pub(crate) struct Leases {
    /// Nothing where it is alone.
    host: Option<Host>,
}

/// What came of looking at a lease.
#[derive(Debug)]
pub(crate) enum Claim {
    /// The run may be worked on, with this lease unless the host is alone.
    Ours(Option<Lease>),
    /// Another host has it, until then at least.
    Theirs(Timestamp),
}

/// The lease of a run that this host works on.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    key: Vec<u8>,
    host: Host,
    epoch: u64,
    /// What the store has, which must not change.
    stored: Option<Vec<u8>>,
    /// When it is renewed; nothing before it is written.
    renew_at: Option<Timestamp>,
}

impl Leases {
    pub(crate) fn new(hosts: Hosts, randomness: &dyn Randomness) -> Self {
        let host = (hosts == Hosts::Several).then(|| randomness.bytes());
        Self { host }
    }

    /// Whether other hosts work on the same store.
    pub(crate) const fn are_needed(&self) -> bool {
        self.host.is_some()
    }

    /// Looks whether this host may work on a run. Nothing is written yet.
    pub(crate) async fn claim(&self, shared: &Shared, run: RunId) -> Result<Claim, StoreError> {
        let Some(host) = self.host else {
            return Ok(Claim::Ours(None));
        };
        let key = keys::lease(run);
        let stored = shared.ports.store.get(&key).await?;
        let row = stored.as_deref().and_then(Row::read);
        match row {
            Some(row) if row.host != host && row.until > shared.ports.clock.now() => {
                Ok(Claim::Theirs(row.until))
            }
            _ => Ok(Claim::Ours(Some(Lease {
                key,
                host,
                epoch: row.map_or(1, |row| row.epoch.saturating_add(1)),
                stored,
                renew_at: None,
            }))),
        }
    }
}

impl Lease {
    /// Whether it is in the store.
    pub(crate) const fn is_written(&self) -> bool {
        self.renew_at.is_some()
    }

    /// When it is to be renewed.
    pub(crate) const fn renew_at(&self) -> Option<Timestamp> {
        self.renew_at
    }

    /// Adds to a batch that it is still ours, and that it stays so where that is due.
    pub(crate) fn keep(&self, batch: &mut Batch, now: Timestamp) -> Self {
        self.require(batch);
        if self.renew_at.is_some_and(|at| at > now) {
            return self.clone();
        }
        let row = Row {
            host: self.host,
            epoch: self.epoch,
            until: now.plus(TERM),
        };
        batch.put(self.key.clone(), row.bytes());
        Self {
            stored: Some(row.bytes()),
            renew_at: Some(now.plus(RENEW_AFTER)),
            ..self.clone()
        }
    }

    /// Adds to a batch that it is given back.
    pub(crate) fn give_back(&self, batch: &mut Batch) -> Self {
        self.require(batch);
        if self.stored.is_some() {
            batch.delete(self.key.clone());
        }
        Self {
            stored: None,
            renew_at: None,
            ..self.clone()
        }
    }

    fn require(&self, batch: &mut Batch) {
        match &self.stored {
            Some(stored) => batch.require_equal(self.key.clone(), stored.clone()),
            None => batch.require_absent(self.key.clone()),
        };
    }
}

/// Takes up runs that are due and that nobody works on, until draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    let draining = shared.draining.clone();
    let mut after = None;
    loop {
        let clock = &shared.ports.clock;
        tokio::select! {
            biased;
            () = draining.cancelled() => return,
            () = clock.sleep_until(clock.now().plus(LOOK_EVERY)) => {}
        }
        // A host that has work takes no more.
        if shared.metrics.backlog.get() > 0 {
            continue;
        }
        match take_over(&shared, after.take()).await {
            Ok(last) => after = last,
            Err(error) => tracing::warn!(%error, "runs of other hosts cannot be looked for"),
        }
        if let Err(error) = hear(&shared).await {
            tracing::warn!(%error, "messages that came in at other hosts cannot be looked for");
        }
        // A host that died may have left events there.
        shared.outbox.notify_one();
    }
}

/// Takes up to so many runs; where the next look goes on.
async fn take_over(shared: &Shared, after: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError> {
    let now = shared.ports.clock.now();
    let leased = leased(shared, now).await?;
    let mut scan = Scan::prefix(keys::ACTIVE, ROWS_PER_SCAN);
    scan.after = after;
    let mut taken = 0;
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let more = rows.len() == ROWS_PER_SCAN;
        for (key, value) in rows {
            let run = keys::run_at_end(&key);
            let is_free = |run: &RunId| {
                queue::read_due(&value) <= now
                    && !leased.contains(run)
                    && !shared.live.is_at_work(*run)
                    && !shared.key_lines.is_waiting(*run)
            };
            if let Some(run) = run.filter(is_free) {
                shared.queue.resume(run);
                taken += 1;
            }
            if taken == MOST_TAKEN {
                return Ok(Some(key));
            }
            scan = scan.after(key);
        }
        if !more {
            return Ok(None);
        }
    }
}

/// Takes up runs with messages that nobody reads: whoever took them in may be dead.
async fn hear(shared: &Shared) -> Result<(), StoreError> {
    let scan = Scan::prefix(keys::INBOX, ROWS_PER_SCAN).keys_only();
    let rows = shared.ports.store.scan(scan).await?;
    let told: BTreeSet<RunId> = rows
        .iter()
        .filter_map(|(key, _)| keys::run_at_start(key))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    let leased = leased(shared, shared.ports.clock.now()).await?;
    let is_free = |run: &RunId| !leased.contains(run) && !shared.live.is_at_work(*run);
    for run in told.into_iter().filter(is_free).take(MOST_TAKEN) {
        shared.queue.resume(run);
    }
    Ok(())
}

/// The runs that some host has now.
async fn leased(shared: &Shared, now: Timestamp) -> Result<HashSet<RunId>, StoreError> {
    let mut leased = HashSet::new();
    let mut scan = Scan::prefix(keys::LEASE, ROWS_PER_SCAN);
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let more = rows.len() == ROWS_PER_SCAN;
        for (key, value) in rows {
            let is_valid = Row::read(&value).is_some_and(|row| row.until > now);
            leased.extend(keys::run_at_end(&key).filter(|_| is_valid));
            scan = scan.after(key);
        }
        if !more {
            return Ok(leased);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_round_trip() {
        let row = Row {
            host: [7; 16],
            epoch: 3,
            until: Timestamp::from_millis(9),
        };
        assert_eq!(Row::read(&row.bytes()), Some(row));
        assert_eq!(Row::read(b"short"), None);
    }
}
