//! Time zones of the IANA database, and what their changes do to times of the day.

use dowel_core::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A time zone by its IANA name. The data is part of the program, so that the same
/// release computes the same times on every machine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A name that is not in the database.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the time zone `{0}` is not known")]
pub struct UnknownZone(pub String);

/// When a time of the day happens on a certain day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happens {
    /// Once, as on nearly every day.
    Once(Timestamp),
    /// Never: the clocks are put forward over it, at this time.
    Skipped(Timestamp),
    /// Twice: the clocks are put back over it.
    Twice(Timestamp, Timestamp),
    /// Outside of what can be computed.
    Never,
}

impl Zone {
    /// The zone of this name; case does not matter.
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone(name.to_owned());
        let rules = jiff::tz::db().get(name).map_err(|_| unknown())?;
        let name = rules.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self { name, rules })
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names of all zones, for suggestions.
    pub(crate) fn names() -> Vec<String> {
        jiff::tz::db()
            .available()
            .map(|name| name.to_string())
            .collect()
    }

    /// What the clocks show.
    pub(crate) fn local(&self, at: Timestamp) -> DateTime {
        self.rules.to_datetime(instant(at))
    }

    /// When the clocks show `local`.
    pub(crate) fn happens(&self, local: DateTime) -> Happens {
        let ambiguous = self.rules.to_ambiguous_timestamp(local);
        let found = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset
                .to_timestamp(local)
                .ok()
                .map(|at| Happens::Once(read(at))),
            // Read with the offset after the change, the time lies before the change.
            AmbiguousOffset::Gap { after, .. } => offset_change(&self.rules, after, local),
            AmbiguousOffset::Fold { before, after } => {
                match (before.to_timestamp(local), after.to_timestamp(local)) {
                    (Ok(first), Ok(second)) => Some(Happens::Twice(read(first), read(second))),
                    _ => None,
                }
            }
        };
        found.unwrap_or(Happens::Never)
    }

    /// The first moment at which the clocks show `local` or later.
    pub(crate) fn first(&self, local: DateTime) -> Option<Timestamp> {
        match self.happens(local) {
            Happens::Once(at) | Happens::Skipped(at) | Happens::Twice(at, _) => Some(at),
            Happens::Never => None,
        }
    }

    /// `at` as people in the zone read it, with the offset.
    pub fn show(&self, at: Timestamp) -> String {
        let local = instant(at).to_zoned(self.rules.clone());
        local.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
    }
}

fn offset_change(rules: &TimeZone, after: jiff::tz::Offset, local: DateTime) -> Option<Happens> {
    let before_change = after.to_timestamp(local).ok()?;
    let change = rules.following(before_change).next()?;
    Some(Happens::Skipped(read(change.timestamp())))
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
}

/// Times before 1970 do not occur: schedules look ahead.
fn read(at: jiff::Timestamp) -> Timestamp {
    Timestamp::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default())
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;
    fn try_from(name: String) -> Result<Self, UnknownZone> {
        Self::new(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn clocks_go_forward_and_back() {
        let berlin = Zone::new("europe/berlin").unwrap();
        assert_eq!(berlin.name(), "Europe/Berlin");
        let happens = |text: &str| berlin.happens(text.parse().unwrap());
        let change = at("2026-03-29T01:00:00Z");
        assert_eq!(happens("2026-03-29T02:30:00"), Happens::Skipped(change));
        assert_eq!(happens("2026-03-29T02:00:00"), Happens::Skipped(change));
        assert_eq!(happens("2026-03-29T03:00:00"), Happens::Once(change));
        assert_eq!(
            happens("2026-10-25T02:30:00"),
            Happens::Twice(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"))
        );
        assert_eq!(berlin.show(change), "Sun 2026-03-29 03:00:00 +02:00");
        assert!(Zone::new("Europe/Berlim").is_err());
        assert!(Zone::new("").is_err());
    }
}
