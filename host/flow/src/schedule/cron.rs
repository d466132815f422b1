//! Cron expressions: five fields, and the times that they name.
//!
//! The fields are those of POSIX `crontab`, with names, steps and `L` for the last day
//! of a month. What implementations do not agree on is refused.

use super::zone::{Happens, Zone};
use dowel_core::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far ahead a fire is looked for. The rarest date, 29 February, comes after eight
/// years at most; the rest is room for calendars.
const HORIZON_DAYS: u32 = 3_660;

/// A cron expression.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cron {
    text: String,
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    /// The last day of the month, whatever its number.
    last_day: bool,
}

/// Why a cron expression is refused: one sentence, and what to write instead.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct BadCron {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// The numbers that a field admits, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether it is a plain `*`.
    any: bool,
}

impl Field {
    fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.bits & (1 << number) != 0)
    }

    fn numbers(self) -> impl Iterator<Item = i8> {
        (0..60).filter(move |number| self.has(*number))
    }
}

/// What a field may hold.
struct Kind {
    name: &'static str,
    first: u8,
    last: u8,
    /// Names of the numbers from `first` on.
    names: &'static [&'static str],
}

const MINUTE: Kind = Kind {
    name: "minute",
    first: 0,
    last: 59,
    names: &[],
};
const HOUR: Kind = Kind {
    name: "hour",
    first: 0,
    last: 23,
    names: &[],
};
const DAY: Kind = Kind {
    name: "day of the month",
    first: 1,
    last: 31,
    names: &[],
};
const MONTH: Kind = Kind {
    name: "month",
    first: 1,
    last: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// Sunday is 0 and 7.
const WEEKDAY: Kind = Kind {
    name: "day of the week",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// Abbreviations of other implementations, and the same in five fields.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * sun"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

fn bad(message: impl Into<String>, help: impl Into<Option<&'static str>>) -> BadCron {
    BadCron {
        message: message.into(),
        help: help.into().map(str::to_owned),
    }
}

impl Cron {
    /// Reads five fields.
    ///
    /// # Errors
    /// What is wrong, and what to write instead where that is known.
    pub fn parse(text: &str) -> Result<Self, BadCron> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(wrong_count(&fields));
        };
        let (days, last_day) = days(day)?;
        let mut weekdays = field(&WEEKDAY, weekday)?;
        weekdays.bits |= weekdays.bits >> 7;
        let cron = Self {
            text: fields.join(" "),
            minutes: field(&MINUTE, minute)?,
            hours: field(&HOUR, hour)?,
            days,
            months: field(&MONTH, month)?,
            weekdays,
            last_day,
        };
        let starts_with_star = |field: Field, text: &str| !field.any && text.starts_with('*');
        if cron.limits_both_days()
            && (starts_with_star(cron.days, day) || starts_with_star(cron.weekdays, weekday))
        {
            let message = "cron implementations do not agree on a step over all days of one kind together with days of the other kind";
            return Err(bad(
                message,
                "write the days out, or use `*` for one of the two",
            ));
        }
        Ok(cron)
    }

    /// Whether days of the month and of the week are both limited, so that either fits.
    pub fn limits_both_days(&self) -> bool {
        !self.days.any && !self.weekdays.any
    }

    /// Whether it follows elapsed time: every hour fires, whatever the clocks do.
    fn follows_elapsed_time(&self) -> bool {
        self.hours.any
    }

    /// The first time after `after` that fires, `None` if that is more than ten years
    /// away.
    ///
    /// On days on which the clocks change: a time that the clocks skip fires once, right
    /// after the change; one that comes twice fires the first time only. With `*` as the
    /// hour the schedule follows elapsed time instead: it fires in both of the doubled
    /// hours, and a skipped hour adds nothing.
    pub fn next_after(&self, zone: &Zone, after: Timestamp) -> Option<Timestamp> {
        // A time of yesterday may be skipped together with the rest of its day.
        let mut day = zone.local(after).date().yesterday().ok()?;
        for _ in 0..HORIZON_DAYS {
            let tomorrow = day.tomorrow().ok()?;
            if let Some(at) = self.first_of_day(zone, day, after) {
                // Clocks that go back over midnight put the first hour of the next day
                // before the second pass of this day's last one.
                let next = self.first_of_day(zone, tomorrow, after);
                return Some(next.map_or(at, |next| next.min(at)));
            }
            day = tomorrow;
        }
        None
    }

    fn first_of_day(&self, zone: &Zone, day: Date, after: Timestamp) -> Option<Timestamp> {
        if !self.fits(day) {
            return None;
        }
        let times = self.hours.numbers().flat_map(|hour| {
            self.minutes
                .numbers()
                .map(move |minute| day.at(hour, minute, 0, 0))
        });
        let fires = times.flat_map(|local: DateTime| {
            let elapsed = self.follows_elapsed_time();
            match zone.happens(local) {
                Happens::Once(at) => [Some(at), None],
                Happens::Skipped(_) if elapsed => [None, None],
                Happens::Skipped(change) => [Some(change), None],
                Happens::Twice(first, second) => [Some(first), elapsed.then_some(second)],
                Happens::Never => [None, None],
            }
        });
        fires.flatten().filter(|at| *at > after).min()
    }

    fn fits(&self, day: Date) -> bool {
        if !self.months.has(day.month()) {
            return false;
        }
        let by_number = self.days.has(day.day()) || (self.last_day && day == day.last_of_month());
        let by_weekday = self.weekdays.has(day.weekday().to_sunday_zero_offset());
        match (self.days.any, self.weekdays.any) {
            (true, true) => true,
            (false, true) => by_number,
            (true, false) => by_weekday,
            (false, false) => by_number || by_weekday,
        }
    }
}

