//! The top level stays the map that the README draws.

use crate::Violation;
use crate::repository::File;
use std::collections::BTreeSet;

/// What may stand at the top, besides names that begin with a dot.
pub const TOP_LEVEL: [&str; 18] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "connectors",
    "connectors.lock",
    "deny.toml",
    "docs",
    "environments",
    "flows",
    "host",
    "policy.yaml",
    "sdk",
    "tests",
    "wit",
];

/// The program for everyday tasks has its place by convention.
const XTASK: &str = "xtask";

/// Looks for strangers at the top level.
pub fn check(files: &[File]) -> Vec<Violation> {
    let names = files.iter().filter_map(|file| file.path.split('/').next());
    let names: BTreeSet<&str> = names.collect();
    let known = |name: &str| name.starts_with('.') || name == XTASK || TOP_LEVEL.contains(&name);
    let strangers = names.into_iter().filter(|name| !known(name));
    strangers
        .map(|name| format!("{name}: has no place at the top level"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_found() {
        let planted = |path: &str| File::planted(path, "");
        let files = [
            planted("host/a.rs"),
            planted(".ci/run"),
            planted("xtask/b.rs"),
        ];
        assert_eq!(check(&files), Vec::<String>::new());
        assert_eq!(check(&[planted("notes.txt")]).len(), 1);
        assert_eq!(check(&[planted("src/lib.rs")]).len(), 1);
    }
}
