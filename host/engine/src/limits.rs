//! How long a run may be at work, how long it may take, and how much it may record.
//! Derived from the journal; pure.

use crate::state::{ChildPhase, RunState, RunStatus, StepState};
use dowel_core::code::run::{DEADLINE_PASSED, RUN_TIMEOUT, RUN_TOO_LONG};
use dowel_core::journal::{Entry, Event};
use dowel_core::{ErrorKind, StepError, Timestamp};
use dowel_flow::plan::RunLimits;
use std::time::Duration;

/// Events of one run. A journal is folded in memory when its run goes on; more than
/// this is work for several runs.
pub(crate) const MAX_EVENTS: u64 = 500_000;

/// How much of the time between the last entry and this one the run was at work. Not
/// while it waits for people, events, `wait` steps, slots, rates or breakers, nor while
/// it is undone. The delay before another attempt counts.
pub(crate) fn active_until(state: &RunState, entry: &Entry) -> Duration {
    let waited = active_between(state, entry.at);
    let began = match &entry.event {
        Event::CallSucceeded { started_at, .. } | Event::AttemptFailed { started_at, .. } => {
            *started_at
        }
        Event::StepFailed {
            attempt: Some(attempt),
            ..
        } => attempt.started_at,
        _ => return waited,
    };
    if state.status == RunStatus::Waiting {
        // A read is announced by nothing: its own time tells that the run was at work.
        return waited + entry.at.since(began.max(state.updated_at));
    }
    waited
}

fn active_between(state: &RunState, now: Timestamp) -> Duration {
    match state.status {
        RunStatus::Running if state.compensation.is_none() => now.since(state.updated_at),
        RunStatus::Waiting => last_retry(state).map_or(Duration::ZERO, |at| {
            now.min(at).since(state.updated_at.min(at))
        }),
        _ => Duration::ZERO,
    }
}

fn last_retry(state: &RunState) -> Option<Timestamp> {
    let retries = state.steps.values().filter_map(|step| match step {
        StepState::Retrying { retry_at, .. } => Some(*retry_at),
        StepState::Child(child) => match child.phase {
            ChildPhase::Due(retry_at) => Some(retry_at),
            _ => None,
        },
        _ => None,
    });
    retries.max()
}

/// The limit that the run has reached, if it has not been told already.
pub(crate) fn exceeded(limits: RunLimits, state: &RunState, now: Timestamp) -> Option<StepError> {
    if is_exempt(state) {
        return None;
    }
    let error = |kind, code, message: String| Some(StepError::host(kind, code, message));
    if let Some(deadline) = limits.deadline
        && now >= state.limits_from.plus(deadline)
    {
        let message = format!("the run did not end within its deadline of {deadline:?}");
        return error(ErrorKind::Timeout, DEADLINE_PASSED, message);
    }
    if let Some(timeout) = limits.timeout
        && state.active + active_between(state, now) >= timeout
    {
        let message = format!("the run was at work for longer than its timeout of {timeout:?}");
        return error(ErrorKind::Timeout, RUN_TIMEOUT, message);
    }
    if state.next_seq >= MAX_EVENTS {
        let message = format!("the run has recorded {MAX_EVENTS} events");
        return error(ErrorKind::Internal, RUN_TOO_LONG, message);
    }
    None
}

/// When the run reaches its next limit if nothing is recorded before.
pub(crate) fn next_check(limits: RunLimits, state: &RunState) -> Option<Timestamp> {
    if is_exempt(state) {
        return None;
    }
    let deadline = limits.deadline.map(|after| state.limits_from.plus(after));
    let timeout = limits.timeout.and_then(|timeout| {
        let at = state.updated_at.plus(timeout.saturating_sub(state.active));
        match state.status {
            RunStatus::Running => Some(at),
            RunStatus::Waiting => last_retry(state).filter(|retry| at <= *retry).map(|_| at),
            _ => None,
        }
    });
    deadline.into_iter().chain(timeout).min()
}

/// Compensation has its own time, and a run that ends anyway needs no limit.
fn is_exempt(state: &RunState) -> bool {
    state.status.is_at_rest()
        || state.compensation.is_some()
        || state.cancel.is_some()
        || state.overrun.is_some()
}
