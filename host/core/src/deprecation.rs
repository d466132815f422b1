//! What will go: since when that is known, until when it stays, and what takes its place.

use crate::time::Timestamp;
use jiff::civil::Date as Civil;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A day of the calendar, such as `2026-06-30`, without a place on earth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date(Civil);

/// A text that is no day.
#[derive(Debug, thiserror::Error)]
#[error("a day is written as `2026-06-30`")]
pub struct InvalidDate;

impl Date {
    /// The day of a point in time, in UTC.
    pub fn of(at: Timestamp) -> Self {
        let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
        Self(instant.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl FromStr for Date {
    type Err = InvalidDate;
    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        let date: Civil = text.parse().map_err(|_| InvalidDate)?;
        // The parser takes more forms than this one.
        (date.to_string() == text)
            .then_some(Self(date))
            .ok_or(InvalidDate)
    }
}

impl TryFrom<String> for Date {
    type Error = InvalidDate;
    fn try_from(text: String) -> Result<Self, InvalidDate> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Something will go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deprecation {
    /// Since when that is known.
    pub since: Date,
    /// The last day on which it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// What to use instead.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

impl Deprecation {
    /// Whether its last day has passed.
    pub fn is_past(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

impl fmt::Display for Deprecation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deprecated since {}", self.since)?;
        if let Some(until) = self.until {
            write!(f, ", to go after {until}")?;
        }
        match &self.instead {
            Some(instead) => write!(f, "; use {instead}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_one_form() {
        let day: Date = "2026-06-30".parse().unwrap();
        assert_eq!(day.to_string(), "2026-06-30");
        for wrong in [
            "2026-6-30",
            "2026-06-31",
            "20260630",
            "2026-06-30T00:00:00",
            "",
        ] {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        let at = Timestamp::parse("2026-06-30T23:59:59Z").unwrap();
        assert_eq!(Date::of(at), day);
    }

    #[test]
    fn the_last_day_is_one_on_which_it_is_there() {
        let text = r#"{"since":"2026-01-01","until":"2026-06-30","use":"charge@^2"}"#;
        let it: Deprecation = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&it).unwrap(), text);
        let on = |day: &str| it.is_past(day.parse().unwrap());
        assert!(!on("2026-06-30") && on("2026-07-01"));
        assert_eq!(
            it.to_string(),
            "deprecated since 2026-01-01, to go after 2026-06-30; use charge@^2"
        );
    }
}
