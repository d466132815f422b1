//! The schedules as people see them.

use super::position::{Named, Position};
use super::{positions, read};
use crate::engine::Shared;
use crate::keys;
use dowel_core::port::StoreError;
use dowel_core::{FlowName, RunId, Timestamp};
use dowel_flow::plan::TriggerKind;
use dowel_flow::schedule::Schedule;
use std::collections::BTreeMap;

/// A schedule of an active flow.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// The flow.
    pub flow: FlowName,
    /// The version that is active.
    pub version: semver::Version,
    /// The trigger's name.
    pub trigger: String,
    /// When it fires.
    pub schedule: Schedule,
    /// The planned time of the next fire.
    pub next: Option<Timestamp>,
    /// When the next fire is due, jitter included.
    pub next_due: Option<Timestamp>,
    /// The last fire.
    pub last: Option<FireStatus>,
    /// Planned times of fires that wait for the run of the last one.
    pub waiting: Vec<Timestamp>,
    /// The last fires that were left out: planned after the first time, up to the second.
    pub left_out: Option<(Timestamp, Timestamp)>,
}

/// A fire that began a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FireStatus {
    /// The planned time.
    pub planned: Timestamp,
    /// When the run began.
    pub fired_at: Timestamp,
    /// The run.
    pub run: RunId,
}

/// All schedules of active flows, by flow and trigger.
pub(crate) async fn list(shared: &Shared) -> Result<Vec<ScheduleStatus>, StoreError> {
    let mut known = BTreeMap::new();
    for (key, bytes) in positions(shared).await? {
        if let (Some(name), Some(position)) = (keys::schedule_at(&key), read(&bytes)) {
            known.insert(name, position);
        }
    }
    let mut all = Vec::new();
    for plan in shared.plans.all() {
        for trigger in &plan.plan.triggers {
            if let TriggerKind::Schedule(schedule) = &trigger.kind {
                let named = Named {
                    flow: &plan.plan.flow,
                    trigger: &trigger.name,
                    schedule,
                    calendars: &plan.plan.calendars,
                };
                let name = (plan.plan.flow.clone(), trigger.name.clone());
                let position = known.remove(&name);
                let now = shared.ports.clock.now();
                let version = plan.plan.version.clone();
                all.push(status(named, version, position.as_ref(), now));
            }
        }
    }
    all.sort_by(|a, b| (&a.flow, &a.trigger).cmp(&(&b.flow, &b.trigger)));
    Ok(all)
}

fn status(
    named: Named<'_>,
    version: semver::Version,
    position: Option<&Position>,
    now: Timestamp,
) -> ScheduleStatus {
    let next = named.next_after(position.map_or(now, |position| position.through));
    ScheduleStatus {
        flow: named.flow.clone(),
        version,
        trigger: named.trigger.to_owned(),
        schedule: named.schedule.clone(),
        next,
        next_due: next.map(|next| named.due(next)),
        last: position.and_then(|p| p.last).map(|last| FireStatus {
            planned: last.planned,
            fired_at: last.fired_at,
            run: last.run,
        }),
        waiting: position.map(|p| p.waiting.clone()).unwrap_or_default(),
        left_out: position
            .and_then(|p| p.left_out)
            .map(|left_out| (left_out.after, left_out.until)),
    }
}
