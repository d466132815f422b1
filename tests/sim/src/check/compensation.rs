//! What has succeeded is undone in reverse order, all of it, or a person is asked about
//! the step that is next.

use super::End;
use crate::upstream::Call;
use crate::watch::Told;
use dowel_core::StepPath;
use dowel_core::journal::{Command, Entry, Event};
use dowel_engine::state::RunStatus;
use dowel_flow::plan::Plan;
use std::collections::BTreeMap;

pub(super) fn check(end: &End) {
    for told in end.runs.values() {
        let Some(plan) = end.plan(told) else { continue };
        let mut saga = Saga {
            end,
            told,
            plan,
            done: Vec::new(),
            due: None,
            undone: Vec::new(),
        };
        for (_, entry) in &told.entries {
            saga.read(entry);
        }
        saga.at_end();
    }
}

/// The reading of one run's journal.
struct Saga<'e> {
    end: &'e End,
    told: &'e Told,
    plan: &'e Plan,
    /// Completed steps that can be undone, in the order of their completion.
    done: Vec<StepPath>,
    /// What is to be undone, the next one at the end.
    due: Option<Vec<StepPath>>,
    /// What the journal says was undone by a call, in order.
    undone: Vec<StepPath>,
}

impl Saga<'_> {
    fn violated(&self, what: &str) {
        let run = self.told.state.created.run;
        let what = format!("run {run}: {what}");
        self.end.log.violated("compensation", what);
    }

    fn read(&mut self, entry: &Entry) {
        match &entry.event {
            Event::CallSucceeded { path, .. } => {
                self.complete(path);
                if path.is_compensation() {
                    self.undone.push(path.clone());
                }
            }
            Event::Commanded(commanded) => match &commanded.command {
                Command::Complete { path, .. } => self.complete(path),
                Command::Skip { path } if path.is_compensation() => self.complete(path),
                // A person takes it as it is.
                Command::Discard { .. } => self.due = None,
                Command::Compensate => self.due = Some(self.done.clone()),
                _ => {}
            },
            Event::CompensationBegan { within, .. } => {
                let inside = |path: &&StepPath| path.as_str().starts_with(within.as_str());
                self.due = Some(self.done.iter().filter(inside).cloned().collect());
            }
            Event::CompensationEnded {} => {
                self.all_undone();
            }
            Event::Compensated { .. } => {
                if self.due.is_none() {
                    self.violated("compensated without having begun to");
                }
                self.all_undone();
            }
            Event::Cancelled {} => self.all_undone(),
            _ => {}
        }
    }

    fn complete(&mut self, path: &StepPath) {
        if !path.is_compensation() {
            let step = self.plan.step_at(path);
            if step.is_some_and(|step| step.compensate.is_some()) {
                self.done.push(path.clone());
            }
            return;
        }
        let next = self.due.as_mut().and_then(Vec::pop);
        match next {
            Some(next) if next.compensation() == *path => {
                self.done.retain(|done| *done != next);
            }
            Some(next) => {
                let what = format!("{path} came before that of {next}");
                self.violated(&what);
            }
            None => self.violated(&format!("{path} undoes what is not to be undone")),
        }
    }

    fn all_undone(&mut self) {
        if let Some(due) = self.due.take()
            && !due.is_empty()
        {
            self.violated(&format!("it ended with {due:?} not undone"));
        }
    }

    /// A run that waits for a person names the step that is next; and the upstream saw
    /// the same order as the journal.
    fn at_end(&self) {
        let state = &self.told.state;
        if let (RunStatus::Parked, Some(due)) = (state.status, &self.due) {
            let named = state.error.as_ref().and_then(|(_, path)| path.clone());
            let next = due.last().map(StepPath::compensation);
            if named != next {
                self.violated(&format!(
                    "it is parked at {named:?}, {next:?} is to be undone"
                ));
            }
        }
        let run = state.created.run;
        let mut first: BTreeMap<&StepPath, u64> = BTreeMap::new();
        let of_run = |call: &&Call| call.run == run && call.step.is_compensation();
        for call in self.end.calls.iter().filter(of_run) {
            if let Some(effect) = call.effect {
                let at = first.entry(&call.step).or_insert(effect);
                *at = effect.min(*at);
            }
        }
        let mut last = 0;
        for path in &self.undone {
            match first.get(path) {
                Some(at) if *at > last => last = *at,
                Some(_) => {
                    self.violated(&format!("the upstream saw {path} before the one before it"));
                }
                None => self.violated(&format!("the upstream never saw {path}")),
            }
        }
    }
}
