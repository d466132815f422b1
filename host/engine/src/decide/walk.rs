//! Walks the plan along the state and collects what there is to do.

use super::Action;
use crate::scope::Scope;
use crate::state::{Failed, RunState, StepState};
use crate::step::{approve, for_each, parallel, run, switch, try_};
use dowel_core::journal::Event;
use dowel_core::{JsonText, StepError, StepPath};
use dowel_flow::plan::{Block, Plan, Step, StepKind};

/// A walk through a plan.
pub(crate) struct Walk<'p, 's> {
    pub(crate) plan: &'p Plan,
    pub(crate) state: &'s RunState,
    pub(crate) actions: Vec<Action<'p>>,
}

/// How far a block has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// To its end, with the value of its last step.
    Ended(JsonText),
    /// Not to its end; its actions were added.
    Open,
    /// A step has failed for good. Calls may still be open.
    Failed(Failure),
}

/// A step that failed for good.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) path: StepPath,
    pub(crate) error: StepError,
    /// Whether the flow itself says so, with a `fail` step.
    pub(crate) deliberate: bool,
}

impl Failure {
    pub(crate) fn new(path: &StepPath, failed: &Failed) -> Self {
        Self {
            path: path.clone(),
            error: failed.error.clone(),
            deliberate: failed.deliberate,
        }
    }
}

impl<'p, 's> Walk<'p, 's> {
    pub(crate) const fn new(plan: &'p Plan, state: &'s RunState) -> Self {
        Self {
            plan,
            state,
            actions: Vec::new(),
        }
    }

    /// Walks a block up to its first step that has not ended.
    pub(crate) fn block(&mut self, steps: &'p Block, scope: &Scope) -> Progress {
        let mut last = JsonText::null();
        for step in steps {
            let path = scope.path(&step.id);
            match self.state.steps.get(&path) {
                Some(StepState::Done(done)) => last = done.value.clone(),
                Some(StepState::Skipped) => last = JsonText::null(),
                Some(StepState::Failed(failed)) => {
                    return Progress::Failed(Failure::new(&path, failed));
                }
                begun => return self.advance(step, path, begun, scope),
            }
        }
        Progress::Ended(last)
    }

    /// Moves a step on that has not ended.
    pub(crate) fn advance(
        &mut self,
        step: &'p Step,
        path: StepPath,
        begun: Option<&StepState>,
        scope: &Scope,
    ) -> Progress {
        match (&step.kind, begun) {
            (_, None) => self.actions.push(Action::Evaluate {
                step,
                path,
                scope: scope.clone(),
            }),
            (StepKind::Call(plan), Some(StepState::Calling(call))) => {
                self.actions.push(Action::Open {
                    plan,
                    path,
                    attempt: call.attempt,
                });
            }
            (StepKind::Call(plan), Some(StepState::Retrying { call, retry_at })) => {
                self.actions.push(Action::Attempt {
                    plan,
                    path,
                    scope: scope.clone(),
                    call: call.clone(),
                    due: *retry_at,
                });
            }
            (_, Some(StepState::Waiting { until })) => {
                self.actions.push(Action::Wait {
                    path,
                    until: *until,
                });
            }
            (_, Some(StepState::Asking(approval))) => {
                let due = approve::due(approval);
                self.actions.push(Action::Listen { due });
            }
            (StepKind::Run(plan), Some(StepState::Child(child))) => {
                self.actions
                    .extend(run::advance(step, plan, child, path, scope));
            }
            (StepKind::Receive(plan), Some(StepState::Receiving(_))) => {
                self.actions.push(Action::Receive {
                    step,
                    plan,
                    path,
                    scope: scope.clone(),
                });
            }
            (StepKind::Switch { cases, default, .. }, Some(StepState::InBranch { case })) => {
                return switch::advance(self, cases, default.as_ref(), *case, path, scope);
            }
            (StepKind::ForEach(each), Some(StepState::Looping(items))) => {
                return for_each::advance(self, each, items, &path, scope);
            }
            (StepKind::Parallel(plan), Some(StepState::InParallel(branches))) => {
                return parallel::advance(self, plan, branches, &path, scope);
            }
            (StepKind::Try(plan), Some(StepState::Trying { caught })) => {
                return try_::advance(self, plan, caught.as_ref(), path, scope);
            }
            // Nothing else can be begun and not ended.
            _ => {}
        }
        Progress::Open
    }

    /// The steps within a place that can be undone, the one that ended last first.
    pub(crate) fn undoable(&self, within: &str) -> Vec<&'s StepPath> {
        let mut found: Vec<(u64, &StepPath)> = self
            .state
            .steps
            .iter()
            .filter(|(path, _)| path.as_str().starts_with(within) && !path.is_compensation())
            .filter_map(|(path, step)| match step {
                StepState::Done(done) => Some((done.seq, path)),
                _ => None,
            })
            .filter(|(_, path)| {
                let step = self.plan.step_at(path);
                step.is_some_and(|step| step.compensate.is_some())
            })
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Whether an event means that nobody waits for children any more, and whether these
    /// undo then what they did: where the run keeps what it did itself, so do they.
    fn leaves_children(&self, event: &Event) -> Option<bool> {
        if let Some(cancel) = self.state.cancel {
            return Some(cancel.compensate);
        }
        match event {
            // Whoever decides about the run may let it go on.
            Event::Parked { .. } if self.state.overrun.is_none() => None,
            Event::Failed { error, .. } => {
                Some(self.plan.on_failure.compensate.contains(&error.kind))
            }
            _ => Some(true),
        }
    }

    /// Records an event once every call within a place has come to its end. Calls whose
    /// outcome nobody waits for are settled first, and children that nobody would wait
    /// for any more are asked to end.
    pub(crate) fn settle(&mut self, within: &str, event: Event) {
        let plan = self.plan;
        let open = self.state.steps.iter().filter_map(|(path, step)| {
            let StepState::Calling(call) = step else {
                return None;
            };
            let step = plan.step_at(path)?;
            match &step.kind {
                StepKind::Call(plan) if path.as_str().starts_with(within) => Some(Action::Open {
                    plan,
                    path: path.clone(),
                    attempt: call.attempt,
                }),
                _ => None,
            }
        });
        let mut open: Vec<Action<'p>> = open.collect();
        if let Some(compensate) = self.leaves_children(&event) {
            open.extend(run::leave(self, within, compensate));
        }
        if open.is_empty() {
            let within = within.to_owned();
            self.actions.push(Action::Settle { within, event });
        } else {
            self.actions.extend(open);
        }
    }
}
