//! Where secrets come from: what the host file says, or else the environment file, or
//! else variables; `--secrets-dir` adds a folder.

use crate::args::Repository;
use crate::hostfile::HostFile;
use crate::system::SystemClock;
use crate::wiring;
use anyhow::{Result, anyhow};
use dowel_core::secret::{FolderSource, SecretSources};
use dowel_secrets::Providers;
use std::path::Path;
use std::sync::Arc;

/// The places of secrets, for the environment that the command line names.
pub(crate) fn of(repository: &Repository) -> Result<Providers> {
    let file = HostFile::of(repository)?;
    if let Some(sources) = file.secrets {
        let base = repository.host_file.as_deref().and_then(Path::parent);
        return open(repository, sources, base.unwrap_or(Path::new("")));
    }
    // What a host follows is said by others than who owns the machine.
    let written = match file.repository {
        Some(_) => None,
        None => match repository.environment()? {
            None => None,
            Some(Ok(environment)) => environment.secrets,
            Some(Err(findings)) => return Err(wiring::as_error(&findings)),
        },
    };
    let sources = written.unwrap_or_else(SecretSources::variables);
    open(repository, sources, &repository.repo)
}

fn open(repository: &Repository, mut sources: SecretSources, base: &Path) -> Result<Providers> {
    if let Some(folder) = &repository.secrets_dir {
        // The option is relative to where the command runs.
        let folder = std::path::absolute(folder)?.display().to_string();
        sources.files = Some(FolderSource { folder });
    }
    Providers::new(&sources, base, Arc::new(SystemClock))
        .map_err(|error| anyhow!("{}: {error}", error.code()))
}
