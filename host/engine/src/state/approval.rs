//! Approvals: what was asked, who may decide, and how it ended.

use super::{Failed, RunState, StepState};
use dowel_core::code::run::{APPROVAL_EXPIRED, APPROVAL_REJECTED};
use dowel_core::code::{self, Code};
use dowel_core::journal::{ApprovalAsked, Commanded, OnExpiry};
use dowel_core::{ErrorKind, JsonText, StepError, StepPath, Timestamp};
use dowel_flow::policy::same_person;
use std::sync::Arc;

/// Who decides an approval that nobody has decided in time, as results name it.
const POLICY: &str = "policy";

/// An approval that nobody has decided.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalState {
    /// What was asked.
    pub asked: Arc<ApprovalAsked>,
    /// When.
    pub asked_at: Timestamp,
    /// Position of the question in the journal.
    pub seq: u64,
    /// How many escalations have come.
    pub escalated: usize,
}

impl ApprovalState {
    /// The groups that may decide now.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let come = self.asked.escalations.iter().take(self.escalated);
        let further = come.flat_map(|escalation| &escalation.groups);
        self.asked.groups.iter().chain(further).map(String::as_str)
    }
}

/// How an approval ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The decision; none where it expired and the step failed.
    pub decision: Option<String>,
    /// Who made it.
    pub by: String,
}

/// Why somebody's decision about an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionRefused {
    /// There is no open approval at this path.
    #[error("step `{0}` asks nobody now")]
    Unknown(StepPath),
    /// Somebody was faster, or it has expired.
    #[error("step `{path}` has been decided already: {decision}, by {by}")]
    Decided {
        /// The step.
        path: StepPath,
        /// What was decided.
        decision: String,
        /// Who did.
        by: String,
    },
    /// Not one of the decisions.
    #[error("step `{path}` asks for one of {offered}, not for `{decision}`")]
    NoSuchDecision {
        /// The step.
        path: StepPath,
        /// What was wanted.
        decision: String,
        /// What there is.
        offered: String,
    },
    /// The flow excludes the person.
    #[error("{0} is excluded from this decision")]
    Excluded(String),
    /// The person is in none of the groups.
    #[error("{person} is in none of the groups that may decide: {groups}")]
    NotInGroup {
        /// Who.
        person: String,
        /// The groups.
        groups: String,
    },
}

impl DecisionRefused {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unknown(_) => code::approval::APPROVAL_UNKNOWN,
            Self::Decided { .. } => code::approval::APPROVAL_DECIDED,
            Self::NoSuchDecision { .. } => code::approval::APPROVAL_NO_SUCH_DECISION,
            Self::Excluded(_) => code::approval::APPROVAL_EXCLUDED,
            Self::NotInGroup { .. } => code::approval::APPROVAL_NOT_IN_GROUP,
        }
    }
}

impl RunState {
    /// The approvals that wait for a decision; none while the run waits for something
    /// else as a whole, or ends.
    pub fn open_approvals(&self) -> impl Iterator<Item = &ApprovalState> {
        let ends = self.status.is_at_rest() || self.cancel.is_some() || self.compensation.is_some();
        let steps = self.steps.values().filter(move |_| !ends);
        steps.filter_map(|step| match step {
            StepState::Asking(approval) => Some(approval),
            _ => None,
        })
    }

    /// Whether a person who is in these groups may decide this.
    pub fn may_decide(
        &self,
        path: &StepPath,
        decision: &str,
        person: &str,
        groups: &[String],
    ) -> Result<&ApprovalState, DecisionRefused> {
        let mut open = self.open_approvals();
        let Some(approval) = open.find(|open| open.asked.path == *path) else {
            return Err(match self.approvals.get(path) {
                Some(settled) => DecisionRefused::Decided {
                    path: path.clone(),
                    decision: settled.decision.clone().unwrap_or_else(|| "expired".into()),
                    by: settled.by.clone(),
                },
                None => DecisionRefused::Unknown(path.clone()),
            });
        };
        let asked = &approval.asked;
        if !asked.decisions.iter().any(|offered| offered == decision) {
            return Err(DecisionRefused::NoSuchDecision {
                path: path.clone(),
                decision: decision.to_owned(),
                offered: asked.decisions.join(", "),
            });
        }
        let mut excluded = asked.exclude.iter().chain(&self.editors);
        if excluded.any(|other| same_person(other, person)) {
            return Err(DecisionRefused::Excluded(person.to_owned()));
        }
        let mut open_to = approval.groups();
        if !open_to.any(|group| groups.iter().any(|one| one == group)) {
            return Err(DecisionRefused::NotInGroup {
                person: person.to_owned(),
                groups: approval.groups().collect::<Vec<_>>().join(", "),
            });
        }
        Ok(approval)
    }

