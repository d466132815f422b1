//! Items of the exception desk: what waits for a person, and why.

use crate::conceal::Concealer;
use crate::plans::ActivePlan;
use crate::state::{RunState, RunStatus, StepState};
use dowel_core::journal::KeyPlace;
use dowel_core::manifest::Idempotency;
use dowel_core::{Digest, ErrorKind, FlowName, RunId, StepError, StepPath, Timestamp};
use dowel_flow::plan::StepKind;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How soon somebody should have looked at an item whose flow promises nothing: a working
/// day, wherever it begins.
const DEFAULT_DUE: Duration = Duration::from_secs(24 * 3_600);

/// The longest step and code in the name of a group, in bytes: keys are bounded.
const MAX_NAME: usize = 200;

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemClass {
    /// A run that waits for a person.
    Parked,
    /// A run that has failed.
    Failed,
    /// A run that could not undo everything.
    CompensationFailed,
    /// An item of a loop that failed and was left behind.
    LoopItem,
    /// A payload from outside that its flow did not take.
    Quarantined,
}

/// What a person would usually do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recommended {
    /// Try again: the cause passes by itself.
    Retry,
    /// Mend the credential or the permission, then try again.
    MendAccess,
    /// Look in the upstream whether the effect is there, then complete or try again.
    LookUpstream,
    /// Correct the input of the call.
    EditInput,
    /// Correct the flow or the connector, then go on with the new version.
    MendFlow,
    /// Undo by hand what could not be undone, then complete the step.
    UndoByHand,
    /// Look why the flow says so, then run the event again or discard the run.
    Rerun,
    /// Mend the flow or the payload, then submit it again.
    Resubmit,
}

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Identifies it: the run's id, where it is about a run as a whole.
    pub id: RunId,
    /// What it is about.
    pub class: ItemClass,
    /// The flow.
    pub flow: FlowName,
    /// The version of the flow, where there is a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<semver::Version>,
    /// Git commit of the flow, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The plan's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPath>,
    /// The loop and the index of its item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_item: Option<(StepPath, usize)>,
    /// The error's code.
    pub code: String,
    /// The error's kind.
    pub kind: ErrorKind,
    /// One sentence, without values.
    pub message: String,
    /// Attempts of the call, or runs that the step began; of a payload, how often it came.
    #[serde(default)]
    pub attempts: u32,
    /// What a person would usually do.
    pub recommended: Recommended,
    /// Who answers for the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The flow's runbook, relative to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The business key of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The run's place among those of the same concurrency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_place: Option<KeyPlace>,
    /// When it began to wait for a person.
    pub opened_at: Timestamp,
    /// When somebody should have decided.
    pub due_at: Timestamp,
    /// Whether the run is made up, to check others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
}

/// Items with the same cause, as far as one can see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The flow.
    pub flow: FlowName,
    /// The step, without the indexes of items; empty for none.
    pub step: String,
    /// The error's code.
    pub code: String,
}

impl Group {
    /// Adds its name to a key.
    pub(super) fn write(&self, key: &mut Vec<u8>) {
        for part in [self.flow.as_str(), &self.step, &self.code] {
            key.extend_from_slice(part.as_bytes());
            key.push(0);
        }
    }

    /// The group that is named after a prefix of `skip` bytes.
    pub(super) fn read(key: &[u8], skip: usize) -> Option<Self> {
        let mut parts = key.get(skip..)?.splitn(4, |byte| *byte == 0);
        let mut next = || std::str::from_utf8(parts.next()?).ok();
        Some(Self {
            flow: FlowName::new(next()?).ok()?,
            step: next()?.to_owned(),
            code: next()?.to_owned(),
        })
    }
}

/// The beginning of a text, without zero bytes: they end names in keys.
fn clip(text: &str) -> String {
    let mut end = text.len().min(MAX_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].replace('\0', "")
}

/// A step's path without the indexes of items.
pub(crate) fn without_indexes(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(open) = rest.find('[') {
        let close = rest[open..].find(']').map_or(rest.len(), |at| open + at);
        out.push_str(&rest[..=open]);
        let name = &rest[open + 1..close];
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push_str(name);
        }
        rest = &rest[close..];
    }
    out.push_str(rest);
    out
}

impl Item {
    /// Its group.
    pub fn group(&self) -> Group {
        let step = self
            .step
            .as_ref()
            .map(|path| without_indexes(path.as_str()));
        Group {
            flow: self.flow.clone(),
            step: clip(&step.unwrap_or_default()),
            code: clip(&self.code),
        }
    }

    /// The item of a run, if it waits for a person.
    pub(crate) fn of(plan: &ActivePlan, state: &RunState) -> Option<Self> {
        if !state.status.is_open_to_decision() || state.rerun_as.is_some() {
            return None;
        }
        let (error, path) = state.error.as_ref()?;
        let class = match (state.status, &state.compensation) {
            (RunStatus::Failed, _) => ItemClass::Failed,
            (_, Some(_)) => ItemClass::CompensationFailed,
            _ => ItemClass::Parked,
        };
        let opened = Opened {
            id: state.created.run,
            class,
            error,
            path: path.as_ref(),
            at: state.updated_at,
        };
        Some(opened.item(plan, state))
    }

