//! `schedule` triggers.

use super::Lowering;
use crate::schedule::{Cron, Misfire, Overlap, Rhythm, Schedule, read_zone};
use crate::shape::{Located, Text, did_you_mean};
use crate::surface::flow::{MisfireName, OverlapName, Schedule as Written};
use dowel_core::Timestamp;
use dowel_core::code::flow as code;
use dowel_core::id::CalendarName;
use std::time::Duration;

/// Whoever needs more fires than this wants a service, not runs.
const MIN_EVERY: Duration = Duration::from_secs(1);

/// Rarer than once a year is a date, not an interval.
const MAX_EVERY: Duration = Duration::from_secs(366 * 86_400);

/// A fire that is later than a day is another fire.
const MAX_JITTER: Duration = Duration::from_secs(86_400);

/// How many fires are compared with the jitter: more than a week of a schedule of every
/// hour.
const FIRES_LOOKED_AT: usize = 200;

/// From when on a fire is looked for, to see whether there is any: fixed, so that the
/// same file is always judged the same. 2026-01-01T00:00:00Z.
const REFERENCE: Timestamp = Timestamp::from_millis(1_767_225_600_000);

impl Lowering<'_> {
    /// Points in time.
    pub(super) fn schedule(&mut self, written: &Written) -> Option<Schedule> {
        let rhythm = self.rhythm(written);
        let jitter = self.jitter(written);
        let calendar = match &written.calendar {
            None => Some(None),
            Some(name) => self.calendar(name).map(Some),
        };
        let schedule = Schedule {
            rhythm: rhythm?,
            misfire: match written.misfire {
                Some(MisfireName::Skip) => Misfire::Skip,
                Some(MisfireName::Once) | None => Misfire::Once,
                Some(MisfireName::All) => Misfire::All,
            },
            overlap: match written.overlap {
                Some(OverlapName::Queue) | None => Overlap::Queue,
                Some(OverlapName::Skip) => Overlap::Skip,
                Some(OverlapName::CancelRunning) => Overlap::CancelRunning,
            },
            calendar: calendar?,
            jitter: jitter?,
        };
        let Some(first) = schedule.next_after(&self.calendars, REFERENCE) else {
            let span = written.cron.as_ref().map_or(written.span, |cron| cron.span);
            let message = match schedule.calendar {
                Some(calendar) => {
                    format!("the schedule never fires while the calendar `{calendar}` is open")
                }
                None => "the schedule never fires: there is no such day".to_owned(),
            };
            self.report.error(code::NEVER_FIRES, span, message);
            return None;
        };
        self.check_jitter(written, &schedule, first)?;
        Some(schedule)
    }

    fn rhythm(&mut self, written: &Written) -> Option<Rhythm> {
        let message = match (&written.cron, &written.timezone, &written.every) {
            (Some(cron), Some(zone), None) => {
                let (cron, timezone) = (self.cron(cron), read_zone(zone, &mut self.report));
                return Some(Rhythm::Cron {
                    cron: cron?,
                    timezone: timezone?,
                });
            }
            (None, None, Some(every)) => {
                let longest = MAX_EVERY;
                let every = self.duration(every, longest, "from 1s to 366d");
                return self.at_least_a_second(written, every?).map(Rhythm::Every);
            }
            (Some(_), None, None) => "`cron` needs a `timezone`: whose clocks does it go by?",
            (None, Some(_), Some(_)) => "`every` takes no `timezone`: it measures elapsed time",
            (Some(_), _, Some(_)) => "a schedule has either `cron` or `every`, not both",
            (None, _, None) => "a schedule needs `cron` with `timezone`, or `every`",
        };
        let found = self
            .report
            .error(code::SCHEDULE_CHOICE, written.span, message);
        if written.every.is_none() {
            found.help("write `{ cron: '30 2 * * mon-fri', timezone: Europe/Berlin }`");
        }
        None
    }

    fn at_least_a_second(&mut self, written: &Written, every: Duration) -> Option<Duration> {
        let span = written
            .every
            .as_ref()
            .map_or(written.span, |every| every.span);
        if every < MIN_EVERY {
            self.out_of_range(span, "from 1s to 366d");
            return None;
        }
        Some(every)
    }

    fn cron(&mut self, text: &Located<Text>) -> Option<Cron> {
        match Cron::parse(&text.value.0) {
            Ok(cron) => {
                if cron.limits_both_days() {
                    let message = "the schedule fires on days that fit the day of the month or the day of the week, not both";
                    self.report.warning(code::EITHER_DAY, text.span, message);
                }
                Some(cron)
            }
            Err(error) => {
                let found = self.report.error(code::BAD_CRON, text.span, error.message);
                found.help = error.help;
                None
            }
        }
    }

    fn jitter(&mut self, written: &Written) -> Option<Duration> {
        let Some(jitter) = &written.jitter else {
            return Some(Duration::ZERO);
        };
        self.duration(jitter, MAX_JITTER, "from 1ms to 1d")
    }

    /// Fires keep their order: none is put off past the next one.
    fn check_jitter(
        &mut self,
        written: &Written,
        schedule: &Schedule,
        first: Timestamp,
    ) -> Option<()> {
        let Some(jitter) = &written.jitter else {
            return Some(());
        };
        let mut planned = first;
        for _ in 0..FIRES_LOOKED_AT {
            let Some(next) = schedule.next_after(&self.calendars, planned) else {
                break;
            };
            if next.since(planned) <= jitter.value {
                self.out_of_range(jitter.span, "less than the time between two fires");
                return None;
            }
            planned = next;
        }
        Some(())
    }

    /// A business calendar of the repository, pinned into the plan.
    pub(super) fn calendar(&mut self, name: &Located<CalendarName>) -> Option<CalendarName> {
        let known = self.context.calendars;
        if let Some(calendar) = known.get(&name.value) {
            self.calendars.insert(name.value.clone(), calendar.clone());
            return Some(name.value.clone());
        }
        let message = format!("there is no file `calendars/{}.yaml`", name.value);
        let names = known.keys().map(|name| name.as_str());
        let found = self
            .report
            .error(code::UNKNOWN_CALENDAR, name.span, message);
        found.help = did_you_mean(name.value.as_str(), names);
        None
    }
}
