//! Open and closed, and working time across nights, holidays and changes of clocks.

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

const OFFICE: &str = "
calendar: office
timezone: Europe/Berlin
hours: ['09:00-12:30', '13:30-17:00']
holidays:
  2026-04-03: Good Friday
  05-01: Labour Day, every year
also_open:
  2026-12-19: the Saturday before Christmas
";

fn calendar(text: &str) -> Calendar {
    parse("calendars/office.yaml", text).unwrap().1
}

#[test]
fn open_and_closed() {
    let office = calendar(OFFICE);
    let cases = [
        (
            "2026-03-02T08:59:59+01:00",
            false,
            "2026-03-02T09:00:00+01:00",
        ),
        (
            "2026-03-02T09:00:00+01:00",
            true,
            "2026-03-02T09:00:00+01:00",
        ),
        (
            "2026-03-02T12:30:00+01:00",
            false,
            "2026-03-02T13:30:00+01:00",
        ),
        (
            "2026-03-02T17:00:00+01:00",
            false,
            "2026-03-03T09:00:00+01:00",
        ),
        // A holiday, the weekend after it, and the first week of summer time.
        (
            "2026-04-03T10:00:00+02:00",
            false,
            "2026-04-06T09:00:00+02:00",
        ),
        (
            "2027-05-01T10:00:00+02:00",
            false,
            "2027-05-03T09:00:00+02:00",
        ),
        (
            "2026-12-19T10:00:00+01:00",
            true,
            "2026-12-19T10:00:00+01:00",
        ),
    ];
    for (time, open, next) in cases {
        assert_eq!(office.is_open(at(time)), open, "{time}");
        assert_eq!(office.next_open(at(time)), Some(at(next)), "{time}");
    }
}

#[test]
fn working_time() {
    let office = calendar(OFFICE);
    let hours = |n: u64| Duration::from_secs(n * 3_600);
    let cases = [
        ("2026-03-02T09:00:00+01:00", 0, "2026-03-02T09:00:00+01:00"),
        ("2026-03-02T20:00:00+01:00", 0, "2026-03-03T09:00:00+01:00"),
        ("2026-03-02T12:00:00+01:00", 1, "2026-03-02T14:00:00+01:00"),
        ("2026-03-02T09:00:00+01:00", 7, "2026-03-02T17:00:00+01:00"),
        ("2026-03-02T09:00:00+01:00", 8, "2026-03-03T10:00:00+01:00"),
        // Over a weekend on which the clocks change.
        ("2026-03-27T16:00:00+01:00", 2, "2026-03-30T10:00:00+02:00"),
        ("2026-03-02T09:00:00+01:00", 35, "2026-03-06T17:00:00+01:00"),
    ];
    for (from, by, expected) in cases {
        let found = office.add_working_time(at(from), hours(by)).unwrap();
        assert_eq!(
            found.to_string(),
            at(expected).to_string(),
            "{from} + {by}h"
        );
    }
    assert_eq!(
        office.add_working_time(at(cases[0].0), hours(100_000)),
        None
    );
}

#[test]
fn a_day_without_gaps_is_open_through_changes_of_clocks() {
    let all = calendar(
        "{calendar: office, timezone: Europe/Berlin, working_days: [mon, tue, wed, thu, fri, sat, sun]}",
    );
    for start in ["2026-03-28T00:00:00Z", "2026-10-24T00:00:00Z"] {
        for quarter in 0..200 {
            assert!(all.is_open(at(start).plus(Duration::from_secs(quarter * 900))));
        }
        let two_days = Duration::from_secs(2 * 86_400);
        assert_eq!(
            all.add_working_time(at(start), two_days),
            Some(at(start).plus(two_days))
        );
    }
    // Hours that begin in a skipped hour begin right after it.
    let night = calendar(
        "{calendar: office, timezone: Europe/Berlin, working_days: [sun], hours: ['02:30-04:00']}",
    );
    let opens = night.next_open(at("2026-03-28T12:00:00Z"));
    assert_eq!(opens, Some(at("2026-03-29T03:00:00+02:00")));
}

#[test]
fn what_is_refused() {
    let refused = [
        ("calendar: shop\ntimezone: UTC", "DWL-1056"),
        ("calendar: office\ntimezone: Europe/Berlim", "DWL-1091"),
        ("calendar: office", "DWL-1003"),
        (
            "calendar: office\ntimezone: UTC\nhours: ['9:00-17:00']",
            "DWL-1009",
        ),
        (
            "calendar: office\ntimezone: UTC\nhours: ['17:00-09:00']",
            "DWL-1009",
        ),
        (
            "calendar: office\ntimezone: UTC\nhours: ['09:00-24:01']",
            "DWL-1009",
        ),
        (
            "calendar: office\ntimezone: UTC\nhours: ['09:00-13:00', '12:00-17:00']",
            "DWL-1095",
        ),
        ("calendar: office\ntimezone: UTC\nhours: []", "DWL-1058"),
        (
            "calendar: office\ntimezone: UTC\nworking_days: []",
            "DWL-1095",
        ),
        (
            "calendar: office\ntimezone: UTC\nworking_days: [mon, mon]",
            "DWL-1095",
        ),
        (
            "calendar: office\ntimezone: UTC\nholidays: { 2026-02-29: none }",
            "DWL-1009",
        ),
        (
            "calendar: office\ntimezone: UTC\nholidays: { 12-25: x }\nalso_open: { 12-25: y }",
            "DWL-1095",
        ),
        ("calendar: office\ntimezone: UTC\nclosed: {}", "DWL-1002"),
    ];
    for (text, code) in refused {
        let found = parse("calendars/office.yaml", text).unwrap_err();
        assert_eq!(
            found[0].code.to_string(),
            code,
            "{text}: {}",
            found[0].message
        );
    }
}

#[test]
fn a_plan_keeps_the_texts() {
    let office = calendar(OFFICE);
    let text = serde_json::to_string(&office).unwrap();
    assert!(
        text.contains(r#""hours":["09:00-12:30","13:30-17:00"]"#),
        "{text}"
    );
    assert!(text.contains(r#""05-01""#), "{text}");
    assert_eq!(serde_json::from_str::<Calendar>(&text).unwrap(), office);
}
