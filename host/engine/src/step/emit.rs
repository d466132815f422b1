//! `emit`: an event for others. Its id follows from run and step, so that a repeated
//! evaluation emits the same event and not another one.

use super::Values;
use crate::state::RunState;
use dowel_core::StepPath;
use dowel_core::journal::Event;

pub(crate) fn begin(
    event_type: &str,
    path: &StepPath,
    values: &mut Values,
    state: &RunState,
) -> Event {
    Event::Emitted {
        path: path.clone(),
        id: format!("{}.{path}", state.created.run),
        event_type: event_type.to_owned(),
        data: values.take(),
    }
}
