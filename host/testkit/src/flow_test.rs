//! Runs the tests of flows: the real engine on a store in memory, with a virtual clock,
//! mocks in the place of connectors and the real sandbox for expressions. Nothing leaves
//! the process.

mod compare;
mod decisions;
mod fake;
mod judge;
mod mocks;
mod observe;
mod people;
mod record;
mod record_events;
mod replay;
mod runs;
mod senders;
mod stub;
mod update;
mod world;

pub use compare::{Mismatch, holds};
pub use fake::fake;
pub use observe::{Intake, MadeCall, Observed, ObservedRun};
pub use record::{Recorded, record};
pub use replay::{Difference, ReplayError, Replayed, Version, replay};
pub use stub::{Specs, Stub, specs};
pub use world::CaseError;

use dowel_core::port::Mapper;
use dowel_flow::flow_test::{Case, Edit, Suite};
use dowel_flow::plan::Plan;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A flow with its tests.
#[derive(Debug)]
pub struct FlowUnderTest {
    /// The flow.
    pub plan: Plan,
    /// The flows that it runs, and those that these run.
    pub others: Vec<Plan>,
    /// Its tests.
    pub suite: Suite,
    /// The operations that they call, for stubs.
    pub specs: Specs,
}

/// What came of a case.
#[derive(Debug)]
pub struct CaseReport {
    /// Where what came is not what was expected.
    pub mismatches: Vec<Mismatch>,
    /// Stubs for the calls that had no mock.
    pub stubs: Vec<Stub>,
    /// Why the case could not be run to its end.
    pub error: Option<CaseError>,
    /// What happened.
    pub observed: Observed,
    /// What has to be written to the file for the case to hold; empty if that is not for
    /// a program to decide.
    pub edits: Vec<Edit>,
    /// How long it took, on the real clock.
    pub took: Duration,
}

impl CaseReport {
    /// Whether everything came as it was expected.
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.stubs.is_empty() && self.error.is_none()
    }
}

impl FlowUnderTest {
    /// Runs a case of the suite.
    pub fn run(&self, index: usize, case: &Case, mapper: &Arc<dyn Mapper>) -> CaseReport {
        let begin = Instant::now();
        let (observed, error) = world::observe(&self.plan, &self.others, case, mapper);
        let mut report = CaseReport {
            mismatches: Vec::new(),
            stubs: stub::stubs(&observed, &self.plan, &self.specs),
            error,
            observed,
            edits: Vec::new(),
            took: Duration::ZERO,
        };
        if report.error.is_none() {
            report.mismatches = judge::judge(&case.expect, &report.observed);
        }
        if report.error.is_none() && report.stubs.is_empty() {
            report.edits = update::edits(index, &report.mismatches);
        }
        report.took = begin.elapsed();
        report
    }
}

/// One case to run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Its flow.
    pub flow: &'a FlowUnderTest,
    /// Its index in the suite.
    pub index: usize,
}

/// Runs cases on as many threads as there are processors; the reports are in the order
/// of the jobs.
pub fn run_all(jobs: &[Job<'_>], mapper: &Arc<dyn Mapper>) -> Vec<CaseReport> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else {
                return done;
            };
            if let Some(case) = job.flow.suite.cases.get(job.index) {
                done.push((index, job.flow.run(job.index, case, mapper)));
            }
        }
    };
    let mut all: Vec<(usize, CaseReport)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.min(jobs.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.flatten().collect()
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, report)| report).collect()
}

/// What happens in a case, without judging it.
pub fn observe(
    plan: &Plan,
    others: &[Plan],
    case: &Case,
    mapper: &Arc<dyn Mapper>,
) -> (Observed, Option<CaseError>) {
    world::observe(plan, others, case, mapper)
}
