//! Which pages there are.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Pages whose commands and flows are run: the README, every guide and every runbook.
pub(crate) fn with_commands() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let mut guides = markdown_in(&root().join("docs/guide"));
    assert!(guides.len() >= 3, "a guide for each of the three users");
    pages.append(&mut guides);
    pages.append(&mut markdown_in(&root().join("docs/runbooks")));
    let of_git = about_git();
    pages.retain(|page| !of_git.contains(page));
    pages
}

/// Pages whose reader works in a repository of git, in the order in which they are read.
pub(crate) fn about_git() -> [PathBuf; 3] {
    ["guide/git", "runbooks/promotion", "runbooks/rollback"]
        .map(|page| root().join(format!("docs/{page}.md")))
}

/// Every page of the repository.
pub(crate) fn all() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in [
        "",
        "docs",
        "docs/adr",
        "docs/connectors",
        "docs/errors",
        "docs/guide",
        "docs/reference",
        "docs/runbooks",
    ] {
        pages.append(&mut markdown_in(&root().join(folder)));
    }
    pages
}

fn markdown_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut pages: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}
