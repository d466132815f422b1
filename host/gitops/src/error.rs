//! Why git could not do what it was asked.

use dowel_core::code::{Code, gitops as code};
use dowel_core::port::RepositoryError;

/// Why git could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The repository cannot be opened, or its remote does not answer.
    #[error("the repository {place} cannot be reached: {reason}")]
    Unreachable {
        /// Where it is, without a credential.
        place: String,
        /// What git says.
        reason: String,
    },
    /// There is no such branch, tag or commit.
    #[error("the repository has no branch, tag or commit `{0}`")]
    Revision(String),
    /// The commit holds what is not read.
    #[error("the commit {commit} cannot be read: `{path}` {reason}")]
    Refused {
        /// The commit.
        commit: String,
        /// Where.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// The address cannot be used.
    #[error("the repository's address cannot be used: {0}")]
    Location(String),
    /// A commit is not signed by a key that is allowed.
    #[error("the commit {commit} by {author} is not taken: {reason}")]
    NotSigned {
        /// The commit.
        commit: String,
        /// Who it says that it is from.
        author: String,
        /// Why its signature, if it has one, counts for nothing.
        reason: String,
    },
    /// The list of the keys that are allowed cannot be used.
    #[error("the list of allowed signers cannot be used: {0}")]
    Signers(String),
    /// A commit cannot be made or pushed.
    #[error("the commit cannot be made: {0}")]
    NotWritten(String),
    /// An object of the repository cannot be read.
    #[error("the repository is damaged: {0}")]
    Damaged(#[from] git2::Error),
}

impl GitError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } | Self::Damaged(_) => code::UNREACHABLE,
            Self::Revision(_) => code::REVISION,
            Self::Refused { .. } => code::TREE_REFUSED,
            Self::Location(_) => code::LOCATION,
            Self::NotWritten(_) => code::NOT_WRITTEN,
            Self::NotSigned { .. } => code::NOT_SIGNED,
            Self::Signers(_) => code::SIGNERS_FILE,
        }
    }
}

impl From<GitError> for RepositoryError {
    fn from(error: GitError) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}
