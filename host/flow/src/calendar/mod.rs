//! Business calendars: when work is done. Pure: no clock and no files.

mod file;

pub use file::parse;

use crate::schedule::Zone;
use dowel_core::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// How far ahead an open time is looked for: ten years.
const HORIZON_DAYS: u32 = 3_660;

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// When work is done: on which days, at which hours, in whose time zone.
///
/// ```
/// # use dowel_core::Timestamp;
/// # use std::time::Duration;
/// let text = "calendar: office\ntimezone: Europe/Berlin\nhours: ['09:00-17:00']\n";
/// let (_, office) = dowel_flow::calendar::parse("calendars/office.yaml", text).unwrap();
/// let friday_evening = Timestamp::parse("2026-03-06T18:00:00+01:00").unwrap();
/// assert!(!office.is_open(friday_evening));
/// let monday_ten = Timestamp::parse("2026-03-09T10:00:00+01:00").unwrap();
/// let in_an_hour = office.add_working_time(friday_evening, Duration::from_secs(3_600));
/// assert_eq!(in_an_hour, Some(monday_ten));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Whose clocks and dates count.
    pub timezone: Zone,
    /// The days of a usual week.
    pub working_days: BTreeSet<Weekday>,
    /// The hours of a day of work, in order, without overlaps.
    pub hours: Vec<Hours>,
    /// Days without work.
    #[serde(default)]
    pub holidays: BTreeSet<Day>,
    /// Days with work that would have none.
    #[serde(default)]
    pub also_open: BTreeSet<Day>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A part of a day, such as `09:00-17:00`; `24:00` is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hours {
    /// Minutes since midnight.
    from: u16,
    /// Minutes since midnight, larger than `from`.
    to: u16,
}

/// A date: of one year (`2026-12-25`) or of every year (`12-25`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day {
    year: Option<i16>,
    month: i8,
    day: i8,
}

/// Why a part of a calendar cannot be read.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadPart {
    /// Not the form of hours.
    #[error("hours are written from and to, such as 09:00-17:00; 24:00 is the end of the day")]
    Hours,
    /// Not the form of a date, or a date that does not exist.
    #[error("a date is written 2026-12-25, or 12-25 for every year, and has to exist")]
    Day,
}

impl Hours {
    /// The whole day.
    pub const ALL_DAY: Self = Self {
        from: 0,
        to: DAY_MINUTES,
    };

    /// Reads `09:00-17:00`.
    pub fn parse(text: &str) -> Result<Self, BadPart> {
        let (from, to) = text.split_once('-').ok_or(BadPart::Hours)?;
        let (from, to) = (minutes(from), minutes(to));
        match (from, to) {
            (Some(from), Some(to)) if from < to => Ok(Self { from, to }),
            _ => Err(BadPart::Hours),
        }
    }
}

/// Minutes of `HH:MM`.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

impl Day {
    /// Reads `2026-12-25` or `12-25`.
    pub fn parse(text: &str) -> Result<Self, BadPart> {
        let parts: Vec<&str> = text.split('-').collect();
        let plain = |part: &&str, length: usize| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit())
        };
        let (year, month, day) = match parts.as_slice() {
            [year, month, day] if plain(year, 4) => (Some(*year), month, day),
            [month, day] => (None, month, day),
            _ => return Err(BadPart::Day),
        };
        if !plain(month, 2) || !plain(day, 2) {
            return Err(BadPart::Day);
        }
        let read = || {
            let year = year.map(str::parse).transpose().ok()?;
            let (month, day) = (month.parse().ok()?, day.parse().ok()?);
            // Of every year: 29 February exists in some.
            const LEAP_YEAR: i16 = 2028;
            Date::new(year.unwrap_or(LEAP_YEAR), month, day).ok()?;
            Some(Self { year, month, day })
        };
        read().ok_or(BadPart::Day)
    }

    fn is(self, date: Date) -> bool {
        self.year.is_none_or(|year| year == date.year())
            && (self.month, self.day) == (date.month(), date.day())
    }
}

/// A stretch of time: from and including, up to and excluding.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
}

impl Calendar {
    /// Whether work is done at this time.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.stretch(at).is_some_and(|stretch| stretch.from <= at)
    }

    /// `at` itself while work is done, otherwise the next time from which it is. `None`
    /// if there is none within ten years.
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        self.stretch(at).map(|stretch| stretch.from.max(at))
    }

    /// The time at which `by` of work has been done since `from`. Work of exactly a whole
    /// day ends when that day closes. `None` if that is more than ten years away.
    pub fn add_working_time(&self, from: Timestamp, by: Duration) -> Option<Timestamp> {
        let mut left = by;
        let mut stretch = self.stretch(from)?;
        stretch.from = stretch.from.max(from);
        let end = from.plus(Duration::from_secs(u64::from(HORIZON_DAYS) * 86_400));
        while stretch.from < end {
            let length = stretch.to.since(stretch.from);
            if left <= length {
                return Some(stretch.from.plus(left));
            }
            left -= length;
            stretch = self.stretch(stretch.to)?;
        }
        None
    }

    /// The first open stretch that ends after `at`.
    fn stretch(&self, at: Timestamp) -> Option<Stretch> {
        // Where clocks go back over midnight, yesterday may not be over yet.
        let mut date = self.timezone.local(at).date().yesterday().ok()?;
        for _ in 0..HORIZON_DAYS {
            let mut stretches = self.stretches(date);
            if let Some(found) = stretches.find(|stretch| stretch.to > at) {
                return Some(found);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn stretches(&self, date: Date) -> impl Iterator<Item = Stretch> {
        let hours = if self.is_working_day(date) {
            self.hours.as_slice()
        } else {
            &[]
        };
        hours.iter().filter_map(move |hours| {
            let from = self.timezone.first(at_minute(date, hours.from)?)?;
            let to = self.timezone.first(at_minute(date, hours.to)?)?;
            (from < to).then_some(Stretch { from, to })
        })
    }

    fn is_working_day(&self, date: Date) -> bool {
        let listed = |days: &BTreeSet<Day>| days.iter().any(|day| day.is(date));
        if listed(&self.also_open) {
            return true;
        }
        self.working_days.contains(&Weekday::of(date)) && !listed(&self.holidays)
    }
}

fn at_minute(date: Date, minute: u16) -> Option<jiff::civil::DateTime> {
    if minute == DAY_MINUTES {
        return Some(date.tomorrow().ok()?.at(0, 0, 0, 0));
    }
    let hour = i8::try_from(minute / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    Some(date.at(hour, minute, 0, 0))
}

impl Weekday {
    fn of(date: Date) -> Self {
        use jiff::civil::Weekday as Day;
        match date.weekday() {
            Day::Monday => Self::Mon,
            Day::Tuesday => Self::Tue,
            Day::Wednesday => Self::Wed,
            Day::Thursday => Self::Thu,
            Day::Friday => Self::Fri,
            Day::Saturday => Self::Sat,
            Day::Sunday => Self::Sun,
        }
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(year) = self.year {
            write!(f, "{year:04}-")?;
        }
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl TryFrom<String> for Hours {
    type Error = BadPart;
    fn try_from(text: String) -> Result<Self, BadPart> {
        Self::parse(&text)
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = BadPart;
    fn try_from(text: String) -> Result<Self, BadPart> {
        Self::parse(&text)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests;
