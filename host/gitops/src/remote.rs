//! Fetching into a mirror, and pushing from a clone.

use crate::error::GitError;
use crate::location::{Access, Location};
use crate::repository::{Repository, commit_id};
use crate::transport;
use dowel_core::CommitId;
use git2::{AutotagOption, FetchOptions, FetchPrune, PushOptions, RemoteCallbacks, RemoteRedirect};
use std::cell::RefCell;

/// What is fetched at once; more is not a repository of flows.
const MAX_FETCH_BYTES: usize = 1 << 30;

/// All branches and tags, whatever was there before: a branch may be rewritten.
const MIRRORED: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// What a fetch did to the branch or tag that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where it stood; `None` if it was not there.
    pub from: Option<CommitId>,
    /// Where it stands.
    pub to: CommitId,
    /// Whether its history was rewritten: the commit before is no part of it any more.
    pub rewritten: bool,
}

impl Repository {
    /// Brings a mirror up to date. A folder that is no mirror has nothing to fetch.
    ///
    /// # Errors
    /// [`GitError::Unreachable`], [`GitError::Revision`] if what is followed is not there.
    pub fn fetch(&self, follow: &str) -> Result<Moved, GitError> {
        let git = self.git()?;
        let from = crate::repository::resolve(&git, follow).ok();
        if let Some((location, access)) = &self.from {
            on_own_thread(|| fetch(&git_of(self)?, location, access))?;
        }
        let to = crate::repository::resolve(&git, follow)?;
        let rewritten = match &from {
            Some(from) if *from != to => !is_ancestor(&git, from, &to)?,
            _ => false,
        };
        Ok(Moved {
            from,
            to,
            rewritten,
        })
    }

    /// Pushes a branch to the remote `origin` of a clone. Never forced.
    ///
    /// # Errors
    /// [`GitError::NotWritten`] with what the server says.
    pub fn push(&self, branch: &str, access: &Access) -> Result<(), GitError> {
        on_own_thread(|| push(&git_of(self)?, branch, access))
    }

    /// The address of the remote `origin`, if there is one.
    pub fn origin(&self) -> Option<String> {
        let git = self.git().ok()?;
        let remote = git.find_remote("origin").ok()?;
        remote.url().ok().map(str::to_owned)
    }
}

fn git_of(repository: &Repository) -> Result<git2::Repository, GitError> {
    repository.git()
}

/// Transports wait for the network in their own way, which an asynchronous task may not;
/// and what they need to know of a call is kept by its thread.
fn on_own_thread<T: Send>(
    work: impl FnOnce() -> Result<T, GitError> + Send,
) -> Result<T, GitError> {
    std::thread::scope(|scope| {
        let worker = scope.spawn(work);
        worker.join().unwrap_or_else(|_| {
            let error = git2::Error::from_str("git stopped in the middle");
            Err(GitError::Damaged(error))
        })
    })
}

fn fetch(git: &git2::Repository, from: &Location, access: &Access) -> Result<(), GitError> {
    let unreachable = |error: git2::Error| GitError::Unreachable {
        place: from.to_string(),
        reason: error.message().to_owned(),
    };
    let _access = transport::Grant::to_this_thread(access.clone());
    let mut remote = git
        .remote_anonymous(&from.to_string())
        .map_err(unreachable)?;
    let mut callbacks = RemoteCallbacks::new();
    callbacks.transfer_progress(|progress| progress.received_bytes() <= MAX_FETCH_BYTES);
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(callbacks)
        .prune(FetchPrune::On)
        .download_tags(AutotagOption::None)
        .follow_redirects(RemoteRedirect::None);
    remote
        .fetch(&MIRRORED, Some(&mut options), Some("dowel: fetch"))
        .map_err(unreachable)
}

fn push(git: &git2::Repository, branch: &str, access: &Access) -> Result<(), GitError> {
    let failed = |error: git2::Error| GitError::NotWritten(error.message().to_owned());
    let _access = transport::Grant::to_this_thread(access.clone());
    let mut remote = git
        .find_remote("origin")
        .map_err(|_| GitError::NotWritten("the clone has no remote `origin`".to_owned()))?;
    // The same addresses as for reading: a remote of a clone is not trusted more.
    Location::parse(remote.url().map_err(failed)?)?;
    let refused = RefCell::new(None);
    let mut callbacks = RemoteCallbacks::new();
    callbacks.push_update_reference(|name, status| {
        if let Some(reason) = status {
            *refused.borrow_mut() = Some(format!("the server refuses `{name}`: {reason}"));
        }
        Ok(())
    });
    let mut options = PushOptions::new();
    options
        .remote_callbacks(callbacks)
        .follow_redirects(RemoteRedirect::None);
    let spec = format!("refs/heads/{branch}:refs/heads/{branch}");
    remote.push(&[spec], Some(&mut options)).map_err(failed)?;
    drop(options);
    refused
        .into_inner()
        .map_or(Ok(()), |reason| Err(GitError::NotWritten(reason)))
}

fn is_ancestor(git: &git2::Repository, old: &CommitId, new: &CommitId) -> Result<bool, GitError> {
    let (old, new) = (
        crate::repository::find(git, old)?.id(),
        crate::repository::find(git, new)?.id(),
    );
    commit_id(old)?;
    Ok(git.graph_descendant_of(new, old)?)
}
