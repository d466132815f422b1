//! How steps and their attempts begin and end in a story.

use super::{AttemptStory, StepStory};
use dowel_core::{SendRecord, StepError, StepPath, Timestamp};

impl StepStory {
    pub(super) fn begin(path: &StepPath, kind: &'static str, at: Timestamp) -> Self {
        Self {
            path: path.clone(),
            kind,
            status: "running",
            connection: None,
            operation: None,
            idempotency_key: None,
            input: None,
            output: None,
            error: None,
            started_at: at,
            ended_at: None,
            attempts: Vec::new(),
            held: Vec::new(),
            approval: None,
            receive: None,
            child: None,
        }
    }

    /// A person had the step tried again.
    pub(super) fn reopen(&mut self) {
        self.status = "waiting";
        self.ended_at = None;
        self.error = None;
    }

    pub(super) fn fail(&mut self, at: Timestamp, error: &StepError) {
        self.error = Some(error.clone());
        self.end(at, "failed");
    }

    pub(super) fn end(&mut self, at: Timestamp, status: &'static str) {
        self.ended_at = Some(at);
        self.status = status;
    }

    pub(super) fn attempt(&mut self, number: u32, started_at: Timestamp) -> &mut AttemptStory {
        let index = self
            .attempts
            .iter()
            .position(|attempt| attempt.number == number)
            .unwrap_or_else(|| {
                self.attempts.push(AttemptStory::begin(number, started_at));
                self.attempts.len() - 1
            });
        &mut self.attempts[index]
    }
}

impl AttemptStory {
    pub(super) const fn begin(number: u32, started_at: Timestamp) -> Self {
        Self {
            number,
            started_at,
            ended_at: None,
            sent: None,
            error: None,
            retry_at: None,
        }
    }

    pub(super) fn end(&mut self, at: Timestamp, sent: SendRecord, error: Option<&StepError>) {
        self.ended_at = Some(at);
        self.sent = Some(sent);
        self.error = error.cloned();
    }
}
