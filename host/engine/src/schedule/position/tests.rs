//! What a schedule does next, without a store and without a clock.

use super::*;
use dowel_flow::schedule::{Cron, Rhythm, Zone};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn flow() -> FlowName {
    "nightly".parse().unwrap()
}

fn daily(misfire: Misfire, overlap: Overlap) -> Schedule {
    Schedule {
        rhythm: Rhythm::Cron {
            cron: Cron::parse("0 2 * * *").unwrap(),
            timezone: Zone::new("UTC").unwrap(),
        },
        misfire,
        overlap,
        calendar: None,
        jitter: Duration::ZERO,
    }
}

/// A host that runs at times, and what it fired.
struct Host {
    schedule: Schedule,
    position: Position,
    fired: Vec<Timestamp>,
}

impl Host {
    fn new(schedule: Schedule, now: &str) -> Self {
        let position = Position::new(Digest::of("schedule"), at(now));
        Self {
            schedule,
            position,
            fired: Vec::new(),
        }
    }

    /// Does everything that is due; the run of a fire takes no time unless `busy`.
    fn turn(&mut self, now: Timestamp, busy: Busy) -> Option<Timestamp> {
        let (flow, calendars) = (flow(), Calendars::new());
        loop {
            let named = Named {
                flow: &flow,
                trigger: "schedule",
                schedule: &self.schedule,
                calendars: &calendars,
            };
            match self.position.step(named, now, busy) {
                Step::Wait(wake) => return wake,
                Step::Move(position) => {
                    assert_ne!(position, self.position, "a move moves");
                    self.position = position;
                }
                Step::Fire(planned, position) => {
                    self.fired.push(planned);
                    self.position = position;
                }
            }
        }
    }

    #[track_caller]
    fn fires(&mut self, now: &str, busy: Busy, expected: &[&str]) {
        self.fired.clear();
        self.turn(at(now), busy);
        let expected: Vec<Timestamp> = expected.iter().map(|text| at(text)).collect();
        assert_eq!(self.fired, expected, "at {now}");
    }
}

const FIRST: &str = "2026-03-02T02:00:00Z";
const SECOND: &str = "2026-03-03T02:00:00Z";
const THIRD: &str = "2026-03-04T02:00:00Z";

#[test]
fn nothing_fires_early_and_nothing_fires_twice() {
    let mut host = Host::new(daily(Misfire::Once, Overlap::Queue), "2026-03-01T12:00:00Z");
    host.fires("2026-03-02T01:59:59.999Z", Busy::No, &[]);
    assert_eq!(
        host.turn(at("2026-03-02T01:00:00Z"), Busy::No),
        Some(at(FIRST))
    );
    host.fires(FIRST, Busy::No, &[FIRST]);
    host.fires(FIRST, Busy::No, &[]);
    assert_eq!(host.turn(at(FIRST), Busy::No), Some(at(SECOND)));
}

#[test]
fn after_a_downtime() {
    let noon = "2026-03-04T12:00:00Z";
    let on_time = "2026-03-04T02:00:30Z";
    let begin = "2026-03-01T12:00:00Z";
    for (misfire, late, just_back) in [
        (Misfire::Skip, &[][..], &[THIRD][..]),
        (Misfire::Once, &[THIRD], &[THIRD]),
        (
            Misfire::All,
            &[FIRST, SECOND, THIRD],
            &[FIRST, SECOND, THIRD],
        ),
    ] {
        Host::new(daily(misfire, Overlap::Queue), begin).fires(noon, Busy::No, late);
        Host::new(daily(misfire, Overlap::Queue), begin).fires(on_time, Busy::No, just_back);
    }
    let mut host = Host::new(daily(Misfire::Skip, Overlap::Queue), begin);
    host.turn(at(noon), Busy::No);
    let left_out = host.position.left_out.unwrap();
    assert_eq!((left_out.after, left_out.until), (at(begin), at(THIRD)));
}

#[test]
fn what_is_made_up_for_is_bounded() {
    let mut every_second = daily(Misfire::All, Overlap::Queue);
    every_second.rhythm = Rhythm::Every(Duration::from_secs(1));
    let mut host = Host::new(every_second, "2026-01-01T00:00:00Z");
    host.turn(at("2026-12-31T00:00:00Z"), Busy::No);
    assert_eq!(host.fired.len(), MAX_WAITING);
    assert_eq!(host.fired.last(), Some(&at("2026-12-31T00:00:00Z")));
    let left_out = host.position.left_out.unwrap();
    assert_eq!(left_out.until.as_millis() + 1, host.fired[0].as_millis());
}

