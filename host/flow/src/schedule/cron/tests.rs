//! Cron by example, and against an oracle that looks at every minute.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::new(name).unwrap()
}

/// The first times after `after`, as UTC.
#[track_caller]
fn check(cron: &str, place: &str, after: &str, expected: &[&str]) {
    let (cron, zone) = (Cron::parse(cron).unwrap(), zone(place));
    let mut now = at(after);
    for expected in expected {
        let next = cron.next_after(&zone, now).unwrap();
        assert_eq!(
            next.to_string(),
            at(expected).to_string(),
            "{cron} after {now}"
        );
        now = next;
    }
}

#[test]
fn a_time_that_the_clocks_skip_fires_once_right_after() {
    let berlin = "Europe/Berlin";
    let days = [
        "2026-03-28T01:30:00Z",
        "2026-03-29T01:00:00Z",
        "2026-03-30T00:30:00Z",
    ];
    check("30 2 * * *", berlin, "2026-03-27T12:00:00Z", &days);
    // Four skipped times are one fire, and so is the one that stands at the change.
    let quarters = [
        "2026-03-29T00:45:00Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T01:15:00Z",
    ];
    check("*/15 1-3 29 3 *", berlin, "2026-03-29T00:30:00Z", &quarters);
    // A whole day that a zone left out.
    check(
        "0 12 30 12 *",
        "Pacific/Apia",
        "2011-12-29T23:00:00Z",
        &["2011-12-30T10:00:00Z"],
    );
}

#[test]
fn a_time_that_comes_twice_fires_the_first_time() {
    let days = [
        "2026-10-24T00:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-26T01:30:00Z",
    ];
    check("30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z", &days);
    let after = ["2026-10-25T00:45:00Z", "2026-10-25T02:00:00Z"];
    check(
        "*/15 2,3 * * *",
        "Europe/Berlin",
        "2026-10-25T00:30:00Z",
        &after,
    );
}

#[test]
fn every_hour_follows_elapsed_time() {
    let back = [
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T02:30:00Z",
    ];
    check("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", &back);
    let forward = ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"];
    check(
        "30 * * * *",
        "Europe/Berlin",
        "2026-03-29T00:00:00Z",
        &forward,
    );
}

#[test]
fn months_end_and_leap_years() {
    let ends = [
        "2028-01-31T00:00:00Z",
        "2028-02-29T00:00:00Z",
        "2028-03-31T00:00:00Z",
        "2028-04-30T00:00:00Z",
    ];
    check("0 0 L * *", "UTC", "2028-01-01T00:00:00Z", &ends);
    check(
        "0 0 31 * *",
        "UTC",
        "2026-01-31T00:00:00Z",
        &["2026-03-31T00:00:00Z"],
    );
    check(
        "0 0 29 2 *",
        "UTC",
        "2026-01-01T00:00:00Z",
        &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    );
    check(
        "0 0 29 feb *",
        "UTC",
        "2097-01-01T00:00:00Z",
        &["2104-02-29T00:00:00Z"],
    );
    check(
        "0 0 15,L * *",
        "UTC",
        "2026-02-01T00:00:00Z",
        &["2026-02-15T00:00:00Z", "2026-02-28T00:00:00Z"],
    );
    let never = Cron::parse("0 0 30 2 *").unwrap();
    assert_eq!(
        never.next_after(&zone("UTC"), at("2026-01-01T00:00:00Z")),
        None
    );
}

#[test]
fn either_day_fits_as_posix_says() {
    let days = [
        "2026-06-01T00:00:00Z",
        "2026-06-05T00:00:00Z",
        "2026-06-12T00:00:00Z",
        "2026-06-13T00:00:00Z",
    ];
    check("0 0 1,13 * fri", "UTC", "2026-05-31T00:00:00Z", &days);
}

#[test]
fn the_same_days_in_other_words() {
    let same = |a: &str, b: &str| {
        let (a, b) = (Cron::parse(a).unwrap(), Cron::parse(b).unwrap());
        assert_eq!(
            (a.minutes, a.hours, a.months),
            (b.minutes, b.hours, b.months)
        );
        assert_eq!(a.weekdays.bits & 0x7f, b.weekdays.bits & 0x7f, "{a} {b}");
    };
    same("0 0 * * 7", "0 0 * * sun");
    same("0 0 * * fri-sun", "0 0 * * 0,5,6");
    same("0 0 * * MON-Fri", "0 0 * * 1-5");
    same("0 0 * JAN,dec *", "0 0 * 1,12 *");
    same("*/20 9-17/4 * * *", "0,20,40 9,13,17 * * *");
    assert_eq!(
        Cron::parse("  0  0 * * *").unwrap().to_string(),
        "0 0 * * *"
    );
}

