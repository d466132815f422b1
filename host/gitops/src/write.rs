//! Commits that change a few files, without touching anything else in the clone.

use crate::error::GitError;
use crate::repository::{Repository, commit_id, find};
use crate::sign;
use dowel_core::CommitId;
use git2::{Oid, Repository as Git, Signature, Tree};
use std::path::Path;

/// The mode of a new file.
const FILE: i32 = 0o100_644;

const FOLDER: i32 = 0o040_000;

/// A file with its new text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path, relative to the repository.
    pub path: String,
    /// The whole new text.
    pub text: String,
}

/// A commit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub commit: CommitId,
    /// The branch that it is on.
    pub branch: String,
}

impl Repository {
    /// Makes a commit on top of `base` on a branch: one that stands there, or a new one.
    /// Where the branch is checked out, the files in the work folder follow.
    ///
    /// # Errors
    /// [`GitError::NotWritten`]: the branch stands elsewhere, a file has changes that are
    /// not committed, or git does not know who makes the commit.
    pub fn commit(
        &self,
        base: &CommitId,
        branch: &str,
        changes: &[Change],
        message: &str,
    ) -> Result<Written, GitError> {
        let git = self.git()?;
        let parent = find(&git, base)?;
        let name = format!("refs/heads/{branch}");
        if !git2::Reference::is_valid_name(&name) {
            return Err(not(format!("`{branch}` is no name for a branch")));
        }
        match git.refname_to_id(&name) {
            Ok(tip) if tip != parent.id() => {
                return Err(not(format!(
                    "the branch `{branch}` stands elsewhere already"
                )));
            }
            _ => {}
        }
        let is_here = self.branch()?.as_deref() == Some(branch);
        let old = parent.tree()?;
        if is_here {
            for change in changes {
                unchanged_here(&git, &old, change)?;
            }
        }
        let mut tree = parent.tree()?;
        for change in changes {
            let blob = git.blob(change.text.as_bytes())?;
            let parts: Vec<&str> = change.path.split('/').collect();
            tree = git.find_tree(put(&git, Some(&tree), &parts, blob)?)?;
        }
        let author = signature(&git)?;
        let failed = |error: git2::Error| not(error.message().to_owned());
        let oid = match sign::key(&git) {
            None => git
                .commit(Some(&name), &author, &author, message, &tree, &[&parent])
                .map_err(failed)?,
            Some(key) => {
                let parts = sign::Parts {
                    author: &author,
                    message,
                    tree: &tree,
                    parent: &parent,
                };
                let oid = sign::commit(&git, &parts, &key)?;
                git.reference(&name, oid, true, message).map_err(failed)?;
                oid
            }
        };
        if is_here {
            for change in changes {
                follow(&git, change)?;
            }
        }
        Ok(Written {
            commit: commit_id(oid)?,
            branch: branch.to_owned(),
        })
    }
}

fn not(reason: String) -> GitError {
    GitError::NotWritten(reason)
}

fn signature(git: &Git) -> Result<Signature<'static>, GitError> {
    git.signature().map_err(|_| {
        not("git does not know who you are: `git config user.name` and `user.email`".to_owned())
    })
}

/// A tree with one file changed.
fn put(git: &Git, tree: Option<&Tree<'_>>, path: &[&str], blob: Oid) -> Result<Oid, GitError> {
    let mut builder = git.treebuilder(tree)?;
    match path {
        [] => {}
        [name] => {
            let mode = builder.get(name)?.map_or(FILE, |entry| entry.filemode());
            builder.insert(name, blob, mode)?;
        }
        [folder, rest @ ..] => {
            let inner = builder.get(folder)?.map(|entry| entry.id());
            let inner = inner.map(|id| git.find_tree(id)).transpose()?;
            let changed = put(git, inner.as_ref(), rest, blob)?;
            builder.insert(folder, changed, FOLDER)?;
        }
    }
    Ok(builder.write()?)
}

/// Whether the file in the work folder is the one of the commit.
fn unchanged_here(git: &Git, tree: &Tree<'_>, change: &Change) -> Result<(), GitError> {
    let Some(work) = git.workdir() else {
        return Ok(());
    };
    let committed = tree.get_path(Path::new(&change.path)).ok();
    let committed = committed
        .map(|entry| git.find_blob(entry.id()))
        .transpose()?;
    let here = std::fs::read(work.join(&change.path)).ok();
    if here.as_deref() == committed.as_ref().map(git2::Blob::content) {
        return Ok(());
    }
    Err(not(format!(
        "`{}` has changes that are not committed",
        change.path
    )))
}

fn follow(git: &Git, change: &Change) -> Result<(), GitError> {
    let Some(work) = git.workdir() else {
        return Ok(());
    };
    let path = work.join(&change.path);
    let failed = |error: std::io::Error| not(format!("`{}`: {error}", change.path));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(&path, &change.text).map_err(failed)?;
    let mut index = git.index()?;
    index.add_path(Path::new(&change.path))?;
    Ok(index.write()?)
}
