//! `emit`: an event for others. Its id follows from run and step, so that a repeated
//! evaluation emits the same event and not another one.

use super::Values;
use crate::state::RunState;
use dowel_core::code::run::EMIT_TOO_FAR;
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, StepError, StepPath};

/// How many flows may begin each other by their events. Honest chains are short; a
/// circle of flows reaches any limit.
const MAX_HOPS: u32 = 32;

pub(crate) fn begin(
    event_type: &str,
    path: &StepPath,
    values: &mut Values,
    state: &RunState,
) -> Result<Event, StepError> {
    if state.hops() >= MAX_HOPS {
        let message = format!(
            "the event that began this run has gone through {MAX_HOPS} flows already, so they are taken for a circle"
        );
        return Err(StepError::host(ErrorKind::Rejected, EMIT_TOO_FAR, message));
    }
    Ok(Event::Emitted {
        path: path.clone(),
        id: format!("{}.{path}", state.created.run),
        event_type: event_type.to_owned(),
        data: values.take(),
    })
}
