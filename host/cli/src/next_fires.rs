//! The next fires of schedules, for `dowel check --next`.

use dowel_core::Timestamp;
use dowel_flow::plan::{Plan, TriggerKind};
use dowel_flow::schedule::Rhythm;
use serde::Serialize;
use std::fmt::Write;

/// The next fires of one trigger.
#[derive(Debug, Serialize)]
pub(crate) struct NextFires {
    flow: String,
    trigger: String,
    /// Planned times, as UTC.
    next: Vec<String>,
    /// The same as the clocks of the schedule's zone show them.
    #[serde(skip)]
    local: Vec<String>,
}

/// The first `count` fires after `now` of every schedule.
pub(crate) fn next_fires(plans: &[Plan], now: Timestamp, count: usize) -> Vec<NextFires> {
    let mut all = Vec::new();
    for plan in plans {
        for trigger in &plan.triggers {
            let TriggerKind::Schedule(schedule) = &trigger.kind else {
                continue;
            };
            let mut fires = NextFires {
                flow: plan.flow.to_string(),
                trigger: trigger.name.clone(),
                next: Vec::new(),
                local: Vec::new(),
            };
            let mut after = now;
            for _ in 0..count {
                let Some(next) = schedule.next_after(&plan.calendars, after) else {
                    break;
                };
                fires.next.push(next.to_string());
                fires.local.push(match &schedule.rhythm {
                    Rhythm::Cron { timezone, .. } => timezone.show(next),
                    Rhythm::Every(_) => next.to_string(),
                });
                after = next;
            }
            all.push(fires);
        }
    }
    all
}

/// The same for people.
pub(crate) fn human(all: &[NextFires]) -> String {
    let mut out = String::new();
    for fires in all {
        let _ = writeln!(out, "{} {} fires next:", fires.flow, fires.trigger);
        for local in &fires.local {
            let _ = writeln!(out, "  {local}");
        }
    }
    out
}