#[test]
fn what_is_refused() {
    let refused = [
        ("", "a cron expression has five fields, this one has 0"),
        (
            "0 0 * *",
            "a cron expression has five fields, this one has 4",
        ),
        (
            "0 0 0 * * *",
            "a cron expression has five fields, this one has 6",
        ),
        ("@daily", "`@daily` is not accepted"),
        (
            "60 0 * * *",
            "the minute `60` is out of range: from 0 to 59",
        ),
        ("0 24 * * *", "the hour `24` is out of range: from 0 to 23"),
        (
            "0 0 0 * *",
            "the day of the month `0` is out of range: from 1 to 31",
        ),
        ("0 0 * 13 *", "the month `13` is out of range: from 1 to 12"),
        (
            "0 0 * * 8",
            "the day of the week `8` is out of range: from 0 to 7",
        ),
        ("0 0 * * mo", "`mo` is not a day of the week"),
        ("0 0 ? * *", "`?` is not a day of the month"),
        ("0 0 15W * *", "`15W` is not a day of the month"),
        ("0 0 * * 5L", "`5L` is not a day of the week"),
        ("0 0 * * fri#2", "`fri#2` is not a day of the week"),
        ("0 0 * * L", "`L` is not a day of the week"),
        (
            "5/15 * * * *",
            "a step needs a range, and `5` is a single minute",
        ),
        (
            "*/0 * * * *",
            "the step `0` of the minute is out of range: from 1 to 59",
        ),
        (
            "*/ * * * *",
            "the step `` of the minute is out of range: from 1 to 59",
        ),
        (
            "*/60 * * * *",
            "the step `60` of the minute is out of range: from 1 to 59",
        ),
        (
            "30-10 * * * *",
            "the range `30-10` of the minute runs backwards",
        ),
        ("1,,2 * * * *", "`` is not a minute"),
        ("+5 * * * *", "`+5` is not a minute"),
        ("005 * * * *", "`005` is not a minute"),
        (
            "0 0 */2 * fri",
            "cron implementations do not agree on a step over all days of one kind together with days of the other kind",
        ),
    ];
    for (text, message) in refused {
        assert_eq!(
            Cron::parse(text).unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
}

/// Looks at every minute that passes and asks what the clocks show.
fn oracle(cron: &Cron, zone: &Zone, after: Timestamp, minutes: u64) -> Option<Timestamp> {
    const MINUTE: u64 = 60_000;
    /// No zone moves its clocks by more than a day.
    const DAY: u64 = 24 * 60;
    let shows = |local: DateTime| {
        cron.minutes.has(local.minute()) && cron.hours.has(local.hour()) && cron.fits(local.date())
    };
    let first = after.as_millis() / MINUTE + 1;
    (first..first + minutes).find_map(|minute| {
        let local = |minute: u64| zone.local(Timestamp::from_millis(minute * MINUTE));
        let (now, before) = (local(minute), local(minute - 1));
        let step = jiff::ToSpan::minute(1);
        if cron.hours.any {
            return shows(now).then(|| Timestamp::from_millis(minute * MINUTE));
        }
        let is_first = || (1..DAY).all(|back| local(minute - back) != now);
        let mut skipped = before + step;
        let mut fires = shows(now) && (before + step == now || is_first());
        while skipped < now {
            fires |= shows(skipped);
            skipped += step;
        }
        // Inside of a doubled hour the minutes follow each other, too.
        let fires = fires && (before + step != now || is_first());
        fires.then(|| Timestamp::from_millis(minute * MINUTE))
    })
}

fn field_text(last: u8, first: u8) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => (first..=last).prop_map(|n| n.to_string()),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{},{}", a, b)),
        1 => (first..=last, first..=last).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=last).prop_map(|n| format!("*/{n}")),
    ]
}

/// Days around changes of clocks, in zones with odd ones.
fn places() -> impl Strategy<Value = (&'static str, Timestamp)> {
    let changes = [
        ("Europe/Berlin", "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00:00Z"),
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ("America/Havana", "2026-11-01T05:00:00Z"),
        ("Atlantic/Azores", "2026-10-25T01:00:00Z"),
        ("America/Santiago", "2026-09-06T04:00:00Z"),
        ("America/Santiago", "2026-04-05T03:00:00Z"),
        ("Asia/Kathmandu", "2026-02-28T18:15:00Z"),
        ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    ];
    (prop::sample::select(changes.to_vec()), -180_i64..180).prop_map(|((zone, change), minutes)| {
        let millis = i64::try_from(at(change).as_millis()).unwrap() + minutes * 60_000 + 17_000;
        (zone, Timestamp::from_millis(u64::try_from(millis).unwrap()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_oracle_agrees(
        minute in field_text(59, 0),
        hour in field_text(23, 0),
        day in prop_oneof![4 => Just("*".to_owned()), 1 => field_text(31, 1), 1 => Just("L".to_owned())],
        weekday in prop_oneof![4 => Just("*".to_owned()), 1 => field_text(7, 0)],
        (place, start) in places(),
    ) {
        let text = format!("{minute} {hour} {day} * {weekday}");
        let Ok(cron) = Cron::parse(&text) else { return Ok(()) };
        let zone = zone(place);
        // Two days are enough to see a change of clocks from both sides.
        const MINUTES: u64 = 2 * 24 * 60;
        let mut now = start;
        for _ in 0..4 {
            let expected = oracle(&cron, &zone, now, MINUTES);
            let found = cron.next_after(&zone, now);
            let Some(expected) = expected else {
                let end = now.plus(std::time::Duration::from_secs(MINUTES * 60));
                prop_assert!(found.is_none_or(|at| at > end), "{text} in {place} after {now}");
                break;
            };
            prop_assert_eq!(found, Some(expected), "{} in {} after {}", text, place, now);
            now = expected;
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,40}") {
        let _ = Cron::parse(&text);
    }
}
