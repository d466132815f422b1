//! Where a schedule stands, and what it does next. Pure: the clock and the store are the
//! caller's.

use dowel_core::{Digest, FlowName, RunId, Timestamp};
use dowel_flow::plan::Calendars;
use dowel_flow::schedule::{Misfire, Overlap, Schedule};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A fire that is this late is still on time: a busy host is not a missing one.
const ON_TIME: Duration = Duration::from_secs(60);

/// The most fires that are made up for after a downtime, and that wait for the run
/// before: whoever was away for longer wants the latest, not all of them.
pub(crate) const MAX_WAITING: usize = 100;

/// The first stretch of the past that is searched for missed fires; it doubles until
/// there are enough.
const FIRST_STRETCH: Duration = Duration::from_secs(3_600);

/// Where a schedule stands. Kept in the store by flow name and trigger, so that a new
/// version goes on where the old one was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Digest of the schedule that it was made for.
    pub(crate) schedule: Digest,
    /// Every planned time up to here has been decided on.
    pub(crate) through: Timestamp,
    /// Planned times that were decided on and have no run yet, the oldest first.
    #[serde(default)]
    pub(crate) waiting: Vec<Timestamp>,
    /// The last fire that began a run.
    #[serde(default)]
    pub(crate) last: Option<LastFire>,
    /// The last fires that were left out.
    #[serde(default)]
    pub(crate) left_out: Option<LeftOut>,
    /// Whether the flow was disabled or absent when a host last looked.
    #[serde(default)]
    pub(crate) paused: bool,
}

/// A fire that began a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastFire {
    pub(crate) planned: Timestamp,
    pub(crate) fired_at: Timestamp,
    pub(crate) run: RunId,
}

/// Fires that were left out: all that were planned after one time and up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) after: Timestamp,
    pub(crate) until: Timestamp,
}

/// A schedule with its names.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) flow: &'a FlowName,
    pub(crate) trigger: &'a str,
    pub(crate) schedule: &'a Schedule,
    pub(crate) calendars: &'a Calendars,
}

/// What a schedule does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing before this time, or never. The end of the last run may change that.
    Wait(Option<Timestamp>),
    /// The position moves, and nothing else happens.
    Move(Position),
    /// A run begins for this planned time. The position lacks its `last`.
    Fire(Timestamp, Position),
}

impl Position {
    /// A schedule that is seen for the first time: nothing in the past fires.
    pub(crate) fn new(schedule: Digest, now: Timestamp) -> Self {
        Self {
            schedule,
            through: now,
            waiting: Vec::new(),
            last: None,
            left_out: None,
            paused: false,
        }
    }

    /// The same for another schedule, or after a pause: it begins now, since what lies
    /// in the past was planned by nobody, or not wanted.
    pub(crate) fn restarted(&self, schedule: Digest, now: Timestamp) -> Self {
        let waiting = if self.paused {
            Vec::new()
        } else {
            self.waiting.clone()
        };
        Self {
            schedule,
            through: self.through.max(now),
            waiting,
            paused: false,
            ..self.clone()
        }
    }

    /// What is next at `now`. `busy`: the run of the last fire is unfinished.
    pub(crate) fn step(&self, named: Named<'_>, now: Timestamp, busy: Busy) -> Step {
        let mut moved = self.clone();
        moved.decide(named, now);
        match named.schedule.overlap {
            Overlap::Skip if busy == Busy::Yes => moved.leave_out_waiting(),
            // Each fire takes the place of the one before, also of one that waits.
            Overlap::CancelRunning => moved.leave_out_all_but_last(),
            Overlap::Skip | Overlap::Queue => {}
        }
        if busy == Busy::No && !moved.waiting.is_empty() {
            let planned = moved.waiting.remove(0);
            return Step::Fire(planned, moved);
        }
        if moved == *self {
            return Step::Wait(self.next_due(named));
        }
        Step::Move(moved)
    }

