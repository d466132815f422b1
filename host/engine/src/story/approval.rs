//! What people were asked, and what came of it.

use super::{StepStory, Story, rfc3339_option};
use crate::mask::mask;
use dowel_core::code::run::{APPROVAL_EXPIRED, APPROVAL_REJECTED};
use dowel_core::journal::{ApprovalAsked, Commanded, Event, OnExpiry};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp};
use serde::Serialize;

/// An approval's story.
#[derive(Clone, Debug, Serialize)]
pub struct ApprovalStory {
    /// The question in a line.
    pub title: String,
    /// What the people were shown, masked.
    pub show: JsonText,
    /// The groups that may decide, or that could.
    pub groups: Vec<String>,
    /// People who may not decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// What may be decided.
    pub decisions: Vec<String>,
    /// When it expires.
    #[serde(serialize_with = "rfc3339_option")]
    pub until: Option<Timestamp>,
    /// When further groups may decide, while nobody has.
    #[serde(serialize_with = "rfc3339_option")]
    pub next_escalation: Option<Timestamp>,
    /// How often further groups came to it.
    pub escalated: usize,
    /// What was decided.
    pub decision: Option<String>,
    /// Who decided: a person, or `policy` where nobody did in time.
    pub by: Option<String>,
    /// Why, in their words.
    pub comment: Option<String>,
    #[serde(skip)]
    asked: ApprovalAsked,
}

impl ApprovalStory {
    fn begin(asked: &ApprovalAsked) -> Self {
        Self {
            title: asked.title.clone(),
            show: mask(&asked.show),
            groups: asked.groups.clone(),
            exclude: asked.exclude.clone(),
            decisions: asked.decisions.clone(),
            until: asked.until,
            next_escalation: asked.escalations.first().map(|next| next.at),
            escalated: 0,
            decision: None,
            by: None,
            comment: None,
            asked: asked.clone(),
        }
    }
}

impl Story {
    /// What happened to an approval by itself.
    pub(super) fn add_approval(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ApprovalAsked(asked) => {
                let step = self.step(&asked.path, "approve", at);
                step.status = "waiting";
                step.approval = Some(ApprovalStory::begin(asked));
            }
            Event::ApprovalEscalated { path, index } => {
                let step = self.step(path, "approve", at);
                if let Some(approval) = &mut step.approval {
                    approval.escalated += 1;
                    let escalations = &approval.asked.escalations;
                    if let Some(stage) = escalations.get(*index) {
                        approval.groups.extend(stage.groups.iter().cloned());
                    }
                    approval.next_escalation = escalations.get(index + 1).map(|next| next.at);
                }
            }
            Event::ApprovalExpired { path } => {
                let step = self.step(path, "approve", at);
                let on_expiry = step.approval.as_ref().map(|a| a.asked.on_expiry.clone());
                match on_expiry {
                    Some(OnExpiry::Decide(decision)) => {
                        step.settle(&decision, "policy", None, at);
                    }
                    _ => {
                        let message = "nobody decided in time";
                        let error = StepError::host(ErrorKind::Timeout, APPROVAL_EXPIRED, message);
                        step.fail(at, &error);
                    }
                }
            }
            _ => {}
        }
    }

    /// Somebody decided.
    pub(super) fn answer(
        &mut self,
        path: &StepPath,
        decision: &str,
        commanded: &Commanded,
        at: Timestamp,
    ) {
        let (by, comment) = (commanded.actor.0.as_str(), commanded.reason.as_deref());
        self.step(path, "approve", at)
            .settle(decision, by, comment, at);
    }
}

impl StepStory {
    fn settle(&mut self, decision: &str, by: &str, comment: Option<&str>, at: Timestamp) {
        let mut fails = false;
        if let Some(approval) = &mut self.approval {
            approval.decision = Some(decision.to_owned());
            approval.by = Some(by.to_owned());
            approval.comment = comment.map(str::to_owned);
            approval.next_escalation = None;
            fails = approval.asked.fails_on.as_deref() == Some(decision);
        }
        if fails {
            let message = format!("{decision} by {by}");
            let error = StepError::host(ErrorKind::Rejected, APPROVAL_REJECTED, message);
            self.fail(at, &error);
        } else {
            self.end(at, "succeeded");
        }
    }
}
