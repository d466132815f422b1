//! The calendar file.

use crate::calendar::{Day, Hours};
use crate::shape::{FromText, Located, MapOf, Text, choice, record};
use dowel_core::id::CalendarName;
use serde_json::{Value, json};

record! {
    /// A business calendar: when work is done.
    CalendarFile {
        /// The calendar's name, in kebab-case, the same as its file's.
        calendar = "calendar": Located<CalendarName>,
        /// Whose clocks and dates count: an IANA name, such as `Europe/Berlin`.
        timezone = "timezone": Located<Text>,
        /// What the calendar is for, in a sentence.
        description = "description": Option<Text>,
        /// The days of a usual week; mon to fri unless given.
        working_days = "working_days": Option<Vec<Located<DayName>>>,
        /// The hours of a day of work, such as `09:00-17:00`; the whole day unless given.
        hours = "hours": Option<Located<Vec<Located<Hours>>>>,
        /// Days without work and their names: `2026-12-25` once, `12-25` every year.
        holidays = "holidays": Option<MapOf<Day, Text>>,
        /// Days with work that would have none, and why.
        also_open = "also_open": Option<MapOf<Day, Text>>,
    }
    not_yet []
}

choice! {
    /// A day of the week.
    DayName {
        Mon = "mon", Tue = "tue", Wed = "wed", Thu = "thu", Fri = "fri", Sat = "sat", Sun = "sun",
    }
    not_yet []
}

impl FromText for Hours {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$" })
    }
}

impl FromText for Day {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^([0-9]{4}-)?[0-1][0-9]-[0-3][0-9]$" })
    }
}
