//! Rhythms and jitter.

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn every_is_a_grid_that_nothing_moves() {
    let rhythm = Rhythm::Every(Duration::from_secs(900));
    let next = |after: &str| rhythm.next_after(at(after)).unwrap().to_string();
    assert_eq!(next("2026-03-01T09:07:13Z"), "2026-03-01T09:15:00.000Z");
    assert_eq!(next("2026-03-01T09:15:00Z"), "2026-03-01T09:30:00.000Z");
}

#[test]
fn jitter_is_the_same_every_time_and_differs_between_fires() {
    let schedule = Schedule {
        rhythm: Rhythm::Every(Duration::from_secs(3600)),
        misfire: Misfire::Once,
        overlap: Overlap::Queue,
        calendar: None,
        jitter: Duration::from_secs(600),
    };
    let flow: FlowName = "nightly".parse().unwrap();
    let delays: Vec<u64> = (0..24)
        .map(|hour| {
            let planned = at("2026-03-01T00:00:00Z").plus(Duration::from_secs(hour * 3600));
            let due = schedule.due(&flow, "schedule", planned);
            assert_eq!(due, schedule.due(&flow, "schedule", planned));
            due.as_millis() - planned.as_millis()
        })
        .collect();
    assert!(delays.iter().all(|delay| *delay <= 600_000), "{delays:?}");
    let spread = delays.iter().max().unwrap() - delays.iter().min().unwrap();
    assert!(spread > 300_000, "{delays:?}");
}

#[test]
fn a_plan_keeps_the_texts() {
    let schedule = Schedule {
        rhythm: Rhythm::Cron {
            cron: Cron::parse("30 2 * * mon-fri").unwrap(),
            timezone: Zone::new("Europe/Berlin").unwrap(),
        },
        misfire: Misfire::All,
        overlap: Overlap::Skip,
        calendar: None,
        jitter: Duration::ZERO,
    };
    let text = serde_json::to_string(&schedule).unwrap();
    assert!(
        text.contains(r#"{"cron":"30 2 * * mon-fri","timezone":"Europe/Berlin"}"#),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
}