    pub(super) fn ask(&mut self, asked: &ApprovalAsked, at: Timestamp) -> Result<(), String> {
        let approval = ApprovalState {
            asked: Arc::new(asked.clone()),
            asked_at: at,
            seq: self.next_seq,
            escalated: 0,
        };
        self.begin_step(&asked.path, StepState::Asking(approval))?;
        self.approvals.remove(&asked.path);
        self.wait_unless_busy();
        Ok(())
    }

    pub(super) fn escalate(&mut self, path: &StepPath, index: usize) -> Result<(), String> {
        match self.steps.get_mut(path) {
            Some(StepState::Asking(approval))
                if approval.escalated == index && index < approval.asked.escalations.len() =>
            {
                approval.escalated += 1;
            }
            _ => return Err(format!("step `{path}` has no escalation {index} to come")),
        }
        self.wait_unless_busy();
        Ok(())
    }

    pub(super) fn expire(&mut self, path: &StepPath, at: Timestamp) -> Result<(), String> {
        let asked = match self.steps.get(path) {
            Some(StepState::Asking(approval)) if approval.asked.until.is_some() => {
                Arc::clone(&approval.asked)
            }
            _ => return Err(format!("step `{path}` has nothing that could expire")),
        };
        match &asked.on_expiry {
            OnExpiry::Decide(decision) => self.end_approval(&asked, decision, POLICY, None, at),
            OnExpiry::Fail => {
                let message = "nobody decided in time";
                let error = StepError::host(ErrorKind::Timeout, APPROVAL_EXPIRED, message);
                self.end_approval_with(&asked, None, POLICY, failed(error));
            }
        }
        Ok(())
    }

    pub(super) fn decide(
        &mut self,
        path: &StepPath,
        decision: &str,
        groups: &[String],
        commanded: &Commanded,
        at: Timestamp,
    ) -> Result<(), String> {
        let person = commanded.actor.0.as_str();
        let open = self.may_decide(path, decision, person, groups);
        let asked = match open {
            Ok(approval) => Arc::clone(&approval.asked),
            Err(refused) => return Err(refused.to_string()),
        };
        let comment = commanded.reason.as_deref();
        self.end_approval(&asked, decision, person, comment, at);
        Ok(())
    }

    fn end_approval(
        &mut self,
        asked: &ApprovalAsked,
        decision: &str,
        by: &str,
        comment: Option<&str>,
        at: Timestamp,
    ) {
        let end = if asked.fails_on.as_deref() == Some(decision) {
            let comment = comment.map(|text| format!(": {text}")).unwrap_or_default();
            let message = format!("{decision} by {by}{comment}");
            failed(StepError::host(
                ErrorKind::Rejected,
                APPROVAL_REJECTED,
                message,
            ))
        } else {
            let comment = comment.map_or_else(JsonText::null, JsonText::string);
            self.done(JsonText::object([
                ("decision", &JsonText::string(decision)),
                ("by", &JsonText::string(by)),
                ("at", &JsonText::string(&at.to_string())),
                ("comment", &comment),
            ]))
        };
        self.end_approval_with(asked, Some(decision), by, end);
    }

    fn end_approval_with(
        &mut self,
        asked: &ApprovalAsked,
        decision: Option<&str>,
        by: &str,
        end: StepState,
    ) {
        let settled = Settled {
            decision: decision.map(str::to_owned),
            by: by.to_owned(),
        };
        self.approvals.insert(asked.path.clone(), settled);
        self.put(&asked.path, end);
    }

    /// The run has gone on without the answers and events that were waited for in this
    /// place.
    pub(super) fn withdraw_questions(&mut self, within: &str) {
        for (path, step) in &mut self.steps {
            let is_open = matches!(step, StepState::Asking(_) | StepState::Receiving(_));
            if is_open && path.as_str().starts_with(within) {
                *step = StepState::Skipped;
            }
        }
    }
}

fn failed(error: StepError) -> StepState {
    StepState::Failed(Failed {
        error,
        call: None,
        child: None,
        deliberate: false,
        handled: false,
    })
}
