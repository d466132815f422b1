//! Flows with their tests.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::wiring;
use anyhow::Result;
use dowel_flow::diagnostic::{Diagnostic, Severity};
use dowel_flow::flow_test::{self, TEST_FILE};
use dowel_flow::source::FlowFolder;
use dowel_mapping::Mapping;
use dowel_testkit::flow_test::{CaseReport, FlowUnderTest, specs};

/// A flow of the repository.
pub(crate) struct Found {
    /// Its folder.
    pub(crate) folder: FlowFolder,
    /// The flow and its tests, if both can be used and there are any.
    pub(crate) flow: Option<FlowUnderTest>,
    /// Findings in the flow and in its tests.
    pub(crate) findings: Vec<Diagnostic>,
}

/// A flow whose tests have been run.
pub(crate) struct Tested {
    pub(crate) found: Found,
    /// The cases that were chosen: their index and what came of them.
    pub(crate) cases: Vec<(usize, CaseReport)>,
}

impl Found {
    /// The flow's name: that of its folder.
    pub(crate) fn name(&self) -> &str {
        self.folder.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the folder has a test file.
    pub(crate) fn has_tests(&self) -> bool {
        self.folder.files.contains_key(TEST_FILE)
    }
}

impl Tested {
    pub(crate) fn has_errors(&self) -> bool {
        let findings = &self.found.findings;
        findings.iter().any(|one| one.severity == Severity::Error)
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        !self.has_errors() && self.cases.iter().all(|(_, report)| report.passed())
    }
}

/// Compiles a flow and reads its tests.
pub(crate) fn load(
    repository: &Repository,
    folder: FlowFolder,
    connectors: &InstalledConnectors,
    mapping: &Mapping,
) -> Result<Found> {
    let compiled = wiring::compile_all(
        repository,
        std::slice::from_ref(&folder),
        connectors,
        mapping,
    )?;
    let mut found = Found {
        folder,
        flow: None,
        findings: Vec::new(),
    };
    let Some(plan) = compiled.plans.into_iter().next() else {
        found.findings = compiled.findings;
        return Ok(found);
    };
    let reached = wiring::compile_reached(repository, &plan.flow, connectors, mapping)?;
    if reached.has_errors {
        found.findings = reached.findings;
        return Ok(found);
    }
    let others = reached.plans;
    match flow_test::parse(&found.folder, &plan, &others) {
        None => {}
        Some(Err(findings)) => found.findings = findings,
        Some(Ok(suite)) => {
            found.findings.clone_from(&suite.warnings);
            let all: Vec<_> = std::iter::once(&plan).chain(&others).collect();
            let specs = specs(&all, connectors);
            found.flow = Some(FlowUnderTest {
                plan,
                others,
                suite,
                specs,
            });
        }
    }
    Ok(found)
}
