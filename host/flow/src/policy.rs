//! The policy file: which people are in which groups, and what they may do on hosts.

use crate::diagnostic::{Diagnostic, Report};
use crate::shape::{Located, Shape};
use crate::surface::policy::{LintChoice, LintFile, PolicyFile, RoleFile, RoleWord};
use crate::text::Source;
use crate::yaml;
use dowel_core::access::{Grant, Role};
use dowel_core::code::reference as code;
use dowel_core::id::GroupName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name of the file at the root of the repository.
pub const POLICY_FILE: &str = "policy.yaml";

/// Who may decide what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The people of each group, in the order of the file.
    pub groups: BTreeMap<GroupName, Vec<String>>,
    /// Roles of groups and people, in the order of the file.
    pub roles: Vec<PolicyRole>,
    /// Roles that no person may have together.
    pub separate: Vec<BTreeSet<Role>>,
    /// Names that an identity provider has for a group.
    pub identity_groups: BTreeMap<GroupName, BTreeSet<String>>,
    /// How strictly `check` looks at what stops no flow.
    pub lint: LintLevels,
}

/// How strictly something is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lint {
    /// Not at all.
    #[default]
    Off,
    /// It is said.
    Warn,
    /// `check` fails.
    Deny,
}

/// How strictly `check` looks at what stops no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LintLevels {
    /// A flow that nobody answers for.
    pub owner: Lint,
    /// A flow without a runbook.
    pub runbook: Lint,
    /// A flow that promises nothing.
    pub sla: Lint,
    /// A step that uses what will go.
    pub deprecated: Lint,
    /// A step that uses what should be gone, and a flow that should be gone.
    pub expired: Lint,
}

impl Default for LintLevels {
    /// Said is only what somebody wrote down.
    fn default() -> Self {
        Self {
            owner: Lint::Off,
            runbook: Lint::Off,
            sla: Lint::Off,
            deprecated: Lint::Warn,
            expired: Lint::Warn,
        }
    }
}

/// A role that the policy gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRole {
    /// The role, and how far it reaches.
    pub grant: Grant,
    /// Everybody in these groups has it.
    pub groups: BTreeSet<GroupName>,
    /// These people have it.
    pub people: Vec<String>,
}

/// Whether two names mean the same person: addresses are not told apart by case.
pub fn same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

impl Policy {
    /// The groups that a person is in.
    pub fn groups_of(&self, person: &str) -> Vec<String> {
        let is_in = |people: &Vec<String>| people.iter().any(|other| same_person(other, person));
        let groups = self.groups.iter().filter(|(_, people)| is_in(people));
        groups.map(|(name, _)| name.to_string()).collect()
    }

    /// What the policy gives to a person, whom an identity provider has in these groups of
    /// its own.
    pub fn grants_of(&self, person: &str, identity_groups: &BTreeSet<String>) -> Vec<Grant> {
        let own = self.groups_of(person);
        let is_in = |group: &GroupName| {
            let known = self.identity_groups.get(group);
            own.iter().any(|name| name == group.as_str())
                || known.is_some_and(|names| !names.is_disjoint(identity_groups))
        };
        let has = |role: &&PolicyRole| {
            role.groups.iter().any(is_in)
                || role.people.iter().any(|other| same_person(other, person))
        };
        self.roles
            .iter()
            .filter(has)
            .map(|role| role.grant.clone())
            .collect()
    }

    /// Roles that are kept apart and that these grants give together, on a host of this
    /// environment.
    pub fn together(&self, grants: &[Grant], environment: &str) -> BTreeSet<Role> {
        let here = grants.iter().filter(|grant| grant.counts_in(environment));
        let roles: BTreeSet<Role> = here.map(|grant| grant.role).collect();
        let both = |apart: &BTreeSet<Role>| apart.intersection(&roles).copied().collect();
        let found = self.separate.iter().map(both);
        let found = found.filter(|both: &BTreeSet<Role>| both.len() > 1);
        found.flatten().collect()
    }
}

/// Reads a policy file. `path` is only shown.
///
/// # Errors
/// Everything that is wrong, in order of place.
pub fn parse(path: &str, text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let mut report = Report::new(Arc::new(Source::new(path, text)));
    match read(text, &mut report) {
        Some(policy) if !report.has_errors() => Ok(policy),
        _ => Err(report.into_sorted()),
    }
}

fn read(text: &str, report: &mut Report) -> Option<Policy> {
    let tree = yaml::parse(text, report)?;
    let file = PolicyFile::decode(&tree, report)?;
    let mut groups = BTreeMap::new();
    for (name, written) in &file.groups.0 {
        let mut people: Vec<String> = Vec::new();
        for person in written {
            let text = &person.value.0;
            if people.iter().any(|other| same_person(other, text)) {
                let message = format!("`{text}` is in the group already");
                report.error(code::PERSON_REPEATED, person.span, message);
            }
            people.push(text.trim().to_owned());
        }
        groups.insert(name.value.clone(), people);
    }
    let roles = file.roles.unwrap_or_default().into_iter();
    let roles = roles.map(|role| read_role(role, &groups, report)).collect();
    let mut identity_groups = BTreeMap::new();
    for (name, written) in file.identity_groups.unwrap_or_default().0 {
        check_group(&name, &groups, report);
        let names = written.into_iter().map(|key| key.0).collect();
        identity_groups.insert(name.value, names);
    }
    let apart = |words: Vec<RoleWord>| words.into_iter().map(RoleWord::role).collect();
    Some(Policy {
        groups,
        roles,
        separate: file
            .separate
            .unwrap_or_default()
            .into_iter()
            .map(apart)
            .collect(),
        identity_groups,
        lint: lint_levels(file.lint.as_ref()),
    })
}

fn lint_levels(written: Option<&LintFile>) -> LintLevels {
    let mut levels = LintLevels::default();
    let Some(written) = written else {
        return levels;
    };
    for (level, word) in [
        (&mut levels.owner, written.owner),
        (&mut levels.runbook, written.runbook),
        (&mut levels.sla, written.sla),
        (&mut levels.deprecated, written.deprecated),
        (&mut levels.expired, written.expired),
    ] {
        match word.map(|word| word.0) {
            None => {}
            Some(LintChoice::Off) => *level = Lint::Off,
            Some(LintChoice::Warn) => *level = Lint::Warn,
            Some(LintChoice::Deny) => *level = Lint::Deny,
        }
    }
    levels
}

fn read_role(
    file: RoleFile,
    groups: &BTreeMap<GroupName, Vec<String>>,
    report: &mut Report,
) -> PolicyRole {
    let named = file.groups.unwrap_or_default();
    named
        .iter()
        .for_each(|name| check_group(name, groups, report));
    let labels = file.flows.unwrap_or_default().0.into_iter();
    let environments = file.environments.unwrap_or_default().into_iter();
    PolicyRole {
        grant: Grant {
            role: file.role.role(),
            flows: labels
                .map(|(name, value)| (name.value.0, value.0))
                .collect(),
            environments: environments.map(|name| name.value.to_string()).collect(),
        },
        groups: named.into_iter().map(|name| name.value).collect(),
        people: file
            .people
            .unwrap_or_default()
            .into_iter()
            .map(|key| key.0)
            .collect(),
    }
}

fn check_group(
    name: &Located<GroupName>,
    groups: &BTreeMap<GroupName, Vec<String>>,
    report: &mut Report,
) {
    if !groups.contains_key(&name.value) {
        let message = format!("`groups` has no `{}`", name.value);
        report.error(code::UNKNOWN_GROUP, name.span, message);
    }
}
