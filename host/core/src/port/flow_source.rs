//! Where flows and environments come from.

use crate::code::Code;
use crate::id::FlowName;
use crate::repository::{CommitId, SourceTree};

/// How much of a commit is read.
#[derive(Clone, Copy, Debug)]
pub enum ReadScope<'a> {
    /// Everything that Dowel reads.
    All,
    /// One flow's folder, and the calendars that it may name.
    Flow(&'a FlowName),
}

/// Why something cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct RepositoryError {
    /// The stable code.
    pub code: Code,
    /// What happened, and what to do.
    pub message: String,
}

/// A repository with a history. Calls block: a task of an async runtime moves them to a
/// thread of their own.
pub trait FlowSource: Send + Sync {
    /// The commit that a branch, a tag or the name of a commit stands for.
    fn resolve(&self, revision: &str) -> Result<CommitId, RepositoryError>;

    /// The files at a commit.
    fn read(&self, commit: &CommitId, scope: ReadScope<'_>) -> Result<SourceTree, RepositoryError>;
}
