//! When a schedule fires. Pure: what is asked for is the time after a time.

mod cron;
mod zone;

pub use cron::{BadCron, Cron};
pub use zone::{Happens, UnknownZone, Zone};

use crate::diagnostic::Report;
use crate::plan::Calendars;
use crate::shape::{Located, Text, closest};
use dowel_core::code::flow as code;
use dowel_core::id::CalendarName;
use dowel_core::{Digest, FlowName, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How far ahead an open time is looked for: ten years.
const HORIZON: Duration = Duration::from_secs(3_660 * 86_400);

/// A `schedule` trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// When it fires.
    pub rhythm: Rhythm,
    /// What becomes of fires that nobody was there for.
    pub misfire: Misfire,
    /// What becomes of a fire while the run of the fire before is unfinished.
    pub overlap: Overlap,
    /// It fires only while this calendar is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarName>,
    /// Each fire is delayed by its own share of this.
    #[serde(default)]
    pub jitter: Duration,
}

/// When a schedule fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// At times of the day.
    Cron {
        /// The times.
        cron: Cron,
        /// Whose clocks count.
        timezone: Zone,
    },
    /// At every multiple of this since 1970-01-01T00:00:00Z, so that neither a restart
    /// nor a new version moves it.
    Every(Duration),
}

/// What becomes of fires that nobody was there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// They are left out.
    Skip,
    /// They are made up for by one run, with the time of the last of them.
    #[default]
    Once,
    /// Each is made up for, the oldest first.
    All,
}

/// What becomes of a fire while the run of the fire before is unfinished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It waits for that run.
    #[default]
    Queue,
    /// It is left out.
    Skip,
    /// That run is cancelled, and the fire takes its place.
    CancelRunning,
}

impl Rhythm {
    /// The first time after `after` that fires, if there is one within ten years.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { cron, timezone } => cron.next_after(timezone, after),
            Self::Every(every) => {
                let step = dowel_core::time::millis(*every).max(1);
                let next = (after.as_millis() / step)
                    .checked_add(1)?
                    .checked_mul(step)?;
                Some(Timestamp::from_millis(next))
            }
        }
    }
}

impl Schedule {
    /// The first planned time after `after`, if there is one within ten years.
    pub fn next_after(&self, calendars: &Calendars, after: Timestamp) -> Option<Timestamp> {
        let calendar = self.calendar.as_ref().and_then(|name| calendars.get(name));
        let end = after.plus(HORIZON);
        let mut next = self.rhythm.next_after(after)?;
        let Some(calendar) = calendar else {
            return Some(next);
        };
        while next < end && !calendar.is_open(next) {
            // One before the opening, so that a fire at the opening counts.
            let opening = calendar.next_open(next)?.as_millis() - 1;
            next = self.rhythm.next_after(Timestamp::from_millis(opening))?;
        }
        (next < end).then_some(next)
    }

    /// When the run of a fire begins: `planned`, and the fire's share of the jitter. The
    /// share depends on flow, trigger and planned time only, so it is the same on every
    /// host and after every restart.
    pub fn due(&self, flow: &FlowName, trigger: &str, planned: Timestamp) -> Timestamp {
        let span = dowel_core::time::millis(self.jitter);
        if span == 0 {
            return planned;
        }
        let digest = Digest::of(format!("{flow}\0{trigger}\0{}", planned.as_millis()));
        let share = u64::from_str_radix(&digest.hex()[..16], 16).unwrap_or_default() % (span + 1);
        planned.plus(Duration::from_millis(share))
    }
}

/// Reads the name of a zone, for all files that name one.
pub(crate) fn read_zone(name: &Located<Text>, report: &mut Report) -> Option<Zone> {
    match Zone::new(&name.value.0) {
        Ok(zone) => Some(zone),
        Err(error) => {
            let names = Zone::names();
            let found = report.error(code::UNKNOWN_ZONE, name.span, error.to_string());
            found.help = closest(&name.value.0, names.iter().map(String::as_str))
                .map(|name| format!("did you mean `{name}`?"));
            if found.help.is_none() {
                found.help("use an IANA name, such as `Europe/Berlin`, or `UTC`");
            }
            None
        }
    }
}

#[cfg(test)]
mod tests;