fn wrong_count(fields: &[&str]) -> BadCron {
    let nickname = |(name, same): &(&str, &str)| {
        (fields == [*name]).then(|| BadCron {
            message: format!("`{name}` is not accepted"),
            help: Some(format!("write `{same}`")),
        })
    };
    if let Some(found) = NICKNAMES.iter().find_map(nickname) {
        return found;
    }
    let help = match fields.len() {
        6 | 7 => "there is no field for seconds or years; use `every: 10s` for less than a minute",
        _ => "write minute, hour, day of the month, month and day of the week: `30 2 * * mon-fri`",
    };
    bad(
        format!(
            "a cron expression has five fields, this one has {}",
            fields.len()
        ),
        help,
    )
}

/// The days of the month, and whether `L` is among them.
fn days(text: &str) -> Result<(Field, bool), BadCron> {
    let is_last = |part: &&str| part.eq_ignore_ascii_case("l");
    let last_day = text.split(',').any(|part| is_last(&part));
    let numbers: Vec<&str> = text.split(',').filter(|part| !is_last(part)).collect();
    if numbers.is_empty() {
        return Ok((
            Field {
                bits: 0,
                any: false,
            },
            true,
        ));
    }
    let field = field(&DAY, &numbers.join(","))?;
    Ok((field, last_day && !field.any))
}

fn field(kind: &Kind, text: &str) -> Result<Field, BadCron> {
    let mut bits = 0;
    for part in text.split(',') {
        bits |= part_of(kind, part)?;
    }
    Ok(Field {
        bits,
        any: text == "*",
    })
}

/// `*`, a number or a range, each with or without a step.
fn part_of(kind: &Kind, part: &str) -> Result<u64, BadCron> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step_of(kind, step)?)),
        None => (part, None),
    };
    let (from, to) = if range == "*" {
        (kind.first, if kind.last == 7 { 6 } else { kind.last })
    } else if let Some((from, to)) = range.split_once('-') {
        let (from, to) = (number(kind, from)?, number(kind, to)?);
        // `fri-sun` is meant as 5-7.
        (
            from,
            if kind.last == 7 && to == 0 && from > 0 {
                7
            } else {
                to
            },
        )
    } else {
        let one = number(kind, range)?;
        if step.is_some() {
            let message = format!(
                "a step needs a range, and `{range}` is a single {}",
                kind.name
            );
            return Err(BadCron {
                message,
                help: Some(format!(
                    "write `{range}-{}/{}`",
                    kind.last,
                    step.unwrap_or(1)
                )),
            });
        }
        (one, one)
    };
    if from > to {
        let message = format!("the range `{range}` of the {} runs backwards", kind.name);
        return Err(bad(message, "write two ranges with a comma between them"));
    }
    let step = usize::from(step.unwrap_or(1));
    Ok((from..=to).step_by(step).fold(0, |bits, n| bits | 1 << n))
}

fn step_of(kind: &Kind, text: &str) -> Result<u8, BadCron> {
    match digits(text) {
        Some(step) if step > 0 && step <= kind.last => Ok(step),
        _ => Err(bad(
            format!(
                "the step `{text}` of the {} is out of range: from 1 to {}",
                kind.name, kind.last
            ),
            None,
        )),
    }
}

fn number(kind: &Kind, text: &str) -> Result<u8, BadCron> {
    let lower = text.to_ascii_lowercase();
    if let Some(index) = kind.names.iter().position(|name| **name == lower) {
        return Ok(kind.first + u8::try_from(index).unwrap_or_default());
    }
    match digits(text) {
        Some(number) if (kind.first..=kind.last).contains(&number) => Ok(number),
        Some(_) => Err(bad(
            format!(
                "the {} `{text}` is out of range: from {} to {}",
                kind.name, kind.first, kind.last
            ),
            None,
        )),
        None => Err(bad(
            format!("`{text}` is not a {}", kind.name),
            unknown(kind, text),
        )),
    }
}

/// One or two digits and nothing else, so that `+5` and `007` are no numbers.
fn digits(text: &str) -> Option<u8> {
    let plain = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn unknown(kind: &Kind, text: &str) -> Option<&'static str> {
    if text.contains(['#', '?', 'W', 'w']) {
        return Some(
            "`?`, `W` and `#` mean different things to different programs; use a `calendar` for working days",
        );
    }
    if text.ends_with(['L', 'l']) {
        return Some("`L` alone, as a day of the month, is the last day of the month");
    }
    match kind.names.len() {
        0 => Some(
            "write a number, `*`, a range such as 9-17, a list such as 0,30 or a step such as */15",
        ),
        7 => Some("write sun, mon, tue, wed, thu, fri, sat or 0 to 7"),
        _ => Some("write jan to dec or 1 to 12"),
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl TryFrom<String> for Cron {
    type Error = BadCron;
    fn try_from(text: String) -> Result<Self, BadCron> {
        Self::parse(&text)
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

#[cfg(test)]
mod tests;