    /// The same with everything left out that is due or waits: nobody wants it.
    pub(crate) fn without_due(&self, named: Named<'_>, now: Timestamp) -> Self {
        let mut moved = self.clone();
        moved.decide(named, now);
        moved.leave_out_waiting();
        moved
    }

    /// When the next fire is due, apart from those that wait.
    pub(crate) fn next_due(&self, named: Named<'_>) -> Option<Timestamp> {
        let next = named.next_after(self.through)?;
        Some(named.due(next))
    }

    /// Decides on everything that has become due.
    fn decide(&mut self, named: Named<'_>, now: Timestamp) {
        let wanted = match named.schedule.misfire {
            Misfire::All => MAX_WAITING,
            Misfire::Once | Misfire::Skip => 1,
        };
        let (mut due, complete) = named.last_due(self.through, now, wanted);
        let Some(latest) = due.last().copied() else {
            return;
        };
        let is_late = now.since(named.due(latest)) > ON_TIME;
        if !complete && let Some(first) = due.first() {
            // Nothing is planned between the last one left out and the first one kept.
            let until = Timestamp::from_millis(first.as_millis() - 1);
            self.leave_out(self.through, until);
        }
        if is_late && named.schedule.misfire == Misfire::Skip {
            self.leave_out(self.through, latest);
            due.clear();
        }
        self.through = latest;
        for planned in due {
            if self.waiting.len() == MAX_WAITING {
                self.leave_out(Timestamp::from_millis(planned.as_millis() - 1), planned);
            } else {
                self.waiting.push(planned);
            }
        }
    }

    fn leave_out_waiting(&mut self) {
        if let (Some(first), Some(last)) = (self.waiting.first(), self.waiting.last()) {
            self.leave_out(Timestamp::from_millis(first.as_millis() - 1), *last);
            self.waiting.clear();
        }
    }

    fn leave_out_all_but_last(&mut self) {
        if let Some(last) = self.waiting.pop() {
            self.leave_out_waiting();
            self.waiting.push(last);
        }
    }

    /// Stretches that touch become one.
    fn leave_out(&mut self, after: Timestamp, until: Timestamp) {
        let before = self.left_out.filter(|before| before.until >= after);
        self.left_out = Some(LeftOut {
            after: before.map_or(after, |before| before.after.min(after)),
            until: before.map_or(until, |before| before.until.max(until)),
        });
    }
}

/// Whether the run of the last fire is unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    Yes,
    No,
}

impl Named<'_> {
    pub(crate) fn next_after(self, after: Timestamp) -> Option<Timestamp> {
        self.schedule.next_after(self.calendars, after)
    }

    pub(crate) fn due(self, planned: Timestamp) -> Timestamp {
        self.schedule.due(self.flow, self.trigger, planned)
    }

    /// The last `wanted` fires after `from` that are due at `now`, and whether they are
    /// all of them. Looks back as far as it has to: after a year of downtime a schedule
    /// of every second has more fires than anybody wants to list.
    fn last_due(self, from: Timestamp, now: Timestamp, wanted: usize) -> (Vec<Timestamp>, bool) {
        let mut stretch = FIRST_STRETCH.max(self.schedule.jitter * 2);
        loop {
            let back = now
                .as_millis()
                .saturating_sub(dowel_core::time::millis(stretch));
            let start = from.max(Timestamp::from_millis(back));
            let mut found = self.due_between(start, now);
            if start == from || found.len() > wanted {
                let complete = found.len() <= wanted;
                found.drain(..found.len().saturating_sub(wanted));
                return (found, complete);
            }
            stretch *= 2;
        }
    }

    fn due_between(self, start: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let mut next = self.next_after(start);
        while let Some(planned) = next.filter(|planned| self.due(*planned) <= now) {
            found.push(planned);
            next = self.next_after(planned);
        }
        found
    }
}

#[cfg(test)]
mod tests;
