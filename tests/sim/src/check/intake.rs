//! Nothing acknowledged is lost, and no event begins two runs.

use super::End;
use crate::watch::Told;
use dowel_core::RunId;
use dowel_core::journal::{Command, Event};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn check(end: &End) {
    for ack in &end.acks {
        let run = ack.accepted.run();
        match end.runs.get(&run) {
            None => {
                let what = format!(
                    "run {run} of {} was acknowledged and is not there",
                    ack.payload
                );
                end.log.violated("acknowledged-is-kept", what);
            }
            Some(told) if is_drop(end, told) || is_of(told, &ack.payload) => {}
            Some(_) => {
                let what = format!("run {run} is not of {}", ack.payload);
                end.log.violated("acknowledged-is-kept", what);
            }
        }
    }
    once(end);
}

/// A dropped event is answered with the run in whose favour it is dropped.
fn is_drop(end: &End, told: &Told) -> bool {
    end.acks.iter().any(|ack| {
        matches!(ack.accepted, dowel_engine::Accepted::Dropped(run) if run == told.state.created.run)
    })
}

fn is_of(told: &Told, payload: &str) -> bool {
    told.state.created.dedupe_key.as_deref() == Some(payload)
}

/// Runs of one dedupe key are at least its window apart.
fn once(end: &End) {
    let mut by_key: BTreeMap<(String, String), Vec<(RunId, &Told)>> = BTreeMap::new();
    for (run, told) in &end.runs {
        let created = &told.state.created;
        // A person who has a run done again is asked by no key.
        if let (Some(key), None) = (&created.dedupe_key, created.rerun_of) {
            let of = (created.flow.to_string(), key.clone());
            by_key.entry(of).or_default().push((*run, told));
        }
    }
    for ((flow, key), mut runs) in by_key {
        let plan = end.plans.iter().find(|plan| plan.flow.as_str() == flow);
        let window = plan.and_then(|plan| plan.dedupe.as_ref());
        let window = window.map_or(Duration::ZERO, |dedupe| dedupe.window);
        runs.sort_by_key(|(_, told)| told.state.created_at);
        for pair in runs.windows(2) {
            let [(first, before), (second, after)] = pair else {
                continue;
            };
            let apart = after.state.created_at.since(before.state.created_at);
            if apart < window && !gave_key_up(before) {
                let what = format!(
                    "{first} and {second} are both of key {key} of {flow}, {apart:?} apart"
                );
                end.log.violated("one-run-per-dedupe-key", what);
            }
        }
    }
}

/// A person discarded the run and let its key go.
fn gave_key_up(told: &Told) -> bool {
    told.entries.iter().any(|(_, entry)| match &entry.event {
        Event::Commanded(commanded) => commanded.command == Command::Discard { keep_key: false },
        _ => false,
    })
}
