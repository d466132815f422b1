//! One attempt of one call: its turn, the call itself, and what its result means.

use super::output::Output;
use crate::engine::Shared;
use crate::metrics::Example;
use crate::plans::ActivePlan;
use crate::protect::Permit;
use crate::retry::{self, Verdict};
use crate::scope::Scope;
use crate::state::{RunState, StepState};
use crate::trace_context;
use dowel_core::code::run::OUTPUT_SCHEMA;
use dowel_core::journal::{CallArguments, Event, FailedAttempt};
use dowel_core::port::{BoxFuture, CallOutcome, CallRequest};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp};
use dowel_flow::plan::{Call, Step, StepKind};
use dowel_flow::validate::Validator;
use std::sync::Arc;
use tokio::sync::oneshot;

/// An attempt that is about to be made.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) path: StepPath,
    pub(crate) scope: Scope,
    pub(crate) number: u32,
    /// Attempts before a person began a new round of them.
    pub(crate) earlier: u32,
    pub(crate) call: Arc<CallArguments>,
    pub(crate) deadline: std::time::Duration,
}

/// What a run waited for.
pub(crate) enum Ended {
    /// The connection has room for the attempt.
    Permitted(Attempt, Permit),
    /// The attempt gave up its place in memory, not the one in line.
    Aside(Attempt),
    /// The attempt came to its end.
    Answered {
        attempt: Attempt,
        started_at: Timestamp,
        outcome: CallOutcome,
    },
}

/// Waits for the attempt's turn at the connection.
pub(crate) fn wait_for_turn(
    turn: oneshot::Receiver<Permit>,
    attempt: Attempt,
) -> BoxFuture<'static, Option<Ended>> {
    Box::pin(async move {
        Some(match turn.await {
            Ok(permit) => Ended::Permitted(attempt, permit),
            Err(_) => Ended::Aside(attempt),
        })
    })
}

/// Makes the attempt.
pub(crate) fn make(
    shared: &Arc<Shared>,
    plan: &ActivePlan,
    state: &RunState,
    attempt: Attempt,
    permit: Permit,
) -> Option<BoxFuture<'static, Option<Ended>>> {
    let component = plan.plan.connectors.get(&attempt.call.connection)?.digest;
    let request = CallRequest {
        connection: attempt.call.connection.clone(),
        component,
        operation: attempt.call.operation.clone(),
        input: attempt.call.input.clone(),
        idempotency_key: attempt.call.idempotency_key.clone(),
        run: state.created.run,
        step: attempt.path.clone(),
        attempt: attempt.number,
        deadline: attempt.deadline,
        traceparent: trace_context::of_attempt(&state.created, &attempt.path, attempt.number),
    };
    let shared = shared.clone();
    let flow = state.created.flow.clone();
    let example = Example::of(&state.created);
    Some(Box::pin(async move {
        let started_at = shared.ports.clock.now();
        shared.metrics.calls.inc();
        let outcome = shared.ports.invoker.call(request).await;
        shared.metrics.calls.dec();
        let kind = outcome.result.as_ref().err().map(|error| error.kind);
        let took = shared.ports.clock.now().since(started_at);
        let connection = attempt.call.connection.as_str();
        let metrics = &shared.metrics;
        metrics.attempt(connection, attempt.number, took, kind, example);
        permit.report(&flow, &outcome);
        Some(Ended::Answered {
            attempt,
            started_at,
            outcome,
        })
    }))
}

/// The event that an ended attempt means.
pub(crate) async fn conclude(
    shared: &Shared,
    plan: &ActivePlan,
    state: &RunState,
    attempt: &Attempt,
    started_at: Timestamp,
    outcome: CallOutcome,
) -> Option<Event> {
    let step = plan.plan.step_at(&attempt.path)?;
    let StepKind::Call(call) = &step.kind else {
        return None;
    };
    let path = attempt.path.clone();
    // The journal has the arguments once: with the intent, or with the first end.
    let arguments = (!state.steps.contains_key(&path)).then(|| (*attempt.call).clone());
    let sent = outcome.sent;
    let (error, result) = match outcome.result {
        Err(error) => (error, None),
        Ok(result) => match value(shared, plan, state, step, call, attempt, &result).await {
            Ok(output) => {
                return Some(Event::CallSucceeded {
                    path,
                    attempt: attempt.number,
                    started_at,
                    result,
                    output,
                    call: arguments,
                });
            }
            // The call itself went well: trying it again would not mend its result.
            Err(error) => (error, Some(result)),
        },
    };
    let failed = FailedAttempt {
        number: attempt.number,
        sent,
        started_at,
        call: arguments.clone(),
        result,
    };
    if failed.result.is_some() {
        return Some(Event::StepFailed {
            path,
            attempt: Some(failed),
            error,
            deliberate: false,
        });
    }
    let (random, now) = (random(shared), shared.ports.clock.now());
    let round = attempt.number - attempt.earlier;
    let since = due_first(state, &path).unwrap_or(started_at);
    Some(
        match retry::verdict(call, round, error.clone(), sent, since, now, random) {
            Verdict::Retry(retry_at) => Event::AttemptFailed {
                path,
                attempt: attempt.number,
                error,
                sent,
                started_at,
                retry_at,
                call: arguments,
            },
            Verdict::Fail(error) => Event::StepFailed {
                path,
                attempt: Some(failed),
                error,
                deliberate: false,
            },
        },
    )
}

/// When a call that has begun was due first.
fn due_first(state: &RunState, path: &StepPath) -> Option<Timestamp> {
    match state.steps.get(path) {
        Some(StepState::Calling(call) | StepState::Retrying { call, .. }) => Some(call.since),
        _ => None,
    }
}

pub(super) fn random(shared: &Shared) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = shared.ports.randomness.bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Checks a result and maps it to the step's value; `None` where the value is the
/// result itself.
async fn value(
    shared: &Shared,
    plan: &ActivePlan,
    state: &RunState,
    step: &Step,
    call: &Call,
    attempt: &Attempt,
    result: &JsonText,
) -> Result<Option<JsonText>, StepError> {
    check(
        plan.result_schema(step, &attempt.path),
        result,
        "the result of the operation",
    )
    .map_err(|e| e.at(step.position.to_string()))?;
    let output = Output {
        step,
        path: &attempt.path,
        scope: &attempt.scope,
        program: call.output.as_ref(),
        raw: result,
    };
    output.value(shared, plan, state).await
}

/// The most violations that an error lists.
const MAX_VIOLATIONS: usize = 5;

/// Checks a value against a schema; the error names pointers and types, no values.
pub(crate) fn check(
    schema: Option<&Validator>,
    value: &JsonText,
    what: &str,
) -> Result<(), StepError> {
    let violations = schema.map(|schema| schema.check(value)).unwrap_or_default();
    if violations.is_empty() {
        return Ok(());
    }
    let shown = violations.iter().take(MAX_VIOLATIONS);
    let list: Vec<String> = shown
        .map(|v| format!("{}: {}", v.pointer, v.message))
        .collect();
    let message = format!("{what} does not follow its schema: {}", list.join("; "));
    Err(StepError::host(ErrorKind::Internal, OUTPUT_SCHEMA, message))
}
