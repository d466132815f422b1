//! Who made commits, and what a file held before.

use crate::error::GitError;
use crate::repository::{Repository, commit_id, find};
use crate::signature::AllowedSigners;
use dowel_core::{CommitId, Timestamp};
use git2::Sort;
use std::collections::BTreeSet;

/// Commits that are looked at for their authors; a host that is further behind has not
/// followed for years.
const MAX_COMMITS: usize = 10_000;

/// Who a commit says that it is from. Anybody can write any name there, unless commits
/// have to be signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Author {
    /// The address, such as `ana@example.com`.
    pub email: String,
    /// The name for people.
    pub name: String,
}

/// A file as it was from a commit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The commit that made it so.
    pub commit: CommitId,
    /// When the commit was made, as it says.
    pub at: Timestamp,
    /// Its text.
    pub text: String,
}

impl Repository {
    /// The authors and committers of the commits that are part of `to` and not of
    /// `since`; those of `to` alone if `since` is not given or not there.
    ///
    /// # Errors
    /// The commit is not there, or the repository cannot be read.
    pub fn authors(
        &self,
        since: Option<&CommitId>,
        to: &CommitId,
    ) -> Result<BTreeSet<Author>, GitError> {
        let git = self.git()?;
        let tip = find(&git, to)?;
        let mut found = BTreeSet::new();
        add(&tip, &mut found);
        let Some(since) = since.and_then(|since| find(&git, since).ok()) else {
            return Ok(found);
        };
        let mut walk = git.revwalk()?;
        walk.push(tip.id())?;
        walk.hide(since.id())?;
        for oid in walk.take(MAX_COMMITS) {
            add(&git.find_commit(oid?)?, &mut found);
        }
        Ok(found)
    }

    /// Who signed the commits that are part of `to` and not of `since`, by the names of the
    /// list; of `to` alone if `since` is not given or not there. Each of them has to be
    /// signed by a key that is allowed.
    ///
    /// # Errors
    /// [`GitError::NotSigned`] for the first that is not; the commit is not there, or the
    /// repository cannot be read.
    pub fn signers(
        &self,
        since: Option<&CommitId>,
        to: &CommitId,
        allowed: &AllowedSigners,
    ) -> Result<BTreeSet<String>, GitError> {
        let git = self.git()?;
        let tip = find(&git, to)?;
        let mut found = signers_of(&git, &tip, allowed)?;
        let Some(since) = since.and_then(|since| find(&git, since).ok()) else {
            return Ok(found);
        };
        let mut walk = git.revwalk()?;
        walk.push(tip.id())?;
        walk.hide(since.id())?;
        for (index, oid) in walk.enumerate() {
            let commit = git.find_commit(oid?)?;
            if index == MAX_COMMITS {
                return Err(not_signed(
                    &commit,
                    "there are more than 10,000 new commits",
                ));
            }
            found.extend(signers_of(&git, &commit, allowed)?);
        }
        Ok(found)
    }

    /// What a file held, the newest first, along the first parents of a commit. At most
    /// `limit` different texts; a commit without the file ends it.
    ///
    /// # Errors
    /// The commit is not there, or the repository cannot be read.
    pub fn past(&self, path: &str, from: &CommitId, limit: usize) -> Result<Vec<Past>, GitError> {
        let git = self.git()?;
        let mut walk = git.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        walk.simplify_first_parent()?;
        walk.push(find(&git, from)?.id())?;
        let mut found: Vec<(git2::Oid, Past)> = Vec::new();
        for oid in walk.take(MAX_COMMITS) {
            let oid = oid?;
            let made = git.find_commit(oid)?;
            // A time before 1970 is no time.
            let seconds = u64::try_from(made.time().seconds()).unwrap_or_default();
            let at = Timestamp::from_millis(seconds.saturating_mul(1_000));
            let tree = made.tree()?;
            let Ok(entry) = tree.get_path(std::path::Path::new(path)) else {
                break;
            };
            let commit = commit_id(oid)?;
            if let Some((last, past)) = found.last_mut()
                && *last == entry.id()
            {
                // The same text: an earlier commit made it so.
                past.commit = commit;
                past.at = at;
                continue;
            }
            if found.len() == limit {
                break;
            }
            let blob = git.find_blob(entry.id())?;
            let text = String::from_utf8_lossy(blob.content()).into_owned();
            found.push((entry.id(), Past { commit, at, text }));
        }
        Ok(found.into_iter().map(|(_, past)| past).collect())
    }
}

fn signers_of(
    git: &git2::Repository,
    commit: &git2::Commit<'_>,
    allowed: &AllowedSigners,
) -> Result<BTreeSet<String>, GitError> {
    // The part of the commit that is signed is what git makes of it without the signature.
    let (signature, signed) = git
        .extract_signature(&commit.id(), None)
        .map_err(|_| not_signed(commit, "it is not signed"))?;
    let signature = String::from_utf8_lossy(&signature);
    let names = allowed
        .who(&signature, &signed)
        .map_err(|reason| not_signed(commit, &reason))?;
    Ok(names.iter().cloned().collect())
}

fn not_signed(commit: &git2::Commit<'_>, reason: &str) -> GitError {
    GitError::NotSigned {
        commit: commit.id().to_string().chars().take(10).collect(),
        author: String::from_utf8_lossy(commit.author().email_bytes()).into_owned(),
        reason: reason.to_owned(),
    }
}

fn add(commit: &git2::Commit<'_>, found: &mut BTreeSet<Author>) {
    for signature in [commit.author(), commit.committer()] {
        found.insert(Author {
            email: String::from_utf8_lossy(signature.email_bytes())
                .trim()
                .to_lowercase(),
            name: String::from_utf8_lossy(signature.name_bytes()).into_owned(),
        });
    }
}
