//! The sweeper: one pass over everything that may be due, and the task that makes passes.

use super::dedupe;
use super::remove::{self, Removed};
use crate::engine::Shared;
use crate::keys::{self, EndClass};
use dowel_core::port::{Scan, StoreError};
use dowel_core::retention::Keep;
use dowel_core::{FlowName, RunId, Timestamp};
use futures_util::future;
use std::sync::Arc;
use std::time::Duration;

/// Runs that are removed at a time. Their batches are handed over together, so that the
/// store can write them together.
const RUNS_PER_SLICE: usize = 64;

/// How soon the next pass begins after one that removed something: while runs end all
/// the time, what is due shall not pile up until the next interval.
const BUSY_INTERVAL: Duration = Duration::from_secs(1);

/// The longest rest between two slices while runs are at work.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// What a pass removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs that were older than their flow's retention allows.
    pub by_age: u64,
    /// Runs beyond their flow's number of finished runs.
    pub by_count: u64,
    /// Dedupe keys whose window has ended and whose run is gone.
    pub dedupe_keys: u64,
}

impl Swept {
    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// How a pass treats others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// As fast as it goes.
    Full,
    /// While runs are at work, rests as long as it worked.
    Yielding,
}

/// Makes passes until the host drains.
pub(crate) async fn work(shared: Arc<Shared>, interval: Duration) {
    let draining = shared.draining.clone();
    let clock = shared.ports.clock.clone();
    let mut pause = interval;
    loop {
        tokio::select! {
            biased;
            () = clock.sleep_until(clock.now().plus(pause)) => {}
            () = draining.cancelled() => return,
        }
        pause = match pass(&shared, Pace::Yielding).await {
            Ok(swept) if swept.is_nothing() => interval,
            Ok(swept) => {
                tracing::debug!(?swept, "retention removed runs");
                BUSY_INTERVAL.min(interval)
            }
            Err(error) => {
                tracing::warn!(%error, "retention could not remove what is due; it tries again");
                interval
            }
        };
    }
}

/// One pass, as fast as it goes.
pub(crate) async fn once(shared: &Shared) -> Result<Swept, StoreError> {
    pass(shared, Pace::Full).await
}

async fn pass(shared: &Shared, pace: Pace) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    let mut after: Option<FlowName> = None;
    while let Some(flow) = next_flow(shared, after.as_ref()).await? {
        Pass {
            shared,
            pace,
            flow: &flow,
            swept: &mut swept,
        }
        .flow()
        .await?;
        after = Some(flow);
    }
    let (store, now) = (shared.ports.store.as_ref(), shared.ports.clock.now());
    shared.receivers.sweep(store, now).await?;
    crate::once::sweep(store, now).await?;
    loop {
        let begun = shared.ports.clock.now();
        let (gone, more) = dedupe::expire(shared.ports.store.as_ref(), begun).await?;
        swept.dedupe_keys += gone;
        shared.metrics.dedupe_keys_removed(gone);
        if !more || shared.is_draining() {
            return Ok(swept);
        }
        rest(shared, pace, begun).await;
    }
}

/// The next flow with finished runs.
async fn next_flow(
    shared: &Shared,
    after: Option<&FlowName>,
) -> Result<Option<FlowName>, StoreError> {
    if shared.is_draining() {
        return Ok(None);
    }
    let mut scan = Scan::prefix(keys::FINISHED, 1).keys_only();
    if let Some(flow) = after {
        // Behind every key of that flow: the bytes of a class are below this.
        let mut end = keys::finished_flow(flow);
        end.push(u8::MAX);
        scan = scan.after(end);
    }
    let found = shared.ports.store.scan(scan).await?;
    Ok(found
        .first()
        .and_then(|(key, _)| keys::flow_of_finished(key)))
}

/// A pass over one flow.
struct Pass<'a> {
    shared: &'a Shared,
    pace: Pace,
    flow: &'a FlowName,
    swept: &'a mut Swept,
}

/// A finished run and its place in the index.
struct Candidate {
    entry: Vec<u8>,
    ended: Timestamp,
    run: RunId,
}

