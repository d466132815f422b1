//! Runs of other flows that a case answers itself: for the engine they are calls of a
//! connection of their own, so that one kind of mock serves both.

use dowel_core::expression::Program;
use dowel_core::journal::PinnedConnector;
use dowel_core::manifest::{Effect, Idempotency};
use dowel_core::{ConnectionName, Digest, FlowName, JsonText, OperationName};
use dowel_flow::flow_test::Case;
use dowel_flow::plan::{Block, Call, Plan, RunFlow, Step, StepKind};
use std::sync::Arc;
use std::time::Duration;

/// The connection in the place of mocked runs. No flow declares it: its name is longer
/// than people write.
const CONNECTION: &str = "dowel-test-mocked-run";

/// How observed calls and expectations name a mocked run, before the flow's name.
const SHOWN: &str = "run";

/// The time that a run has without a `timeout`: more than any case waits.
const NO_TIMEOUT: Duration = Duration::from_secs(10 * 366 * 86_400);

/// The plan of the flow under test, or of one that it runs, with calls in the place of the
/// runs that the case has a mock for: by the flow's name, or by the id of the step.
pub(super) fn mocked(plan: &Plan, case: &Case) -> Plan {
    let mut plan = plan.clone();
    let (Ok(connection), Ok(name)) = (CONNECTION.parse(), SHOWN.parse()) else {
        return plan;
    };
    if replace(&mut plan.steps, case, &connection) {
        let pinned = PinnedConnector {
            name,
            version: semver::Version::new(1, 0, 0),
            digest: Digest::of(CONNECTION),
        };
        plan.connectors.insert(connection, pinned);
    }
    plan
}

/// The name of a call as cases know it, and the one of its mocks.
pub(super) fn shown(connection: &ConnectionName, operation: &OperationName) -> String {
    let is_run = connection.as_str() == CONNECTION;
    let connection = if is_run { SHOWN } else { connection.as_str() };
    format!("{connection}.{operation}")
}

/// The name of runs of a flow, as cases know it.
pub(super) fn named(flow: &FlowName) -> String {
    format!("{SHOWN}.{flow}")
}

/// The flow of a mocked run.
pub(super) fn flow<'o>(
    connection: &ConnectionName,
    operation: &'o OperationName,
) -> Option<&'o str> {
    (connection.as_str() == CONNECTION).then_some(operation.as_str())
}

fn replace(steps: &mut Block, case: &Case, connection: &ConnectionName) -> bool {
    let mut any = false;
    for step in steps {
        if let Some(call) = call(step, case, connection) {
            step.kind = StepKind::Call(Box::new(call));
            any = true;
        }
        for block in blocks(&mut step.kind) {
            any |= replace(block, case, connection);
        }
    }
    any
}

fn call(step: &Step, case: &Case, connection: &ConnectionName) -> Option<Call> {
    let StepKind::Run(run) = &step.kind else {
        return None;
    };
    let is_mocked = |name: &str| case.mocks.contains_key(name);
    if !is_mocked(step.id.as_str()) && !is_mocked(run.flow.as_str()) {
        return None;
    }
    let RunFlow {
        program,
        flow,
        output,
        retry,
        timeout,
        ..
    } = &**run;
    let program: Arc<Program> = Arc::clone(program);
    Some(Call {
        connection: connection.clone(),
        operation: flow.as_str().parse().ok()?,
        effect: Effect::Read,
        idempotency: Idempotency::Natural,
        program,
        has_key: false,
        output: output.clone(),
        input_schema: None,
        result_schema: JsonText::object([]),
        retry: retry.clone(),
        timeout: timeout.unwrap_or(NO_TIMEOUT),
        on_uncertain: None,
        deprecated: None,
    })
}

fn blocks(kind: &mut StepKind) -> Vec<&mut Block> {
    match kind {
        StepKind::Switch { cases, default, .. } => cases.iter_mut().chain(default).collect(),
        StepKind::ForEach(each) => vec![&mut each.steps],
        StepKind::Parallel(parallel) => {
            let branches = parallel.branches.iter_mut();
            branches.map(|branch| &mut branch.steps).collect()
        }
        StepKind::Try(plan) => {
            let clauses = plan.catch.iter_mut().map(|catch| &mut catch.steps);
            std::iter::once(&mut plan.steps).chain(clauses).collect()
        }
        _ => Vec::new(),
    }
}
