//! Arguments of what watches hosts.

use super::{Host, Repository};
use clap::Args;

#[derive(Clone, Debug, Args)]
pub(crate) struct Alerts {
    /// Who answers for the host, and for flows without an owner.
    #[arg(long, default_value = "operators")]
    pub(crate) owner: String,
    /// The address of this repository's files, to which the runbooks of flows are relative.
    #[arg(long)]
    pub(crate) runbooks: Option<String>,
    /// The address of the folder with the documentation `docs/` of this program.
    #[arg(long)]
    pub(crate) docs: Option<String>,
    /// Open exceptions of one flow beyond which somebody is called.
    #[arg(long, default_value_t = 100)]
    pub(crate) desk_depth: u64,
    #[command(flatten)]
    pub(crate) repository: Repository,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Top {
    /// Looks once and ends: for scripts, with `--format json`.
    #[arg(long)]
    pub(crate) once: bool,
    /// The pause between two looks.
    #[arg(long, default_value = "2s")]
    pub(crate) every: String,
    #[command(flatten)]
    pub(crate) host: Host,
}
