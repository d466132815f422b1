//! What reached the upstream: completed steps do not call again, attempts of a step are
//! the same call, and what cannot be repeated is not repeated.

use super::End;
use crate::upstream::Call;
use crate::watch::Told;
use dowel_core::journal::{Command, Event};
use dowel_core::{RunId, StepPath};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(end: &End) {
    let mut by_step: BTreeMap<(RunId, StepPath), Vec<&Call>> = BTreeMap::new();
    let mut by_key: BTreeMap<&str, BTreeSet<(RunId, &StepPath)>> = BTreeMap::new();
    for call in &end.calls {
        let step = (call.run, call.step.clone());
        by_step.entry(step).or_default().push(call);
        let steps = by_key.entry(&call.key).or_default();
        steps.insert((call.run, &call.step));
    }
    for (key, steps) in by_key {
        if steps.len() > 1 {
            let what = format!("the key {key} is used by {steps:?}");
            end.log.violated("attempts-are-one-call", what);
        }
    }
    for ((run, step), calls) in by_step {
        let Some(told) = end.runs.get(&run) else {
            let what = format!("{step} of run {run}, which is not there, has called");
            end.log.violated("acknowledged-is-kept", what);
            continue;
        };
        completed(end, told, &step, &calls);
        same(end, told, &step, &calls);
        unrepeatable(end, told, &step, &calls);
    }
}

/// When a step was completed, in the order of everything that happened.
fn completed_at(told: &Told, step: &StepPath) -> Option<u64> {
    let done = told.entries.iter().find(|(_, entry)| match &entry.event {
        Event::CallSucceeded { path, .. } => path == step,
        Event::Commanded(commanded) => match &commanded.command {
            Command::Skip { path } | Command::Complete { path, .. } => path == step,
            _ => false,
        },
        _ => false,
    });
    done.map(|(tick, _)| *tick)
}

/// Whether a host that was late made the call: it had recorded the intent while it had the
/// run, and another host has gone on since. What it sends is the same call.
fn is_late(told: &Told, call: &Call) -> bool {
    let entries = told.entries.iter().zip(&told.hosts);
    let mut before = entries.filter(|((tick, _), _)| *tick < call.began);
    before
        .next_back()
        .is_some_and(|(_, host)| *host != call.host)
}

fn completed(end: &End, told: &Told, step: &StepPath, calls: &[&Call]) {
    let Some(at) = completed_at(told, step) else {
        return;
    };
    let again = calls.iter().filter(|call| call.began > at);
    for call in again.filter(|call| !is_late(told, call)) {
        let what = format!(
            "{step} of run {} called again by host {}",
            call.run, call.host
        );
        end.log.violated("completed-steps-stay", what);
    }
}

/// Every attempt sends the same bytes under the same key, unless a person edits them.
fn same(end: &End, told: &Told, step: &StepPath, calls: &[&Call]) {
    let sent: BTreeSet<_> = calls.iter().map(|call| (&call.key, &call.input)).collect();
    let edits = told.entries.iter().filter(|(_, entry)| match &entry.event {
        Event::Commanded(commanded) => {
            matches!(&commanded.command, Command::EditInput { path, .. } if path == step)
        }
        _ => false,
    });
    let allowed = 1 + edits.count();
    if sent.len() > allowed {
        let run = told.state.created.run;
        let what = format!("{step} of run {run} sent {} different calls", sent.len());
        end.log.violated("attempts-are-one-call", what);
    }
}

/// Between two calls that may both take effect stands a person.
fn unrepeatable(end: &End, told: &Told, step: &StepPath, calls: &[&Call]) {
    for pair in calls.windows(2) {
        let [before, after] = pair else { continue };
        if before.operation != "none"
            || is_late(told, after)
            || (before.fate.is_surely_void() && before.is_answered)
        {
            continue;
        }
        let decided = told.entries.iter().any(|(tick, entry)| {
            let between = *tick > before.began && *tick < after.began;
            between && matches!(entry.event, Event::Commanded(_))
        });
        if !decided {
            let what = format!(
                "{step} of run {} was repeated although it may have taken effect",
                after.run
            );
            end.log.violated("unknown-outcomes-park", what);
        }
    }
}
