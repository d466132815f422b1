//! The decision function: what a run needs next. Pure: it reads the plan and the state
//! and nothing else.

use crate::scope::Scope;
use crate::state::{RunState, StepState};
use crate::step::{for_each, switch};
use dowel_core::journal::{CallArguments, Event};
use dowel_core::{JsonText, StepPath, Timestamp};
use dowel_flow::plan::{Call, Plan, Step, StepKind};
use std::sync::Arc;

/// What a run needs.
#[derive(Debug)]
pub enum Next<'p> {
    /// Nothing: it has ended or waits for a person.
    Rest,
    /// These, in any order and at the same time.
    Do(Vec<Action<'p>>),
    /// A step has failed for good: no new work, and this event once the open calls
    /// have ended.
    Stop(Event),
    /// All steps have ended: the output is due.
    Finish,
}

/// One thing that a run needs.
#[derive(Debug)]
pub enum Action<'p> {
    /// This happened by itself: a block came to its end.
    Record(Event),
    /// The step's expressions are due.
    Evaluate {
        /// The step.
        step: &'p Step,
        /// Its path.
        path: StepPath,
        /// Its place.
        scope: Scope,
    },
    /// The call waits for its next attempt.
    Attempt {
        /// The step.
        step: &'p Step,
        /// What it calls.
        plan: &'p Call,
        /// Its path.
        path: StepPath,
        /// Its place.
        scope: Scope,
        /// From 1.
        attempt: u32,
        /// What is sent.
        call: Arc<CallArguments>,
        /// Not before this time.
        due: Timestamp,
    },
    /// An intent has no result. Unless this host is making the call right now, the
    /// outcome is unknown.
    Open {
        /// The step.
        plan: &'p Call,
        /// Its path.
        path: StepPath,
        /// From 1.
        attempt: u32,
    },
}

/// Whether a block has come to its end.
#[derive(Debug)]
pub(crate) enum Progress {
    /// With the value of its last step.
    Ended(JsonText),
    /// Not yet; its actions were added.
    Open,
}

/// What the run needs next.
pub fn next<'p>(plan: &'p Plan, state: &RunState) -> Next<'p> {
    if state.status.is_at_rest() {
        return Next::Rest;
    }
    if let Some((path, error)) = &state.failed {
        return Next::Stop(Event::Parked {
            error: error.clone(),
            path: Some(path.clone()),
        });
    }
    let mut actions = Vec::new();
    match block(&plan.steps, state, &Scope::default(), &mut actions) {
        Progress::Ended(_) => Next::Finish,
        Progress::Open => Next::Do(actions),
    }
}

/// Walks a block up to its first step that has not ended.
pub(crate) fn block<'p>(
    steps: &'p [Step],
    state: &RunState,
    scope: &Scope,
    actions: &mut Vec<Action<'p>>,
) -> Progress {
    let mut last = JsonText::null();
    for step in steps {
        let path = scope.path(&step.id);
        match state.steps.get(&path) {
            Some(StepState::Done { value }) => last = value.clone(),
            Some(StepState::Skipped) => last = JsonText::null(),
            begun => {
                advance(step, path, begun, state, scope, actions);
                return Progress::Open;
            }
        }
    }
    Progress::Ended(last)
}

fn advance<'p>(
    step: &'p Step,
    path: StepPath,
    begun: Option<&StepState>,
    state: &RunState,
    scope: &Scope,
    actions: &mut Vec<Action<'p>>,
) {
    match (&step.kind, begun) {
        (_, None) => actions.push(Action::Evaluate {
            step,
            path,
            scope: scope.clone(),
        }),
        (StepKind::Call(plan), Some(StepState::Calling { attempt, .. })) => {
            actions.push(Action::Open {
                plan,
                path,
                attempt: *attempt,
            });
        }
        (
            StepKind::Call(plan),
            Some(StepState::Retrying {
                attempt,
                call,
                retry_at,
            }),
        ) => {
            actions.push(Action::Attempt {
                step,
                plan,
                path,
                scope: scope.clone(),
                attempt: attempt + 1,
                call: call.clone(),
                due: *retry_at,
            });
        }
        (StepKind::Switch { cases, default, .. }, Some(StepState::InBranch { case })) => {
            switch::advance(cases, default.as_ref(), *case, path, state, scope, actions);
        }
        (
            StepKind::ForEach {
                parallel, steps, ..
            },
            Some(StepState::Looping(items)),
        ) => {
            for_each::advance(*parallel, steps, items, &path, state, scope, actions);
        }
        // A failed step is handled by `next`; nothing else can be begun and not ended.
        _ => {}
    }
}
