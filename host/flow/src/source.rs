//! What the compiler is given, and what it gives back. Nothing here is read from disk
//! by this crate.

use crate::diagnostic::Diagnostic;
use crate::outline::Outlines;
use crate::plan::{Calendars, Plan};
use crate::policy::Policy;
use dowel_core::manifest::Manifest;
use dowel_core::port::CheckExpressions;
use dowel_core::{ConnectorName, Digest};
use std::collections::BTreeMap;

/// A flow's folder.
#[derive(Clone, Debug, Default)]
pub struct FlowFolder {
    /// The folder, relative to the repository, such as `flows/order-to-invoice`.
    pub path: String,
    /// Every file below it that the flow could refer to, by path relative to the folder.
    pub files: BTreeMap<String, String>,
}

impl FlowFolder {
    /// The flow's name: the folder's.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The digest of what a released version is: every file but the tests and what is
    /// written for people.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for (name, text) in self.files.iter().filter(|(name, _)| is_released(name)) {
            for part in [name, text] {
                // The length keeps `a` + `bc` apart from `ab` + `c`.
                bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        Digest::of(bytes)
    }
}

/// Whether a file of a flow's folder is a part of its released versions.
fn is_released(name: &str) -> bool {
    name != "flow.test.yaml" && !name.ends_with(".md")
}

/// Finds connectors for the ranges that flows name.
pub trait Catalogue {
    /// Every version of a connector that is installed, the newest first.
    fn versions(&self, name: &ConnectorName) -> Vec<(&Manifest, Digest)>;

    /// Names of the installed connectors, for suggestions.
    fn names(&self) -> Vec<&ConnectorName>;
}

/// What a flow is compiled against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The installed connectors.
    pub catalogue: &'a dyn Catalogue,
    /// The expression checker.
    pub checker: &'a dyn CheckExpressions,
    /// The business calendars of the repository.
    pub calendars: &'a Calendars,
    /// Who is in which group.
    pub policy: &'a Policy,
    /// The flows of the repository.
    pub flows: &'a Outlines,
    /// Git commit of the repository, where known.
    pub commit: Option<&'a str>,
}

/// A flow that was compiled, with what is still worth saying about it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The plan.
    pub plan: Plan,
    /// Findings that do not stop it, in order of their place.
    pub warnings: Vec<Diagnostic>,
}
