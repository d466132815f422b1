//! `approve`: asks people, and waits for a decision or the end of their time.

use super::Values;
use super::wait::after;
use crate::state::ApprovalState;
use dowel_core::code::run::APPROVAL_BAD_VALUE;
use dowel_core::id::GroupName;
use dowel_core::journal::{ApprovalAsked, Escalation, Event};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp};
use dowel_flow::plan::Approve;

/// The longest title, in bytes: it is one line of a list.
const MAX_TITLE: usize = 1_000;

pub(crate) fn begin(
    plan: &Approve,
    path: &StepPath,
    values: &mut Values,
    now: Timestamp,
) -> Result<Event, StepError> {
    let title = values.take();
    let title = title
        .as_string()
        .filter(|title| title.len() <= MAX_TITLE)
        .ok_or_else(|| bad_value("title", "a text of at most 1000 bytes", &title))?;
    let show = values.take();
    if show.fields().is_none() {
        return Err(bad_value("show", "a map", &show));
    }
    let mut exclude = Vec::new();
    people(&values.take(), &mut exclude)?;
    let calendar = plan.calendar.as_deref();
    let escalations = plan.escalate.iter().map(|stage| {
        Ok(Escalation {
            at: after(calendar, now, stage.after)?,
            groups: names(&stage.groups),
        })
    });
    let within = plan.within;
    Ok(Event::ApprovalAsked(ApprovalAsked {
        path: path.clone(),
        title,
        show,
        groups: names(&plan.groups),
        decisions: plan.decisions.clone(),
        exclude,
        until: within
            .map(|within| after(calendar, now, within))
            .transpose()?,
        escalations: escalations.collect::<Result<_, StepError>>()?,
        on_expiry: plan.on_expiry.clone(),
        fails_on: plan.fails_on.clone(),
    }))
}

/// What happens to an open approval by itself, and when.
pub(crate) fn due(approval: &ApprovalState) -> Option<(Timestamp, Event)> {
    let asked = &approval.asked;
    let path = asked.path.clone();
    let index = approval.escalated;
    let escalation = asked.escalations.get(index).map(|next| {
        let path = path.clone();
        (next.at, Event::ApprovalEscalated { path, index })
    });
    let expiry = asked.until.map(|at| (at, Event::ApprovalExpired { path }));
    match (escalation, expiry) {
        (Some(first), Some(second)) if second.0 < first.0 => Some(second),
        (first, second) => first.or(second),
    }
}

fn names(groups: &[GroupName]) -> Vec<String> {
    groups.iter().map(ToString::to_string).collect()
}

/// Collects the texts of a list of texts and lists; nobody is `null`.
fn people(value: &JsonText, out: &mut Vec<String>) -> Result<(), StepError> {
    if let Some(items) = value.items() {
        return items.iter().try_for_each(|item| people(item, out));
    }
    if let Some(person) = value.as_string() {
        out.push(person);
    } else if !value.is_null() {
        return Err(bad_value("exclude", "names, or lists of names", value));
    }
    Ok(())
}

fn bad_value(key: &str, wanted: &str, value: &JsonText) -> StepError {
    let message = format!(
        "`approve.{key}` yielded {}, not {wanted}",
        value.type_name()
    );
    StepError::host(ErrorKind::InvalidInput, APPROVAL_BAD_VALUE, message)
}
