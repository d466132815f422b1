//! How flows did over time: what their runs came to, how long they took, how often calls
//! were tried again, and what waited for a person. Kept in memory in slices of time, a few
//! dozen for each flow; what had ended before the start is read from the index of finished
//! runs.

mod latency;
mod steps;
mod versions;

pub use latency::Latency;
pub(crate) use versions::keep_marks;
pub use versions::{Mark, VersionKpi};

use crate::engine::{Engine, Shared};
use crate::keys::{self, EndClass};
use crate::state::{RunState, RunStatus};
use dowel_core::journal::{Entry, Event};
use dowel_core::port::{Scan, StoreError};
use dowel_core::{FlowName, RunId, Timestamp};
use dowel_flow::picture::{Look, Style};
use parking_lot::Mutex;
use semver::Version;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use steps::Steps;
use versions::Versions;

/// Entries of the index that are read at a time.
const ROWS_PER_SCAN: usize = 2_048;

/// Finished runs of one flow and class that are read at the start: what is older is not
/// shown. A bound for the time that reading takes.
const MAX_READ: usize = 1_000_000;

/// How the names of programs begin.
const SERVICE: &str = "service:";

/// Finished runs of one flow and class whose versions are read at the start: each is a
/// look into the store.
const MAX_VERSIONS_READ: usize = 1_000;

/// The time that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// The last 24 hours, in slices of half an hour.
    Day,
    /// The last 30 days, in slices of a day.
    Month,
}

impl Span {
    const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// How long a slice is.
    pub const fn slice(self) -> Duration {
        match self {
            Self::Day => Duration::from_secs(1_800),
            Self::Month => Duration::from_secs(86_400),
        }
    }

    /// How many slices there are.
    pub const fn slices(self) -> u64 {
        match self {
            Self::Day => 48,
            Self::Month => 30,
        }
    }

    /// Which slice a time is in, counted from 1970.
    fn index(self, at: Timestamp) -> u64 {
        at.as_millis() / dowel_core::time::millis(self.slice())
    }

    fn start(self, index: u64) -> Timestamp {
        Timestamp::from_millis(index * dowel_core::time::millis(self.slice()))
    }
}

/// What happened in one slice of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// When it begins.
    pub from: Timestamp,
    /// Runs that succeeded in full.
    pub succeeded: u64,
    /// Runs that ended otherwise.
    pub failed: u64,
    /// Attempts of calls that failed and were followed by another one.
    pub retries: u64,
    /// Exceptions that were opened.
    pub exceptions: u64,
    /// Decisions that people made about runs.
    pub touches: u64,
    /// Times from acceptance to end.
    pub latency: Latency,
}

impl Slice {
    /// Runs that ended.
    pub fn ended(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.ended() + self.retries + self.exceptions + self.touches == 0
    }

    fn end(&mut self, class: EndClass, took: Duration) {
        match class {
            EndClass::Good => self.succeeded += 1,
            EndClass::Bad => self.failed += 1,
        }
        self.latency.add(took);
    }
}

/// How a flow did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kpi {
    /// The slices, the oldest first, without gaps; the last one is not over.
    pub slices: Vec<Slice>,
}

impl Kpi {
    /// The times of all slices together.
    pub fn latency(&self) -> Latency {
        let mut all = Latency::default();
        self.slices
            .iter()
            .for_each(|slice| all.add_all(&slice.latency));
        all
    }
}

type Slices = BTreeMap<u64, Slice>;

/// How all flows did.
#[derive(Debug, Default)]
pub(crate) struct Kpis {
    flows: Mutex<HashMap<FlowName, [Slices; 2]>>,
    steps: Steps,
    versions: Versions,
}

impl Kpis {
    fn add(&self, flow: &FlowName, at: Timestamp, change: impl Fn(&mut Slice)) {
        let mut flows = self.flows.lock();
        if !flows.contains_key(flow) {
            flows.insert(flow.clone(), Default::default());
        }
        let Some(series) = flows.get_mut(flow) else {
            return;
        };
        for (span, slices) in Span::ALL.into_iter().zip(series) {
            let index = span.index(at);
            change(slices.entry(index).or_default());
            // The newest is what is looked at; what is too old for it goes.
            let newest = slices.last_key_value().map_or(index, |(index, _)| *index);
            let oldest = (newest + 1).saturating_sub(span.slices());
            while let Some(first) = slices.first_entry().filter(|first| *first.key() < oldest) {
                first.remove();
            }
        }
    }

    /// A run ended.
    pub(crate) fn ended(&self, state: &RunState) {
        if state.created.synthetic {
            return;
        }
        let class = match state.status {
            RunStatus::Succeeded => EndClass::Good,
            _ => EndClass::Bad,
        };
        let took = state.updated_at.since(state.created_at);
        let flow = &state.created.flow;
        let at = state.updated_at;
        self.add(flow, at, |slice| slice.end(class, took));
        let version = state.version();
        self.versions
            .add(flow, version, |kpi| kpi.end(class, at, took));
    }

    /// Entries of a run are written.
    pub(crate) fn written(&self, state: &RunState, entries: &[Entry]) {
        if state.created.synthetic {
            return;
        }
        let (flow, version) = (&state.created.flow, state.version());
        for entry in entries {
            match &entry.event {
                Event::AttemptFailed { .. } => {
                    self.retried(flow, entry.at);
                    self.versions.add(flow, version, |kpi| kpi.retries += 1);
                }
                // Programs decide as well; that is nobody's work.
                Event::Commanded(commanded) if !commanded.actor.0.starts_with(SERVICE) => {
                    self.add(flow, entry.at, |slice| slice.touches += 1);
                    self.versions.add(flow, version, |kpi| kpi.touches += 1);
                }
                _ => {}
            }
        }
        self.steps.written(flow, entries);
    }

