//! The graph of normal dependencies.

use cargo_metadata::{DependencyKind, Metadata, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// Normal dependencies, by name of the crate.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The workspace's crates.
    pub members: BTreeSet<String>,
    /// Every crate's normal dependencies.
    pub direct: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph of a workspace.
    pub fn of(metadata: &Metadata) -> Self {
        let name = |id: &PackageId| metadata[id].name.to_string();
        let members = metadata.workspace_members.iter().map(name).collect();
        let mut direct = BTreeMap::<String, BTreeSet<String>>::new();
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        for node in nodes {
            let normal = node.deps.iter().filter(|dependency| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind == DependencyKind::Normal)
            });
            let names = normal.map(|dependency| name(&dependency.pkg));
            direct.entry(name(&node.id)).or_default().extend(names);
        }
        Self { members, direct }
    }

    /// A graph that exists only in a test.
    pub fn planted<'a>(
        members: impl IntoIterator<Item = &'a str>,
        arrows: &[(&str, &[&str])],
    ) -> Self {
        let owned = |name: &&str| (*name).to_owned();
        let direct = arrows.iter();
        Self {
            members: members.into_iter().map(str::to_owned).collect(),
            direct: direct
                .map(|(from, to)| (owned(from), to.iter().map(owned).collect()))
                .collect(),
        }
    }

    /// Every crate that `from` reaches.
    pub fn reach(&self, from: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(name) = open.pop() {
            for next in self.direct.get(&name).into_iter().flatten() {
                if reached.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        reached
    }
}
