//! Looks at what became of the runs of both versions, and takes the share back where the new
//! one is worse.

use super::{CanaryState, CanaryStatus, HOST, Sample, Samples, judge, records};
use crate::desk::Deciding;
use crate::engine::{Engine, EngineError, Shared};
use crate::state::RunStatus;
use crate::summary::{self, MAX_PAGE, RunSummary, RunsQuery};
use dowel_core::port::{Store, StoreError};
use dowel_core::units::Share;
use dowel_core::{FlowName, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How often the numbers are looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Runs that one look reads: more say nothing else.
const MAX_READ: usize = 5_000;

/// Watches until draining begins.
pub(crate) async fn work(shared: Arc<Shared>) {
    let mut changes = shared.plans.changes();
    loop {
        let is_running = match look(&shared).await {
            Ok(is_running) => is_running,
            Err(error) => {
                tracing::warn!(%error, "the canaries cannot be looked at now");
                true
            }
        };
        let next = shared.ports.clock.now().plus(EVERY);
        tokio::select! {
            biased;
            () = shared.draining.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
            () = shared.ports.clock.sleep_until(next), if is_running => {}
        }
    }
}

/// Judges every canary that runs; whether there are any.
async fn look(shared: &Shared) -> Result<bool, EngineError> {
    let all = statuses(shared).await?;
    let shown = all.iter().map(|status| {
        let share = match status.canary.state {
            CanaryState::Running => status.canary.terms.share,
            _ => Share::NONE,
        };
        let rolled_back = status.canary.state == CanaryState::RolledBack;
        (&status.flow, share, rolled_back)
    });
    shared.metrics.canary.show(shown);
    let mut is_running = false;
    for status in &all {
        if status.canary.state != CanaryState::Running {
            continue;
        }
        let Some(samples) = &status.samples else {
            continue;
        };
        let limits = &status.canary.terms.limits;
        match judge::verdict(limits, &samples.before, &samples.new) {
            None => is_running = true,
            Some(reason) => take_back(shared, status, reason).await,
        }
    }
    Ok(is_running)
}

async fn take_back(shared: &Shared, status: &CanaryStatus, reason: String) {
    let (flow, version) = (&status.flow, &status.canary.version);
    let deciding = Deciding {
        actor: HOST.to_owned(),
        reason: Some(reason.clone()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    };
    let state = CanaryState::RolledBack;
    match super::decide::hold(shared, flow, &status.canary, state, deciding).await {
        Ok(()) => tracing::error!(%flow, %version, reason, "a canary was rolled back"),
        // The next look tries again, with what is on record by then.
        Err(error) => tracing::error!(%flow, %version, %error, "a canary cannot be rolled back"),
    }
}

/// The canaries as they stand.
async fn statuses(shared: &Shared) -> Result<Vec<CanaryStatus>, EngineError> {
    let store = shared.ports.store.as_ref();
    let now = shared.ports.clock.now();
    let mut all = Vec::new();
    for (flow, canary) in records(store).await? {
        let before = match canary.before {
            Some(digest) => Some(shared.plans.pinned(store, digest).await?),
            None => None,
        };
        let before = before.map(|plan| plan.plan.version.clone());
        let samples = match (&before, canary.state) {
            (Some(before), CanaryState::Running) => {
                let window = dowel_core::time::millis(canary.terms.limits.window);
                let start = Timestamp::from_millis(now.as_millis().saturating_sub(window));
                let start = start.max(canary.since);
                let mut samples = samples(store, &flow, (before, &canary.version), start).await?;
                let refused = shared.plans.refused_by_canary(&flow);
                samples.new.ended += refused;
                samples.new.failed += refused;
                Some(samples)
            }
            _ => None,
        };
        all.push(CanaryStatus {
            flow,
            canary,
            before,
            samples,
        });
    }
    Ok(all)
}

#[derive(Default)]
struct Counting {
    sample: Sample,
    took: Vec<Duration>,
}

impl Counting {
    fn add(&mut self, run: &RunSummary) {
        let failed = match run.status {
            RunStatus::Succeeded | RunStatus::SucceededWithFailures => {
                self.took.push(run.updated_at.since(run.created_at));
                false
            }
            RunStatus::Failed | RunStatus::Parked | RunStatus::Compensated => true,
            // A person's doing, or not known yet.
            _ => return,
        };
        self.sample.ended += 1;
        self.sample.failed += u64::from(failed);
    }

    fn sample(mut self) -> Sample {
        self.took.sort_unstable();
        let place = (self.took.len() * 95).div_ceil(100).checked_sub(1);
        self.sample.p95 = place.and_then(|place| self.took.get(place).copied());
        self.sample
    }
}

/// What became of the runs that came since then, the newest ones if there are many.
async fn samples(
    store: &dyn Store,
    flow: &FlowName,
    (before, new): (&semver::Version, &semver::Version),
    since: Timestamp,
) -> Result<Samples, StoreError> {
    let (mut old, mut young) = (Counting::default(), Counting::default());
    let mut query = RunsQuery {
        flow: Some(flow.clone()),
        limit: MAX_PAGE,
        ..RunsQuery::default()
    };
    let mut read = 0;
    loop {
        let page = summary::list(store, &query).await?;
        read += page.runs.len();
        let is_over = page.runs.last().is_none_or(|run| run.created_at < since);
        for run in page.runs.iter().filter(|run| run.created_at >= since) {
            if run.version == *new {
                young.add(run);
            } else if run.version == *before {
                old.add(run);
            }
        }
        query.before = page.next;
        if is_over || page.next.is_none() || read >= MAX_READ {
            return Ok(Samples {
                before: old.sample(),
                new: young.sample(),
            });
        }
    }
}

impl Engine {
    /// The canaries, by their flows.
    ///
    /// # Errors
    /// The store failed, or the plan of a version before cannot be read.
    pub async fn canaries(&self) -> Result<Vec<CanaryStatus>, EngineError> {
        statuses(self.shared()).await
    }
}
