//! One file per step kind: how it begins once its expressions have values, and, for
//! kinds that hold steps, how it moves on.

pub(crate) mod approve;
pub(crate) mod call;
pub(crate) mod emit;
pub(crate) mod fail;
pub(crate) mod for_each;
mod pages;
pub(crate) mod parallel;
pub(crate) mod receive;
pub(crate) mod return_;
pub(crate) mod run;
pub(crate) mod set;
pub(crate) mod switch;
pub(crate) mod try_;
pub(crate) mod wait;

use crate::state::RunState;
use dowel_core::journal::{CallArguments, Event};
use dowel_core::{JsonText, StepError, StepPath, Timestamp};
use dowel_flow::plan::{Step, StepKind};

/// What a step does once its expressions have values.
#[derive(Debug)]
pub(crate) enum Begin {
    /// It is recorded, and that is all there is to do.
    Record(Event),
    /// It calls an operation.
    Call(CallArguments),
    /// It runs another flow with this payload.
    Run(JsonText),
    /// It ends the run with this event.
    Stop(Event),
}

/// Begins a step with the values of its program's outputs.
pub(crate) fn begin(
    step: &Step,
    path: &StepPath,
    values: Vec<JsonText>,
    state: &RunState,
    now: Timestamp,
) -> Result<Begin, StepError> {
    let mut values = Values(values.into_iter());
    Ok(match &step.kind {
        StepKind::Call(plan) => Begin::Call(call::begin(plan, path, &mut values, state)?),
        StepKind::Set { .. } => Begin::Record(set::begin(path, &mut values)),
        StepKind::Switch { cases, .. } => {
            Begin::Record(switch::begin(cases.len(), path, &mut values))
        }
        StepKind::ForEach(each) if each.pages.is_some() => {
            Begin::Record(pages::begin(path, values.take()))
        }
        StepKind::ForEach(_) => Begin::Record(for_each::begin(path, &mut values)?),
        StepKind::Parallel(_) => Begin::Record(parallel::begin(path)),
        StepKind::Try(_) => Begin::Record(try_::begin(path)),
        StepKind::Wait(plan) => Begin::Record(wait::begin(plan, path, &mut values, now)?),
        StepKind::Approve(plan) => Begin::Record(approve::begin(plan, path, &mut values, now)?),
        StepKind::Run(_) => Begin::Run(values.take()),
        StepKind::Receive(plan) => Begin::Record(receive::begin(plan, path, &mut values, now)?),
        StepKind::Emit { event_type, .. } => {
            Begin::Record(emit::begin(event_type, path, &mut values, state)?)
        }
        StepKind::Fail { kind, code, .. } => {
            Begin::Record(fail::begin(*kind, code, path, &mut values))
        }
        StepKind::Return { .. } => Begin::Stop(return_::begin(path, &mut values)),
    })
}

/// The values of a program's outputs, taken in order.
pub(crate) struct Values(std::vec::IntoIter<JsonText>);

impl Values {
    /// The next value; `null` if the program has no more outputs.
    pub(crate) fn take(&mut self) -> JsonText {
        self.0.next().unwrap_or_else(JsonText::null)
    }
}
