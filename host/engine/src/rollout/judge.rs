//! Whose approval of a change counts. Pure.

use super::{Agreement, Change, ChangeError};
use dowel_core::id::GroupName;
use dowel_flow::environment::Promotion;
use dowel_flow::policy::{Policy, same_person};

/// Who has to agree to another tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeRule {
    /// How many people.
    pub approvals: u32,
    /// Whether an author of the change may not be one of them.
    pub forbid_author: bool,
    /// The group that they are in.
    pub approvers: Option<GroupName>,
}

impl From<&Promotion> for ChangeRule {
    fn from(promotion: &Promotion) -> Self {
        Self {
            approvals: promotion.approvals,
            forbid_author: promotion.forbid_author,
            approvers: promotion.approvers.clone(),
        }
    }
}

impl ChangeRule {
    /// The stricter one of two rules: git can be stricter than the host, never laxer.
    pub(crate) fn with_floor(&self, floor: &Self) -> Self {
        Self {
            approvals: self.approvals.max(floor.approvals),
            forbid_author: self.forbid_author || floor.forbid_author,
            approvers: self.approvers.clone().or_else(|| floor.approvers.clone()),
        }
    }
}

/// The approvals that count by the rule and the policy that hold now, one of a person.
pub(super) fn counted(change: &Change, rule: &ChangeRule, policy: &Policy) -> Vec<Agreement> {
    let mut counted: Vec<Agreement> = Vec::new();
    for agreement in &change.approvals {
        let is_new = !counted
            .iter()
            .any(|other| same_person(&other.actor, &agreement.actor));
        if is_new && is_allowed(change, rule, policy, &agreement.actor).is_ok() {
            counted.push(agreement.clone());
        }
    }
    counted
}

/// Whether somebody's approval would count.
pub(super) fn may_approve(
    change: &Change,
    rule: &ChangeRule,
    policy: &Policy,
    actor: &str,
) -> Result<(), ChangeError> {
    is_allowed(change, rule, policy, actor)?;
    let is_by = |other: &Agreement| same_person(&other.actor, actor);
    if change.approvals.iter().any(is_by) {
        return Err(ChangeError::Twice(actor.to_owned()));
    }
    Ok(())
}

/// An author may take their own change back.
pub(super) fn may_reject(
    rule: &ChangeRule,
    policy: &Policy,
    actor: &str,
) -> Result<(), ChangeError> {
    is_in_group(rule, policy, actor)
}

fn is_allowed(
    change: &Change,
    rule: &ChangeRule,
    policy: &Policy,
    actor: &str,
) -> Result<(), ChangeError> {
    let mut authors = change.candidate.authors.iter();
    if rule.forbid_author && authors.any(|author| same_person(author, actor)) {
        return Err(ChangeError::Author(actor.to_owned()));
    }
    is_in_group(rule, policy, actor)
}

fn is_in_group(rule: &ChangeRule, policy: &Policy, actor: &str) -> Result<(), ChangeError> {
    let Some(group) = &rule.approvers else {
        return Ok(());
    };
    let groups = policy.groups_of(actor);
    if groups.iter().any(|name| name == group.as_str()) {
        return Ok(());
    }
    Err(ChangeError::NotInGroup {
        actor: actor.to_owned(),
        group: group.to_string(),
    })
}
