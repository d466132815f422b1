//! What the host file says about the repository that a host follows.

use crate::follow::Followed;
use anyhow::{Result, anyhow, bail};
use dowel_core::units::parse_duration;
use dowel_engine::ChangeRule;
use dowel_gitops::{Access, GitError, Location, Repository};
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a host looks unless something else is said.
const POLL: Duration = Duration::from_secs(30);

/// The branch that is followed unless something else is said.
const BRANCH: &str = "main";

/// Where the mirror is in the data folder.
const MIRROR: &str = "repository.git";

/// A repository, and what of it is followed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepositoryFile {
    url: String,
    branch: Option<String>,
    tag: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    poll: Option<Duration>,
    user: Option<String>,
    token_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    known_hosts: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    /// The keys that commits have to be signed by.
    allowed_signers: Option<PathBuf>,
}

/// Git can be stricter, never laxer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FloorFile {
    #[serde(default)]
    approvals: u32,
    #[serde(default)]
    forbid_author: bool,
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    let duration = parse_duration(&text).map_err(serde::de::Error::custom)?;
    if duration < Duration::from_secs(1) {
        return Err(serde::de::Error::custom(
            "a host looks once in a second at most",
        ));
    }
    Ok(Some(duration))
}

impl RepositoryFile {
    /// What is followed, with its mirror in the data folder.
    pub(crate) fn followed(&self, environment: &str, data: &Path) -> Result<Followed> {
        if self.branch.is_some() && self.tag.is_some() {
            bail!("the host file: `repository` names a `branch` or a `tag`, not both");
        }
        let told = |error: GitError| anyhow!("{}: {error}", error.code());
        let from = Location::parse(&self.url).map_err(told)?;
        let access = Access {
            user: self.user.clone(),
            token_file: self.token_file.clone(),
            key_file: self.key_file.clone(),
            known_hosts: self.known_hosts.clone(),
            ca_file: self.ca_file.clone(),
        };
        let mirror = Repository::mirror(&data.join(MIRROR), from, access).map_err(told)?;
        let named = self.branch.clone().or_else(|| self.tag.clone());
        Ok(Followed {
            mirror,
            revision: named.unwrap_or_else(|| BRANCH.to_owned()),
            environment: environment.to_owned(),
            poll: self.poll.unwrap_or(POLL),
            signers: self.allowed_signers.clone(),
        })
    }

    /// The files that it names.
    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let files = [
            &mut self.token_file,
            &mut self.key_file,
            &mut self.known_hosts,
            &mut self.ca_file,
            &mut self.allowed_signers,
        ];
        files.into_iter().flatten()
    }
}

impl From<FloorFile> for ChangeRule {
    fn from(file: FloorFile) -> Self {
        Self {
            approvals: file.approvals,
            forbid_author: file.forbid_author,
            approvers: None,
        }
    }
}
