//! A run that another one began is in the journals of both, and is begun once; a
//! schedule begins one run at a time of its own.

use super::End;
use crate::flows::TICKER;
use crate::watch::Told;
use dowel_core::RunId;
use dowel_core::journal::Event;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(end: &End) {
    let mut begun: BTreeMap<RunId, usize> = BTreeMap::new();
    for (parent, told) in &end.runs {
        for (_, entry) in &told.entries {
            let Event::ChildBegan(began) = &entry.event else {
                continue;
            };
            *begun.entry(began.run).or_default() += 1;
            let child = end.runs.get(&began.run);
            let named = child.and_then(|child| child.state.created.parent.as_ref());
            let agrees = named.is_some_and(|named| {
                named.run == *parent && named.step == began.path && named.attempt == began.attempt
            });
            if !agrees {
                let what = format!("{parent} began {}, which says {named:?}", began.run);
                end.log.violated("children-begin-once", what);
            }
        }
    }
    for (run, told) in &end.runs {
        let created = &told.state.created;
        // A person may have one done again, for which no step waits.
        let expected = usize::from(created.parent.is_some() && created.rerun_of.is_none());
        let times = begun.get(run).copied().unwrap_or_default();
        if times != expected {
            let what = format!("run {run} was begun by {times} steps");
            end.log.violated("children-begin-once", what);
        }
    }
    fires(end);
}

/// The times at which the schedule was due, each once.
fn fires(end: &End) {
    let is_fire = |told: &&Told| {
        let created = &told.state.created;
        created.flow.as_str() == TICKER && created.rerun_of.is_none()
    };
    let mut seen = BTreeSet::new();
    for told in end.runs.values().filter(is_fire) {
        let fields = told.state.created.payload.fields().unwrap_or_default();
        let at = fields.into_iter().find(|(name, _)| *name == "scheduled_at");
        let at = at.and_then(|(_, at)| at.as_string()).unwrap_or_default();
        if at.is_empty() || !seen.insert(at.clone()) {
            let run = told.state.created.run;
            let what = format!("run {run} is a second one of the schedule at `{at}`");
            end.log.violated("schedules-fire-once", what);
        }
    }
}