    /// The item of a failed item of a loop.
    pub(crate) fn of_loop(
        plan: &ActivePlan,
        state: &RunState,
        (path, index): (&StepPath, usize),
        (step, error): (&StepPath, &StepError),
        at: Timestamp,
    ) -> Self {
        let opened = Opened {
            id: loop_id(state, path, index),
            class: ItemClass::LoopItem,
            error,
            path: Some(step),
            at,
        };
        let item = opened.item(plan, state);
        // Of a loop inside of another loop no steps are left that could be tried again.
        let is_nested = without_indexes(path.as_str()) != path.as_str();
        Self {
            loop_item: Some((path.clone(), index)),
            recommended: match is_nested {
                true => Recommended::Rerun,
                false => item.recommended,
            },
            ..item
        }
    }

    /// Whether nobody has decided in time.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }
}

/// Identifies a failed item of a loop: beside its run in the order of arrival.
pub(crate) fn loop_id(state: &RunState, path: &StepPath, index: usize) -> RunId {
    let name = format!("{}:{path}[{index}]", state.created.run);
    let digest = Digest::of(name).hex();
    let mut ten = [0; 10];
    for (byte, pair) in ten.iter_mut().zip(digest.as_bytes().chunks(2)) {
        let text = std::str::from_utf8(pair).unwrap_or_default();
        *byte = u8::from_str_radix(text, 16).unwrap_or_default();
    }
    RunId::new(state.created_at, ten)
}

/// When somebody should have decided about an item of a flow.
pub(crate) fn due(plan: Option<&ActivePlan>, at: Timestamp) -> Timestamp {
    let promised = plan.and_then(|plan| plan.plan.sla.as_ref());
    at.plus(promised.and_then(|sla| sla.due()).unwrap_or(DEFAULT_DUE))
}

struct Opened<'a> {
    id: RunId,
    class: ItemClass,
    error: &'a StepError,
    path: Option<&'a StepPath>,
    at: Timestamp,
}

impl Opened<'_> {
    /// How many runs the step has begun, or tried to.
    fn children(&self, state: &RunState) -> u32 {
        let failed = self.path.and_then(|path| state.steps.get(path));
        match failed {
            Some(StepState::Failed(failed)) => {
                failed.child.as_ref().map_or(0, |child| child.attempt)
            }
            _ => 0,
        }
    }

    fn item(&self, plan: &ActivePlan, state: &RunState) -> Item {
        let created = &state.created;
        let concealer = Concealer::new([plan]).map(|concealer| concealer.of_state(state));
        let message = match &concealer {
            Some(concealer) => concealer.text(&self.error.message),
            None => self.error.message.clone(),
        };
        let call = self.path.and_then(|path| match state.steps.get(path) {
            Some(StepState::Failed(failed)) => failed.call.as_ref(),
            _ => None,
        });
        Item {
            id: self.id,
            class: self.class,
            flow: created.flow.clone(),
            version: Some(state.version().clone()),
            commit: plan.plan.commit.clone(),
            plan: Some(state.plan()),
            run: Some(created.run),
            step: self.path.cloned(),
            loop_item: None,
            code: self.error.code.clone(),
            kind: self.error.kind,
            message,
            attempts: call.map_or_else(|| self.children(state), |call| call.attempt),
            recommended: self.recommended(plan, call.is_some()),
            owner: plan.plan.owner.clone(),
            runbook: plan.plan.runbook.clone(),
            key: created.dedupe_key.clone(),
            key_place: created.key_place.clone(),
            opened_at: self.at,
            due_at: due(Some(plan), self.at),
            synthetic: created.synthetic,
        }
    }

    /// By the error's kind and whether the call may be repeated.
    fn recommended(&self, plan: &ActivePlan, made_call: bool) -> Recommended {
        let step = self.path.and_then(|path| plan.plan.step_at(path));
        let repeatable = step.is_none_or(|step| match &step.kind {
            StepKind::Call(call) => call.idempotency != Idempotency::None,
            _ => true,
        });
        match (self.class, self.error.kind) {
            (ItemClass::Failed, _) => Recommended::Rerun,
            (_, ErrorKind::UnknownOutcome) if repeatable => Recommended::Retry,
            (_, ErrorKind::UnknownOutcome) => Recommended::LookUpstream,
            (_, ErrorKind::Unauthenticated | ErrorKind::Forbidden) => Recommended::MendAccess,
            (_, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::RateLimited) => {
                Recommended::Retry
            }
            (ItemClass::CompensationFailed, _) => Recommended::UndoByHand,
            (
                _,
                ErrorKind::InvalidInput
                | ErrorKind::NotFound
                | ErrorKind::Conflict
                | ErrorKind::Rejected,
            ) if made_call => Recommended::EditInput,
            _ => Recommended::MendFlow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        assert_eq!(without_indexes(path), expected);
    }

    #[test]
    fn groups_do_not_tell_items_apart() {
        check("invoice", "invoice");
        check("lines[3].invoice", "lines[].invoice");
        check("fan[left].a[10].b~compensate", "fan[left].a[].b~compensate");
        let group = Group {
            flow: "orders".parse().unwrap(),
            step: "lines[].invoice".to_owned(),
            code: "DWL-2101".to_owned(),
        };
        let mut key = b"Dg".to_vec();
        group.write(&mut key);
        key.extend_from_slice(&[0, 0, 1, 0]);
        assert_eq!(Group::read(&key, 2), Some(group));
    }
}
