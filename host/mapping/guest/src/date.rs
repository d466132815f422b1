//! Dates with IANA time zones. The zones are built into the engine; the host's clock
//! and zone are never read.

use crate::prelude::Data;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Error, RunPtr};
use jaq_json::{Val, ValR};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

const NOT_TIME: &str =
    "a text is not a point in time, which is written like \"2026-03-01T09:00:00Z\"";
const NOT_LOCAL: &str =
    "a text is neither a point in time nor a local date such as \"2026-03-01T09:00\"";
const ZONE: &str = "the time zone is not known; IANA names look like \"Europe/Berlin\"";
const FORMAT: &str = "the format is not valid; it is written like \"%Y-%m-%d\"";
const SPAN: &str = "the duration is not valid; it is written like \"1d 2h\" or \"P1DT2H\"";
const RANGE: &str = "the date lies outside of the years -9999 to 9999";

/// Every message of this module.
pub(crate) const MESSAGES: &[&str] = &[NOT_TIME, NOT_LOCAL, ZONE, FORMAT, SPAN, RANGE];

fn fail(message: &'static str) -> jaq_json::Error {
    Error::str(message)
}

fn text(value: &Val) -> Result<&str, jaq_json::Error> {
    match value {
        Val::TStr(bytes) => std::str::from_utf8(bytes).map_err(|_| fail(NOT_TIME)),
        other => Err(Error::typ(other.clone(), "string")),
    }
}

fn zone(value: &Val) -> Result<TimeZone, jaq_json::Error> {
    TimeZone::get(text(value)?).map_err(|_| fail(ZONE))
}

/// RFC 3339 in UTC.
fn instant(timestamp: Timestamp) -> Val {
    Val::from(timestamp.to_string())
}

fn timestamp(value: &Val) -> Result<Timestamp, jaq_json::Error> {
    text(value)?.parse().map_err(|_| fail(NOT_TIME))
}

/// A text with an offset is that point in time; without one it is local in the zone.
fn parse(value: &Val, zone_name: &Val) -> ValR {
    let zone = zone(zone_name)?;
    if let Ok(timestamp) = timestamp(value) {
        return Ok(instant(timestamp));
    }
    let local: DateTime = text(value)?.parse().map_err(|_| fail(NOT_LOCAL))?;
    let zoned = local.to_zoned(zone).map_err(|_| fail(RANGE))?;
    Ok(instant(zoned.timestamp()))
}

fn format(value: &Val, pattern: &Val, zone_name: &Val) -> ValR {
    let zoned: Zoned = timestamp(value)?.to_zoned(zone(zone_name)?);
    let formatted = jiff::fmt::strtime::format(text(pattern)?, &zoned);
    formatted.map(Val::from).map_err(|_| fail(FORMAT))
}

/// In a zone a day is a calendar day, which may have 23 or 25 hours.
fn add(value: &Val, duration: &Val, zone: TimeZone) -> ValR {
    let span: Span = text(duration)?.parse().map_err(|_| fail(SPAN))?;
    let sum = timestamp(value)?.to_zoned(zone).checked_add(span);
    Ok(instant(sum.map_err(|_| fail(RANGE))?.timestamp()))
}

/// All filters.
pub(crate) fn natives() -> impl Iterator<Item = Fun<Data>> {
    table().into_vec().into_iter().map(run::<Data>)
}

fn table() -> Box<[Filter<RunPtr<Data>>]> {
    Box::new([
        ("date_parse", v(1), |mut cv| {
            let value = cv.0.pop_var();
            bome(timestamp(&value).map(instant))
        }),
        ("date_parse", v(2), |mut cv| {
            let zone = cv.0.pop_var();
            let value = cv.0.pop_var();
            bome(parse(&value, &zone))
        }),
        ("date_format", v(3), |mut cv| {
            let zone = cv.0.pop_var();
            let pattern = cv.0.pop_var();
            let value = cv.0.pop_var();
            bome(format(&value, &pattern, &zone))
        }),
        ("date_add", v(2), |mut cv| {
            let duration = cv.0.pop_var();
            let value = cv.0.pop_var();
            bome(add(&value, &duration, TimeZone::UTC))
        }),
        ("date_add", v(3), |mut cv| {
            let name = cv.0.pop_var();
            let duration = cv.0.pop_var();
            let value = cv.0.pop_var();
            bome(zone(&name).and_then(|zone| add(&value, &duration, zone)))
        }),
    ])
}
