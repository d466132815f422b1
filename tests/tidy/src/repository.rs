//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Folders that are no part of the repository.
const NOT_OURS: [&str; 5] = ["target", ".git", ".dowel", "node_modules", ".venv"];

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    /// The content.
    pub text: String,
}

impl File {
    /// A file that exists only in a test.
    pub fn planted(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Whether everything in it is test code: an integration test, a crate that only
    /// tests use, or the body of a `mod tests;`.
    pub fn is_test(&self) -> bool {
        let path = &self.path;
        path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Every text file, sorted by path.
pub fn files() -> Vec<File> {
    let root = root();
    let walk = WalkDir::new(&root).sort_by_file_name();
    let ours = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !NOT_OURS.contains(&name.as_ref())
    };
    let entries = walk.into_iter().filter_entry(ours).filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_file());
    let texts = files.filter_map(|entry| {
        // A file that is no text, or that went away meanwhile, has nothing to check.
        let text = fs::read_to_string(entry.path()).ok()?;
        let path = entry.path().strip_prefix(&root).ok()?;
        let path = path.to_string_lossy().replace('\\', "/");
        Some(File { path, text })
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_found_and_the_build_is_not() {
        let files = files();
        let has = |path: &str| files.iter().any(|file| file.path == path);
        assert!(has("tests/tidy/src/repository.rs"));
        assert!(!files.iter().any(|file| file.path.starts_with("target/")));
    }
}
