//! The policy file: which people are in which groups.

use crate::diagnostic::{Diagnostic, Report};
use crate::shape::Shape;
use crate::surface::policy::PolicyFile;
use crate::text::Source;
use crate::yaml;
use dowel_core::code::reference as code;
use dowel_core::id::GroupName;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the file at the root of the repository.
pub const POLICY_FILE: &str = "policy.yaml";

/// Who may decide what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The people of each group, in the order of the file.
    pub groups: BTreeMap<GroupName, Vec<String>>,
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
    Some(Policy { groups })
}
