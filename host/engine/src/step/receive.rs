//! `receive`: waits for an event that belongs to the run.

use super::Values;
use super::wait::after;
use crate::mailbox::MAX_KEY;
use dowel_core::code::run::RECEIVE_BAD_VALUE;
use dowel_core::journal::{Event, EventAwaited};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp};
use dowel_flow::plan::Receive;

pub(crate) fn begin(
    plan: &Receive,
    path: &StepPath,
    values: &mut Values,
    now: Timestamp,
) -> Result<Event, StepError> {
    let value = key(&values.take())?;
    let within = plan.within;
    Ok(Event::EventAwaited(EventAwaited {
        path: path.clone(),
        event_type: plan.event_type.clone(),
        receiver: plan.receiver(),
        value,
        until: within
            .map(|within| after(plan.calendar.as_deref(), now, within))
            .transpose()?,
        on_timeout: plan.on_timeout,
    }))
}

fn key(value: &JsonText) -> Result<String, StepError> {
    let key = match value.type_name() {
        "string" => value.as_string(),
        "number" => Some(value.as_str().to_owned()),
        _ => None,
    };
    key.filter(|key| !key.is_empty() && key.len() <= MAX_KEY)
        .ok_or_else(|| {
            let message = format!(
                "`match.value` yielded {}, a text or a number of 1 to {MAX_KEY} bytes is needed",
                value.type_name()
            );
            StepError::host(ErrorKind::InvalidInput, RECEIVE_BAD_VALUE, message)
        })
}
