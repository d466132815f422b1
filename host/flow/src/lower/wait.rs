//! `wait` steps, and the business calendars that steps wait by.

use super::Lowering;
use super::step::Lowered;
use crate::calendar::Calendar;
use crate::check::Known;
use crate::plan::{StepKind, Wait};
use crate::shape::{Either, Located};
use crate::surface::step::Wait as Written;
use dowel_core::code::reference as code;
use dowel_core::expression::Expression;
use dowel_core::id::CalendarName;
use std::sync::Arc;
use std::time::Duration;

/// The longest wait: beyond it nobody remembers what was waited for.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(400 * 86_400);

impl Lowering<'_> {
    pub(super) fn wait(
        &mut self,
        wait: &Either<Located<Duration>, Written>,
        condition: Option<Option<Expression>>,
    ) -> Option<Lowered> {
        let written = match wait {
            Either::Plain(duration) => (None, Some(duration), None),
            Either::Map(wait) => {
                if wait.until.is_some() == wait.duration.is_some() {
                    let message = "a wait has either `duration` or `until`";
                    let found = self.report.error(code::WAIT_CHOICE, wait.span, message);
                    found.help("write `{ duration: 2h, calendar: office }`");
                    return None;
                }
                let until = wait.until.as_ref();
                (until, wait.duration.as_ref(), wait.calendar.as_ref())
            }
        };
        let (until, duration, calendar) = written;
        let longest = "from 1ms to 400d";
        let duration = duration.map(|duration| self.duration(duration, MAX_WAIT, longest));
        let until = until.map(|until| self.text_or_expression(&until.0, "wait.until"));
        let calendar = calendar.map(|name| self.pinned_calendar(name));
        let outputs = until.into_iter().collect::<Option<Vec<_>>>()?;
        let plan = Wait {
            program: self.end_program(condition?, outputs),
            duration: match duration {
                Some(duration) => Some(duration?),
                None => None,
            },
            calendar: match calendar {
                Some(calendar) => Some(calendar?),
                None => None,
            },
        };
        Some((StepKind::Wait(plan), Known::Any))
    }

    /// A business calendar of the repository, as it is now.
    pub(super) fn pinned_calendar(
        &mut self,
        name: &Located<CalendarName>,
    ) -> Option<Arc<Calendar>> {
        let name = self.calendar(name)?;
        self.calendars.get(&name).cloned().map(Arc::new)
    }
}
