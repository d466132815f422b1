//! The decision function: what a run needs next. Pure: it reads the plan and the state
//! and nothing else.

mod repair;
mod saga;
mod walk;

pub(crate) use walk::{Failure, Progress, Walk};

use crate::scope::Scope;
use crate::state::{CallState, RunState};
use crate::step::run;
use dowel_core::journal::Event;
use dowel_core::{StepPath, Timestamp};
use dowel_flow::plan::{Call, Plan, Receive, Step};

/// What a run needs.
#[derive(Debug)]
pub enum Next<'p> {
    /// Nothing: it has ended or waits for a person.
    Rest,
    /// These, in any order and at the same time.
    Do(Vec<Action<'p>>),
    /// All steps have ended: the output is due.
    Finish,
}

/// One thing that a run needs.
#[derive(Debug)]
pub enum Action<'p> {
    /// This happened by itself: a block came to its end.
    Record(Event),
    /// This happened by itself, and is recorded once no call is being made by a step
    /// whose path begins with `within`.
    Settle {
        /// Where calls come to their end first; everywhere if empty.
        within: String,
        /// What happened.
        event: Event,
    },
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
        /// What it calls.
        plan: &'p Call,
        /// Its path.
        path: StepPath,
        /// Its place.
        scope: Scope,
        /// The attempts so far, and what is sent.
        call: CallState,
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
    /// The step's next child is due.
    BeginChild {
        /// The step.
        step: &'p Step,
        /// Its path.
        path: StepPath,
        /// Not before this time.
        due: Timestamp,
    },
    /// The step's child came to its end.
    Conclude {
        /// The step.
        step: &'p Step,
        /// Its path.
        path: StepPath,
        /// Its place.
        scope: Scope,
    },
    /// People were asked, or another run is at work: something comes in, or this happens by itself at its time.
    Listen {
        /// What happens, and when.
        due: Option<(Timestamp, Event)>,
    },
    /// The step waits for an event, which may be there already.
    Receive {
        /// The step.
        step: &'p Step,
        /// What it waits for.
        plan: &'p Receive,
        /// Its path.
        path: StepPath,
        /// Its place.
        scope: Scope,
    },
    /// The step has nothing to do before this time.
    Wait {
        /// Its path.
        path: StepPath,
        /// When it ends.
        until: Timestamp,
    },
}

impl Action<'_> {
    /// Whether this may come to an attempt of the call at a path.
    pub(crate) fn is_attempt_of(&self, path: &StepPath) -> bool {
        match self {
            Self::Evaluate { path: due, .. } | Self::Attempt { path: due, .. } => due == path,
            _ => false,
        }
    }
}

/// What the run needs next.
pub fn next<'p>(plan: &'p Plan, state: &RunState) -> Next<'p> {
    if state.status.is_at_rest() {
        return Next::Rest;
    }
    let mut walk = Walk::new(plan, state);
    if let Some(compensation) = &state.compensation {
        saga::advance(&mut walk, compensation);
        return Next::Do(walk.actions);
    }
    if let Some(cancel) = state.cancel {
        let event = saga::cancelled(&walk, cancel);
        walk.settle("", event);
        return Next::Do(walk.actions);
    }
    if let Some(item) = &state.repair {
        repair::advance(&mut walk, item);
        return Next::Do(walk.actions);
    }
    match walk.block(&plan.steps, &Scope::default()) {
        Progress::Ended(_) => Next::Finish,
        Progress::Open => {
            if let Some(error) = &state.overrun {
                walk.actions.clear();
                let event = saga::overrun(&walk, error);
                walk.settle("", event);
            } else if walk.actions.is_empty() {
                let abandoned = run::abandoned(&walk);
                walk.actions.extend(abandoned);
            }
            Next::Do(walk.actions)
        }
        Progress::Failed(failure) => {
            walk.actions.clear();
            let event = saga::failed(&walk, failure);
            walk.settle("", event);
            Next::Do(walk.actions)
        }
    }
}
