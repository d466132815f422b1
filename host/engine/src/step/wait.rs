//! `wait`: for a duration, or until an instant.

use super::Values;
use dowel_core::code::run::WAIT_NOT_AN_INSTANT;
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, StepError, StepPath, Timestamp};
use dowel_flow::plan::Wait;

pub(crate) fn begin(
    plan: &Wait,
    path: &StepPath,
    values: &mut Values,
    now: Timestamp,
) -> Result<Event, StepError> {
    let until = match plan.duration {
        Some(duration) => now.plus(duration),
        None => instant(values)?,
    };
    Ok(Event::WaitBegan {
        path: path.clone(),
        until,
    })
}

fn instant(values: &mut Values) -> Result<Timestamp, StepError> {
    let value = values.take();
    let text = value.as_string().unwrap_or_default();
    Timestamp::parse(&text).ok_or_else(|| {
        let message = format!(
            "`wait.until` yielded {} that is no instant such as 2026-03-01T09:00:00Z",
            value.type_name()
        );
        StepError::host(ErrorKind::InvalidInput, WAIT_NOT_AN_INSTANT, message)
    })
}