    /// A call is tried again.
    fn retried(&self, flow: &FlowName, at: Timestamp) {
        self.add(flow, at, |slice| slice.retries += 1);
    }

    /// Something waits for a person.
    pub(crate) fn opened(&self, flow: &FlowName, version: Option<&Version>, at: Timestamp) {
        self.add(flow, at, |slice| slice.exceptions += 1);
        if let Some(version) = version {
            self.versions.add(flow, version, |kpi| kpi.exceptions += 1);
        }
    }

    fn read(&self, flow: &FlowName, span: Span, now: Timestamp) -> Kpi {
        let flows = self.flows.lock();
        let slices = flows.get(flow).map(|series| &series[span as usize]);
        let last = span.index(now);
        let first = (last + 1).saturating_sub(span.slices());
        let slice = |index| Slice {
            from: span.start(index),
            ..slices
                .and_then(|slices| slices.get(&index))
                .cloned()
                .unwrap_or_default()
        };
        Kpi {
            slices: (first..=last).map(slice).collect(),
        }
    }
}

impl Engine {
    /// How a flow did.
    pub fn kpi(&self, flow: &FlowName, span: Span) -> Kpi {
        self.shared().desk.kpis.read(flow, span, self.now())
    }
}

/// The picture of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// An SVG fragment; its rules are [`RULES`](dowel_flow::picture::RULES).
    pub svg: String,
    /// The same in words.
    pub outline: String,
}

impl Engine {
    /// The picture of an active flow. Numbers on its steps: the runs that wait there for a
    /// person, and how often the step ended and failed since the start. Each step is a link
    /// to `link`, followed by its key.
    pub fn picture(&self, flow: &FlowName, link: &str) -> Option<Picture> {
        let shared = self.shared();
        let plan = shared.plans.active(flow)?;
        let mut numbers = shared.desk.kpis.steps.of(flow);
        for (group, count) in shared.desk.waiting(flow) {
            numbers
                .entry(steps::key(&group.step).to_owned())
                .or_default()
                .now += count;
        }
        let look = Look {
            style: Style::OfThePage,
            numbers: &numbers,
            link: Some(link),
        };
        Some(Picture {
            svg: dowel_flow::picture::svg(&plan.plan, &look),
            outline: dowel_flow::picture::outline(&plan.plan),
        })
    }
}

/// Reads what had ended before the engine began to work. Nothing waits for it.
pub(crate) async fn load(shared: Arc<Shared>) {
    let since = shared.finished.since();
    for flow in shared.plans.flows() {
        for class in EndClass::ALL {
            if shared.is_draining() {
                return;
            }
            if let Err(error) = read(&shared, &flow, class, since).await {
                tracing::warn!(%flow, %error, "the charts of the flow lack what ended before the start");
            }
        }
    }
}

async fn read(
    shared: &Shared,
    flow: &FlowName,
    class: EndClass,
    since: Timestamp,
) -> Result<(), StoreError> {
    let oldest = Timestamp::from_millis(
        since
            .as_millis()
            .saturating_sub(dowel_core::time::millis(Span::Month.slice()) * Span::Month.slices()),
    );
    let scan = Scan::prefix(keys::finished_class(flow, class), ROWS_PER_SCAN);
    let mut scan = scan.reversed().keys_only();
    let mut versions_read = 0;
    for _ in 0..MAX_READ / ROWS_PER_SCAN {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        for (key, _) in &rows {
            let end = keys::end_of_finished(key).zip(keys::run_at_end(key));
            let Some((ended, run)) = end else { continue };
            if ended < oldest {
                return Ok(());
            }
            // What ended since was counted as it ended.
            if ended < since {
                let took = ended.since(created(run));
                shared
                    .desk
                    .kpis
                    .add(flow, ended, |slice| slice.end(class, took));
                if versions_read < MAX_VERSIONS_READ {
                    versions_read += 1;
                    versions::ended_before(shared, flow, class, ended, run).await?;
                }
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN && !shared.is_draining() => {
                scan = scan.after(key.clone());
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// When a run was accepted: its id begins with the time (RFC 9562, section 5.7).
pub(crate) fn created(run: RunId) -> Timestamp {
    let millis = u64::try_from(run.as_u128() >> 80).unwrap_or_default();
    Timestamp::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(40 * DAY + millis)
    }

    #[test]
    fn what_happened_is_in_its_slice_and_what_is_old_goes() {
        let (kpis, flow) = (Kpis::default(), "orders".parse().unwrap());
        kpis.retried(&flow, at(0));
        kpis.add(&flow, at(1), |slice| {
            slice.end(EndClass::Good, Duration::from_millis(40));
        });
        kpis.opened(&flow, None, at(1_900_000));
        let day = kpis.read(&flow, Span::Day, at(1_900_000));
        assert_eq!(day.slices.len(), 48);
        let [.., before, last] = day.slices.as_slice() else {
            unreachable!()
        };
        assert_eq!(
            (before.succeeded, before.retries, before.exceptions),
            (1, 1, 0)
        );
        assert_eq!(
            (last.ended(), last.exceptions, last.from),
            (0, 1, at(1_800_000))
        );
        kpis.retried(&flow, at(3 * DAY));
        let flows = kpis.flows.lock();
        assert_eq!(
            flows[&flow][Span::Day as usize].len(),
            1,
            "older ones are gone"
        );
        assert_eq!(flows[&flow][Span::Month as usize].len(), 2);
    }

    #[test]
    fn ids_tell_when_runs_were_accepted() {
        assert_eq!(created(RunId::new(at(7), [9; 10])), at(7));
    }
}
