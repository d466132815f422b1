//! The runs that `run` steps began.

use super::{AttemptStory, Story};
use crate::mask::mask;
use dowel_core::journal::{ChildBegan, ChildEnd, Event};
use dowel_core::{FlowName, JsonText, RunId, SendRecord, StepError, StepPath, Timestamp};
use serde::Serialize;

/// A child's story in that of its parent.
#[derive(Clone, Debug, Serialize)]
pub struct ChildStory {
    /// The child.
    pub run: RunId,
    /// Its flow.
    pub flow: FlowName,
    /// Its version.
    pub version: String,
    /// Whether the step goes on without it.
    pub detached: bool,
    /// Where it stands now, or `removed`; not part of the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
}

/// The parent in a child's story.
#[derive(Clone, Debug, Serialize)]
pub struct ParentStory {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// Which child of the step, from 1.
    pub attempt: u32,
    /// Whether the parent does not wait for it.
    pub detached: bool,
}

impl Story {
    /// What happened to a `run` step.
    pub(super) fn add_child(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ChildBegan(began) => self.begin_child(began, at),
            Event::ChildReplaced { path, run, .. } => {
                if let Some(child) = &mut self.step(path, "run", at).child {
                    child.run = *run;
                }
            }
            Event::ChildEnded {
                path,
                attempt,
                run,
                end,
            } => {
                let step = self.step(path, "run", at);
                if let Some(child) = &mut step.child {
                    child.run = *run;
                }
                let error = match end {
                    ChildEnd::Failed { error } => Some(error),
                    ChildEnd::Succeeded { .. } | ChildEnd::Cancelled {} => None,
                };
                if let ChildEnd::Succeeded { output } = end {
                    step.output = Some(mask(output));
                }
                step.attempt(*attempt, at)
                    .end(at, SendRecord::Answered, error);
            }
            Event::ChildConcluded { path, output } => {
                let step = self.step(path, "run", at);
                if let Some(output) = output {
                    step.output = Some(mask(output));
                }
                step.end(at, "succeeded");
            }
            Event::ChildFailed {
                path,
                attempt,
                error,
                retry_at,
                payload,
            } => self.retry_child(path, *attempt, error, (*retry_at, at), payload.as_ref()),
            _ => {}
        }
    }

    fn begin_child(&mut self, began: &ChildBegan, at: Timestamp) {
        let step = self.step(&began.path, "run", at);
        step.status = "waiting";
        if let Some(payload) = &began.payload {
            step.input = Some(mask(payload));
        }
        step.child = Some(ChildStory {
            run: began.run,
            flow: began.flow.clone(),
            version: began.version.to_string(),
            detached: began.detached,
            status: None,
        });
        step.attempts.push(AttemptStory::begin(began.attempt, at));
        if began.detached {
            let id = JsonText::string(&began.run.to_string());
            step.output = Some(JsonText::object([("run", &id)]));
            step.attempt(began.attempt, at)
                .end(at, SendRecord::Answered, None);
            step.end(at, "succeeded");
        }
    }

    fn retry_child(
        &mut self,
        path: &StepPath,
        attempt: u32,
        error: &StepError,
        (retry_at, at): (Timestamp, Timestamp),
        payload: Option<&JsonText>,
    ) {
        let step = self.step(path, "run", at);
        step.status = "waiting";
        if let Some(payload) = payload {
            step.input = Some(mask(payload));
        }
        let attempt = step.attempt(attempt, at);
        attempt.end(at, SendRecord::Answered, Some(error));
        attempt.retry_at = Some(retry_at);
    }
}
