//! `wait`: for a duration, or until an instant.

use super::Values;
use dowel_core::code::run::{CALENDAR_CLOSED, WAIT_NOT_AN_INSTANT};
use dowel_core::journal::Event;
use dowel_core::{ErrorKind, StepError, StepPath, Timestamp};
use dowel_flow::calendar::Calendar;
use dowel_flow::plan::Wait;
use std::time::Duration;

pub(crate) fn begin(
    plan: &Wait,
    path: &StepPath,
    values: &mut Values,
    now: Timestamp,
) -> Result<Event, StepError> {
    let until = match (plan.duration, &plan.calendar) {
        (Some(duration), calendar) => after(calendar.as_deref(), now, duration)?,
        (None, None) => instant(values)?,
        (None, Some(calendar)) => {
            let until = instant(values)?;
            calendar.next_open(until).ok_or_else(closed)?
        }
    };
    Ok(Event::WaitBegan {
        path: path.clone(),
        until,
    })
}

/// The time when a duration has passed, counted by the business calendar if there is one.
pub(super) fn after(
    calendar: Option<&Calendar>,
    now: Timestamp,
    duration: Duration,
) -> Result<Timestamp, StepError> {
    match calendar {
        None => Ok(now.plus(duration)),
        Some(calendar) => calendar.add_working_time(now, duration).ok_or_else(closed),
    }
}

fn closed() -> StepError {
    let message = "the business calendar has no open time left for this";
    StepError::host(ErrorKind::InvalidInput, CALENDAR_CLOSED, message)
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
