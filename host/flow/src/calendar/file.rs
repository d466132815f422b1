//! Calendar files: `calendars/<name>.yaml`.

use super::{Calendar, Hours, Weekday};
use crate::diagnostic::{Diagnostic, Report};
use crate::schedule::read_zone;
use crate::shape::Shape;
use crate::surface::calendar::{CalendarFile, DayName};
use crate::text::{Source, Span};
use crate::yaml;
use dowel_core::Timestamp;
use dowel_core::code::flow as code;
use dowel_core::id::CalendarName;
use std::collections::BTreeSet;
use std::sync::Arc;

/// From when on an open time is looked for, to see whether there is any: fixed, so that
/// the same file is always judged the same. 2026-01-01T00:00:00Z.
const REFERENCE: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The days of work where the file does not name them.
const USUAL_DAYS: [Weekday; 5] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
];

/// Reads a calendar file. `path` is shown, and its last part has to be the calendar's
/// name.
///
/// # Errors
/// Everything that is wrong, in order of place.
pub fn parse(path: &str, text: &str) -> Result<(CalendarName, Calendar), Vec<Diagnostic>> {
    let mut report = Report::new(Arc::new(Source::new(path, text)));
    match read(path, text, &mut report) {
        Some(calendar) if !report.has_errors() => Ok(calendar),
        _ => Err(report.into_sorted()),
    }
}

fn read(path: &str, text: &str, report: &mut Report) -> Option<(CalendarName, Calendar)> {
    let tree = yaml::parse(text, report)?;
    let file = CalendarFile::decode(&tree, report)?;
    let name = &file.calendar;
    let stem = path.rsplit('/').next().unwrap_or_default();
    let stem = stem.strip_suffix(".yaml").unwrap_or(stem);
    if stem != name.value.as_str() {
        let message = format!("the calendar is named otherwise than its file `{stem}`");
        report.error(code::FOLDER_NAME, name.span, message);
    }
    let days = |all: &Option<crate::shape::MapOf<super::Day, crate::shape::Text>>| {
        let all = all.iter().flat_map(|all| &all.0);
        all.map(|(day, _)| day.value).collect::<BTreeSet<_>>()
    };
    let timezone = read_zone(&file.timezone, report);
    let (working_days, hours) = (working_days(&file, report), hours(&file, report));
    let calendar = Calendar {
        timezone: timezone?,
        working_days: working_days?,
        hours: hours?,
        holidays: days(&file.holidays),
        also_open: days(&file.also_open),
    };
    for (day, _) in file.also_open.iter().flat_map(|all| &all.0) {
        if calendar.holidays.contains(&day.value) {
            let message = format!("`{}` is a holiday and also open", day.value);
            report.error(code::BAD_CALENDAR, day.span, message);
        }
    }
    if calendar.next_open(REFERENCE).is_none() {
        let message = "the calendar is never open";
        report.error(code::BAD_CALENDAR, file.span, message);
    }
    Some((name.value.clone(), calendar))
}

fn working_days(file: &CalendarFile, report: &mut Report) -> Option<BTreeSet<Weekday>> {
    let Some(written) = &file.working_days else {
        return Some(USUAL_DAYS.into_iter().collect());
    };
    let mut days = BTreeSet::new();
    for day in written {
        if !days.insert(weekday(day.value)) {
            let message = "the same day twice";
            report.error(code::BAD_CALENDAR, day.span, message);
            return None;
        }
    }
    Some(days)
}

fn hours(file: &CalendarFile, report: &mut Report) -> Option<Vec<Hours>> {
    let Some(written) = &file.hours else {
        return Some(vec![Hours::ALL_DAY]);
    };
    if written.value.is_empty() {
        return empty(written.span, report);
    }
    let mut hours: Vec<Hours> = Vec::new();
    for part in &written.value {
        if hours
            .last()
            .is_some_and(|before| before.to > part.value.from)
        {
            let message = "the hours have to follow each other without overlaps";
            report.error(code::BAD_CALENDAR, part.span, message);
            return None;
        }
        hours.push(part.value);
    }
    Some(hours)
}

fn empty(span: Span, report: &mut Report) -> Option<Vec<Hours>> {
    let found = report.error(code::EMPTY_LIST, span, "there are no hours");
    found.help("leave the key out if work is done all day");
    None
}

const fn weekday(name: DayName) -> Weekday {
    match name {
        DayName::Mon => Weekday::Mon,
        DayName::Tue => Weekday::Tue,
        DayName::Wed => Weekday::Wed,
        DayName::Thu => Weekday::Thu,
        DayName::Fri => Weekday::Fri,
        DayName::Sat => Weekday::Sat,
        DayName::Sun => Weekday::Sun,
    }
}
