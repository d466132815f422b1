//! A repository on this machine: a clone that somebody works in, or a host's own mirror.

use crate::error::GitError;
use crate::location::{Access, Location};
use crate::read;
use dowel_core::CommitId;
use dowel_core::port::{FlowSource, ReadScope as Scope, RepositoryError};
use dowel_core::repository::SourceTree;
use git2::{ErrorCode, Repository as Git, RepositoryOpenFlags};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A repository. Cheap to clone; each call opens it anew, so that it can be shared by
/// threads.
#[derive(Clone, Debug)]
pub struct Repository {
    pub(crate) path: PathBuf,
    pub(crate) from: Option<(Location, Access)>,
}

impl Repository {
    /// Opens the clone that a folder is in, or a bare repository.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] if there is none.
    pub fn open(folder: &Path) -> Result<Self, GitError> {
        let none: [&OsStr; 0] = [];
        let git = Git::open_ext(folder, RepositoryOpenFlags::empty(), none)
            .map_err(|error| unreachable(folder, &error))?;
        Ok(Self {
            path: git.path().to_owned(),
            from: None,
        })
    }

    /// Makes a repository in a folder that is in none; `false` if it is in one already.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] if it cannot be made.
    pub fn init(folder: &Path) -> Result<bool, GitError> {
        if Self::open(folder).is_ok() {
            return Ok(false);
        }
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main");
        Git::init_opts(folder, &options).map_err(|error| unreachable(folder, &error))?;
        Ok(true)
    }

    /// Opens the mirror of a location in a folder of its own; makes it if it is not there.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] if it cannot be made.
    pub fn mirror(folder: &Path, from: Location, access: Access) -> Result<Self, GitError> {
        let opened = match Git::open_bare(folder) {
            Err(error) if error.code() == ErrorCode::NotFound => Git::init_bare(folder),
            opened => opened,
        };
        let git = opened.map_err(|error| unreachable(folder, &error))?;
        Ok(Self {
            path: git.path().to_owned(),
            from: Some((from, access)),
        })
    }

    /// The folder that people work in, if it is not a bare repository.
    pub fn work_folder(&self) -> Option<PathBuf> {
        let git = self.git().ok()?;
        git.workdir().map(Path::to_owned)
    }

    /// The branch that is checked out; `None` if none is.
    ///
    /// # Errors
    /// [`GitError::Unreachable`].
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        let git = self.git()?;
        let head = git.find_reference("HEAD")?;
        let target = head.symbolic_target().ok().flatten();
        let branch = target.and_then(|name| name.strip_prefix("refs/heads/"));
        Ok(branch.map(str::to_owned))
    }

    /// Keeps a commit, and everything before it, from ever being removed from a mirror.
    ///
    /// # Errors
    /// The commit is not there.
    pub fn keep(&self, commit: &CommitId) -> Result<(), GitError> {
        let git = self.git()?;
        let oid = find(&git, commit)?.id();
        git.reference(&format!("refs/dowel/kept/{commit}"), oid, true, "kept")?;
        Ok(())
    }

    pub(crate) fn git(&self) -> Result<Git, GitError> {
        let none: [&OsStr; 0] = [];
        let flags = RepositoryOpenFlags::NO_SEARCH;
        let opened = Git::open_ext(&self.path, flags, none);
        opened.map_err(|error| unreachable(&self.path, &error))
    }
}

impl FlowSource for Repository {
    fn resolve(&self, revision: &str) -> Result<CommitId, RepositoryError> {
        Ok(resolve(&self.git()?, revision)?)
    }

    fn read(&self, commit: &CommitId, scope: Scope<'_>) -> Result<SourceTree, RepositoryError> {
        Ok(read::read(&self.git()?, commit, scope)?)
    }
}

/// Digits of the shortest abbreviation of a commit.
const MIN_ABBREVIATION: usize = 7;

/// Branches come before tags, and both before names of commits, which may be abbreviated:
/// the expressions of git (`main~1`, `:/text`) are not understood, so that a name means
/// what it says. `refs/heads/main` names the branch whatever else is called `main`.
pub(crate) fn resolve(git: &Git, revision: &str) -> Result<CommitId, GitError> {
    let missing = || GitError::Revision(revision.to_owned());
    if let Ok(commit) = revision.parse::<CommitId>() {
        find(git, &commit)?;
        return Ok(commit);
    }
    let names = match revision {
        "HEAD" => vec!["HEAD".to_owned()],
        name if name.starts_with("refs/") => vec![name.to_owned()],
        name => vec![
            format!("refs/heads/{name}"),
            format!("refs/tags/{name}"),
            format!("refs/remotes/{name}"),
        ],
    };
    for name in names {
        // A name that git does not allow is one that is not there.
        let Ok(reference) = git.find_reference(&name) else {
            continue;
        };
        let commit = reference.peel_to_commit().map_err(|_| missing())?;
        return commit_id(commit.id());
    }
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if (MIN_ABBREVIATION..40).contains(&revision.len()) && revision.bytes().all(is_digit) {
        // An abbreviation of several commits names none of them.
        let commit = git.find_commit_by_prefix(revision).map_err(|_| missing())?;
        return commit_id(commit.id());
    }
    Err(missing())
}

/// A commit that is there.
pub(crate) fn find<'g>(git: &'g Git, commit: &CommitId) -> Result<git2::Commit<'g>, GitError> {
    let missing = |_| GitError::Revision(commit.to_string());
    let oid = git2::Oid::from_str(commit.as_str()).map_err(missing)?;
    git.find_commit(oid).map_err(missing)
}

pub(crate) fn commit_id(oid: git2::Oid) -> Result<CommitId, GitError> {
    let text = oid.to_string();
    text.parse().map_err(|_| GitError::Revision(text))
}

fn unreachable(path: &Path, error: &git2::Error) -> GitError {
    GitError::Unreachable {
        place: path.display().to_string(),
        reason: error.message().to_owned(),
    }
}
