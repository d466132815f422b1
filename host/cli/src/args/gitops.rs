//! Arguments of what has to do with git.

use super::{Host, Repository};
use crate::templates::Template;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; it is made if it is not there.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Who answers for the first flow.
    #[arg(long, default_value = "team@example.com")]
    pub(crate) owner: String,
}

#[derive(Debug, Args)]
pub(crate) struct NewFlow {
    /// The flow's name, in kebab-case.
    pub(crate) flow: String,
    /// What it begins with.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) template: Template,
    /// Who answers for it.
    #[arg(long, default_value = "team@example.com")]
    pub(crate) owner: String,
    /// The folder with `flows/`.
    #[arg(long, default_value = ".", env = "DOWEL_REPO")]
    pub(crate) repo: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    /// The flow.
    pub(crate) flow: String,
    #[command(flatten)]
    pub(crate) repo: Repository,
}

/// Where a pin is written.
#[derive(Debug, Args)]
pub(crate) struct Pinning {
    /// The environment.
    #[arg(long, env = "DOWEL_ENV")]
    pub(crate) env: String,
    /// The clone.
    #[arg(long, default_value = ".", env = "DOWEL_REPO")]
    pub(crate) repo: PathBuf,
    /// The new branch; `<command>/<environment>/<flow>-<version>` unless given.
    #[arg(long, conflicts_with = "direct")]
    pub(crate) branch: Option<String>,
    /// Commits on the branch that is checked out, instead of on a new one.
    #[arg(long)]
    pub(crate) direct: bool,
    /// Pushes the branch to `origin`.
    #[arg(long)]
    pub(crate) push: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The flow and its version, such as `order-to-invoice@1.5.0`.
    pub(crate) flow: String,
    #[command(flatten)]
    pub(crate) pinning: Pinning,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The flow.
    pub(crate) flow: String,
    #[command(flatten)]
    pub(crate) pinning: Pinning,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Environment {
    /// Shows what is active, what the repository says, what waits for approval, and drift.
    #[command(after_help = "Example:\n  dowel environment show")]
    Show(Host),
    /// Asks the host to look at its repository now, as the webhook of a git server may do.
    Sync(Host),
    /// Approves a tree that awaits approval.
    #[command(
        after_help = "Example:\n  dowel environment approve sha256:… --reason 'looked at the plan'"
    )]
    Approve(Word),
    /// Rejects a tree that awaits approval.
    #[command(
        after_help = "Example:\n  dowel environment reject sha256:… --reason 'not on Friday'"
    )]
    Reject(Word),
}

/// Somebody's word about a tree.
#[derive(Debug, Args)]
pub(crate) struct Word {
    /// The tree's digest, as `dowel environment show` tells it.
    pub(crate) digest: String,
    /// Why, for those who find it so.
    #[arg(long)]
    pub(crate) reason: String,
    /// Who decides, over the local socket of a host that has no users yet; the caller
    /// unless given.
    #[arg(long, env = "DOWEL_ACTOR")]
    pub(crate) actor: Option<String>,
    #[command(flatten)]
    pub(crate) host: Host,
}
