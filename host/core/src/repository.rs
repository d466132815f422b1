//! What a repository holds at one moment, wherever it was read from.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The largest file that is read, in bytes. Flows, schemas and tests are far smaller.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// Folders that Dowel reads; everything else in a repository is left alone.
const FOLDERS: [&str; 3] = ["flows", "environments", "calendars"];

/// Files at the top that Dowel reads.
const FILES: [&str; 3] = ["policy.yaml", "flows.lock", "connectors.lock"];

/// Whether a path, relative to the repository and with forward slashes, is one that Dowel
/// reads, or a folder on the way to one.
pub fn is_read(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or_default();
    FOLDERS.contains(&top) || FILES.contains(&path)
}

/// The name of a commit: 40 hexadecimal digits in lower case (64 with SHA-256).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CommitId(Arc<str>);

/// A text that is not the name of a commit.
#[derive(Debug, thiserror::Error)]
#[error("a commit is named by its 40 hexadecimal digits in lower case")]
pub struct InvalidCommit;

impl CommitId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl FromStr for CommitId {
    type Err = InvalidCommit;
    fn from_str(text: &str) -> Result<Self, InvalidCommit> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let good = matches!(text.len(), 40 | 64) && text.bytes().all(is_digit);
        good.then(|| Self(text.into())).ok_or(InvalidCommit)
    }
}

impl TryFrom<String> for CommitId {
    type Error = InvalidCommit;
    fn try_from(text: String) -> Result<Self, InvalidCommit> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(commit: CommitId) -> Self {
        commit.as_str().to_owned()
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The files that Dowel reads, as they were at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceTree {
    /// The commit; `None` for a folder as it is on disk.
    pub commit: Option<CommitId>,
    /// Texts by path, relative to the repository and with forward slashes.
    pub files: BTreeMap<String, String>,
    /// Files that cannot be referred to, with the reason.
    pub skipped: Vec<Skipped>,
}

/// A file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_named() {
        for path in [
            "flows",
            "flows/a/flow.yaml",
            "environments/dev.yaml",
            "policy.yaml",
        ] {
            assert!(is_read(path), "{path}");
        }
        for path in [
            "src/main.rs",
            "flowsy/a",
            "a/policy.yaml",
            "policy.yaml/a",
            "",
        ] {
            assert!(!is_read(path), "{path}");
        }
    }

    #[test]
    fn commits_are_whole_names() {
        let name = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(name.parse::<CommitId>().unwrap().short(), "0123456789");
        let wrong = [
            "",
            "0123",
            &name.to_uppercase(),
            &format!("{name}0"),
            "main",
        ];
        for text in wrong {
            assert!(text.parse::<CommitId>().is_err(), "{text}");
        }
    }
}