#[test]
fn fires_wait_for_the_run_before_or_are_left_out() {
    let begin = "2026-03-01T12:00:00Z";
    let mut queue = Host::new(daily(Misfire::Once, Overlap::Queue), begin);
    queue.fires(FIRST, Busy::Yes, &[]);
    queue.fires(SECOND, Busy::Yes, &[]);
    assert_eq!(queue.position.waiting, [at(FIRST), at(SECOND)]);
    queue.fires("2026-03-03T08:00:00Z", Busy::No, &[FIRST, SECOND]);

    let mut skip = Host::new(daily(Misfire::Once, Overlap::Skip), begin);
    skip.fires(FIRST, Busy::Yes, &[]);
    assert!(skip.position.waiting.is_empty());
    assert_eq!(skip.position.left_out.unwrap().until, at(FIRST));
    skip.fires("2026-03-02T08:00:00Z", Busy::No, &[]);
    skip.fires(SECOND, Busy::No, &[SECOND]);

    let mut newest = Host::new(daily(Misfire::Once, Overlap::CancelRunning), begin);
    newest.fires(FIRST, Busy::Yes, &[]);
    newest.fires(SECOND, Busy::Yes, &[]);
    assert_eq!(newest.position.waiting, [at(SECOND)]);
    assert_eq!(newest.position.left_out.unwrap().until, at(FIRST));
    newest.fires("2026-03-03T08:00:00Z", Busy::No, &[SECOND]);
}

#[test]
fn what_waits_is_bounded() {
    let mut every_minute = daily(Misfire::Once, Overlap::Queue);
    every_minute.rhythm = Rhythm::Every(Duration::from_secs(60));
    let begin = at("2026-03-01T00:00:00Z");
    let mut host = Host::new(every_minute, "2026-03-01T00:00:00Z");
    for minute in 1..=300 {
        host.turn(begin.plus(Duration::from_secs(minute * 60)), Busy::Yes);
    }
    assert_eq!(host.position.waiting.len(), MAX_WAITING);
    assert_eq!(
        host.position.left_out.unwrap().until,
        begin.plus(Duration::from_secs(300 * 60))
    );
}

#[test]
fn another_schedule_and_the_end_of_a_pause_begin_now() {
    let now = at("2026-03-04T12:00:00Z");
    let mut position = Position::new(Digest::of("old"), at(FIRST));
    position.waiting = vec![at(FIRST)];
    let changed = position.restarted(Digest::of("new"), now);
    assert_eq!((changed.through, changed.waiting.len()), (now, 1));
    position.paused = true;
    let again = position.restarted(Digest::of("old"), now);
    assert_eq!(
        (again.through, again.waiting.len(), again.paused),
        (now, 0, false)
    );
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let misfire = prop::sample::select(vec![Misfire::Skip, Misfire::Once, Misfire::All]);
    let overlap = prop::sample::select(vec![Overlap::Queue, Overlap::Skip]);
    (misfire, overlap, 60_u64..7_200, 0_u64..60).prop_map(|(misfire, overlap, every, jitter)| {
        Schedule {
            rhythm: Rhythm::Every(Duration::from_secs(every)),
            misfire,
            overlap,
            calendar: None,
            jitter: Duration::from_secs(jitter),
        }
    })
}

proptest! {
    #[test]
    fn whatever_happens_each_fire_is_made_once_and_in_order(
        schedule in schedules(),
        turns in prop::collection::vec((1_u64..40_000, any::<bool>()), 1..60),
    ) {
        let begin = "2026-03-01T00:00:00Z";
        let mut host = Host::new(schedule.clone(), begin);
        let (mut now, calendars) = (at(begin), Calendars::new());
        for (seconds, busy) in turns {
            now = now.plus(Duration::from_secs(seconds));
            let wake = host.turn(now, if busy { Busy::Yes } else { Busy::No });
            prop_assert!(wake.is_some_and(|wake| wake > now));
        }
        prop_assert!(host.fired.is_sorted_by(|a, b| a < b), "{:?}", host.fired);
        for planned in &host.fired {
            prop_assert!(schedule.due(&flow(), "schedule", *planned) <= now);
            let before = Timestamp::from_millis(planned.as_millis() - 1);
            prop_assert_eq!(schedule.next_after(&calendars, before), Some(*planned));
        }
        prop_assert!(host.position.waiting.len() <= MAX_WAITING);
    }

    #[test]
    fn a_host_that_is_there_leaves_nothing_out(schedule in schedules(), minutes in 1_u64..600) {
        let begin = "2026-03-01T00:00:00Z";
        let mut host = Host::new(schedule.clone(), begin);
        let (mut now, end) = (at(begin), at(begin).plus(Duration::from_secs(30 * minutes)));
        // It wakes when it asked to be woken: of two fires that are due in one turn,
        // `misfire` may leave out the first.
        while now < end {
            let wake = host.turn(now, Busy::No);
            now = wake.unwrap_or(end).min(end);
        }
        host.turn(now, Busy::No);
        let mut expected = Vec::new();
        let (calendars, mut after) = (Calendars::new(), at(begin));
        while let Some(next) = schedule.next_after(&calendars, after) {
            if schedule.due(&flow(), "schedule", next) > now {
                break;
            }
            expected.push(next);
            after = next;
        }
        prop_assert_eq!(host.fired, expected);
        prop_assert_eq!(host.position.left_out, None);
    }
}
