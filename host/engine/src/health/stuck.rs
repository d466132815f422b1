//! Runs that could go on and do not. Nothing that a run may rightly wait for makes it
//! stuck: timers that are not due, people, events, the runs before it in its concurrency
//! key, its turn at a connection, or its flow to be enabled.

use crate::engine::{Engine, EngineError, Shared};
use crate::summary::RunSummary;
use crate::{journal, keys, kpi, queue, summary};
use dowel_core::journal::Event;
use dowel_core::port::Scan;
use dowel_core::{FlowName, RunId, Timestamp};
use dowel_flow::plan::Plan;
use std::time::Duration;

/// For how long a run may be silent that nobody works on although it is due.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// For how long a run may be silent that is at work: a call may take this long.
const SILENCE_AT_WORK: Duration = Duration::from_secs(60 * 60);

/// The shortest silence that makes a run stuck, whatever its flow promises.
const SHORTEST: Duration = Duration::from_secs(60);

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 1_024;

/// Unfinished runs that one request looks at.
const MAX_EXAMINED: usize = 50_000;

/// Journals whose end one request reads.
const MAX_READ: usize = 2_000;

/// Stuck runs that one request names.
const MAX_FOUND: usize = 100;

/// A run that could go on and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckRun {
    /// The run.
    pub run: RunId,
    /// Its flow.
    pub flow: FlowName,
    /// The flow's version.
    pub version: semver::Version,
    /// Since when nothing was recorded although something was due.
    pub silent_since: Timestamp,
    /// Whether this host works on it: `working`, or else `lost`.
    pub state: &'static str,
}

/// Runs that could go on and do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StuckRuns {
    /// The runs, the oldest first.
    pub runs: Vec<StuckRun>,
    /// Whether there may be more that were not looked at.
    pub is_cut: bool,
}

impl Engine {
    /// The runs that could go on and have recorded nothing for a quarter of an hour, or
    /// for an hour where a call may still be on its way; sooner where their flow promises
    /// to end within less.
    ///
    /// # Errors
    /// The store failed, or a journal cannot be read.
    pub async fn stuck_runs(&self) -> Result<StuckRuns, EngineError> {
        let (shared, now) = (self.shared(), self.now());
        let mut found = StuckRuns::default();
        let (mut examined, mut read) = (0, 0);
        let least = shortest(shared);
        let mut scan = Scan::prefix(keys::ACTIVE, ROWS_PER_SCAN);
        loop {
            let rows = shared.ports.store.scan(scan.clone()).await?;
            for (key, mark) in &rows {
                let run = keys::run_at_end(key);
                let due = queue::read_due(mark);
                let Some(run) = run.filter(|run| may_be_stuck(shared, *run, due, now, least))
                else {
                    continue;
                };
                read += 1;
                found.runs.extend(look(shared, run, due, now).await?);
                if found.runs.len() == MAX_FOUND || read == MAX_READ {
                    found.is_cut = true;
                    return Ok(found);
                }
            }
            examined += rows.len();
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN => {
                    if examined >= MAX_EXAMINED {
                        found.is_cut = true;
                        return Ok(found);
                    }
                    scan = scan.after(key.clone());
                }
                _ => return Ok(found),
            }
        }
    }
}

/// For how long a run of a flow may be silent that is due.
fn patience(plan: Option<&Plan>, usual: Duration) -> Duration {
    let within = plan.and_then(|plan| plan.sla?.within);
    within.map_or(usual, |within| within.clamp(SHORTEST, usual))
}

/// The shortest of the flows that are active.
fn shortest(shared: &Shared) -> Duration {
    let plans = shared.plans.all();
    let all = plans
        .iter()
        .map(|active| patience(Some(&active.plan), SILENCE));
    all.min().unwrap_or(SILENCE)
}

/// What the mark alone tells.
fn may_be_stuck(
    shared: &Shared,
    run: RunId,
    due: Timestamp,
    now: Timestamp,
    least: Duration,
) -> bool {
    let since = due.max(kpi::created(run));
    due != queue::NEVER && since.plus(least) <= now && !shared.key_lines.is_waiting(run)
}

async fn look(
    shared: &Shared,
    run: RunId,
    due: Timestamp,
    now: Timestamp,
) -> Result<Option<StuckRun>, EngineError> {
    let store = shared.ports.store.as_ref();
    let Some(last) = journal::last(store, run).await? else {
        return Ok(None);
    };
    if matches!(last.event, Event::CallHeld { .. } | Event::Stopped {}) {
        return Ok(None);
    }
    let silent_since = last.at.max(due);
    let (usual, state) = match shared.live.is_at_work(run) {
        true => (SILENCE_AT_WORK, "working"),
        false => (SILENCE, "lost"),
    };
    if silent_since.plus(SHORTEST) > now {
        return Ok(None);
    }
    let summary = summary::get(store, run).await?;
    let is_silent = |summary: &RunSummary| {
        let active = shared.plans.active(&summary.flow);
        let patience = patience(active.as_ref().map(|active| &active.plan), usual);
        silent_since.plus(patience) <= now
    };
    let summary = summary.filter(is_silent);
    let summary = summary.filter(|summary| !shared.switches.is_disabled(&summary.flow));
    Ok(summary.map(|summary| StuckRun {
        run,
        flow: summary.flow,
        version: summary.version,
        silent_since,
        state,
    }))
}