impl Pass<'_> {
    async fn flow(mut self) -> Result<(), StoreError> {
        let rule = self.shared.settings().retention.of(self.flow);
        for (class, keep) in [
            (EndClass::Good, rule.succeeded),
            (EndClass::Bad, rule.failed),
        ] {
            if let Keep::For(age) = keep {
                self.by_age(class, age).await?;
            }
        }
        match rule.max_runs {
            Some(limit) => self.by_count(limit).await,
            None => Ok(()),
        }
    }

    async fn by_age(&mut self, class: EndClass, age: Duration) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let begun = self.shared.ports.clock.now();
            let mut due = self.oldest(class, after.as_deref()).await?;
            due.retain(|candidate| candidate.ended.plus(age) <= begun);
            let is_last = due.len() < RUNS_PER_SLICE;
            after = due.last().map(|candidate| candidate.entry.clone());
            let removed = self.remove(&due, "age").await?;
            self.swept.by_age += removed;
            if is_last || self.shared.is_draining() {
                return Ok(());
            }
            rest(self.shared, self.pace, begun).await;
        }
    }

    async fn by_count(&mut self, limit: u64) -> Result<(), StoreError> {
        let store = self.shared.ports.store.as_ref();
        let mut after: [Option<Vec<u8>>; 2] = [None, None];
        loop {
            let begun = self.shared.ports.clock.now();
            let finished = self.shared.finished.of(store, self.flow).await?;
            let excess = usize::try_from(finished.saturating_sub(limit)).unwrap_or(usize::MAX);
            if excess == 0 || self.shared.is_draining() {
                return Ok(());
            }
            let mut oldest = Vec::new();
            for (place, class) in EndClass::ALL.into_iter().enumerate() {
                let found = self.oldest(class, after[place].as_deref()).await?;
                oldest.extend(found.into_iter().map(|candidate| (place, candidate)));
            }
            oldest.sort_by_key(|(_, candidate)| candidate.ended);
            oldest.truncate(excess.min(RUNS_PER_SLICE));
            if oldest.is_empty() {
                return Ok(());
            }
            for (place, candidate) in &oldest {
                after[*place] = Some(candidate.entry.clone());
            }
            let oldest: Vec<Candidate> = oldest.into_iter().map(|(_, found)| found).collect();
            let removed = self.remove(&oldest, "count").await?;
            self.swept.by_count += removed;
            rest(self.shared, self.pace, begun).await;
        }
    }

    async fn oldest(
        &self,
        class: EndClass,
        after: Option<&[u8]>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let prefix = keys::finished_class(self.flow, class);
        let mut scan = Scan::prefix(prefix, RUNS_PER_SLICE).keys_only();
        if let Some(after) = after {
            scan = scan.after(after);
        }
        let found = self.shared.ports.store.scan(scan).await?;
        let candidates = found.into_iter().filter_map(|(entry, _)| {
            let (ended, run) = (keys::end_of_finished(&entry)?, keys::run_at_end(&entry)?);
            Some(Candidate { entry, ended, run })
        });
        Ok(candidates.collect())
    }

    async fn remove(
        &self,
        candidates: &[Candidate],
        reason: &'static str,
    ) -> Result<u64, StoreError> {
        let now = self.shared.ports.clock.now();
        let removals = candidates
            .iter()
            .map(|candidate| remove::run(self.shared, &candidate.entry, candidate.run, now));
        let mut removed = 0;
        for outcome in future::join_all(removals).await {
            if outcome? == Removed::Run {
                removed += 1;
                self.shared.finished.left(self.flow);
            }
        }
        self.shared.metrics.runs_removed(self.flow, reason, removed);
        Ok(removed)
    }
}

/// Lets others work after a slice that began at `begun`.
async fn rest(shared: &Shared, pace: Pace, begun: Timestamp) {
    let clock = &shared.ports.clock;
    if pace == Pace::Full || shared.metrics.backlog.get() == 0 {
        tokio::task::yield_now().await;
        return;
    }
    let worked = clock
        .now()
        .since(begun)
        .clamp(Duration::from_millis(1), LONGEST_REST);
    clock.sleep_until(clock.now().plus(worked)).await;
}
