//! Another state of the repository, to compare with.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::wiring::{self, Compiled};
use anyhow::{Context as _, Result, bail};
use dowel_flow::environment::Environment;
use dowel_mapping::Mapping;
use std::path::PathBuf;

/// A state of the repository, compiled with the connectors that are installed here.
pub(crate) struct OtherState {
    pub(crate) compiled: Compiled,
    /// The environment of the same name, if one was chosen and is there.
    pub(crate) environment: Option<Environment>,
}

/// Reads the state that `--against` names.
pub(crate) fn read(
    against: &str,
    repository: &Repository,
    connectors: &InstalledConnectors,
    mapping: &Mapping,
) -> Result<OtherState> {
    let folder = PathBuf::from(against);
    if !folder.is_dir() {
        bail!("there is no folder `{against}` to compare with");
    }
    let other = Repository {
        repo: folder,
        env_file: None,
        connectors: Some(repository.connectors_dir()),
        ..repository.clone()
    };
    let folders = match other.repo.join("flows").is_dir() {
        true => other.flows(&[])?,
        false => Vec::new(),
    };
    let compiled = wiring::compile_all(&other, &folders, connectors, mapping)?;
    if compiled.has_errors {
        return Err(wiring::as_error(&compiled.findings))
            .with_context(|| format!("the state in `{against}` cannot be compared with"));
    }
    let is_there = other.environment_file()?.is_some_and(|file| file.is_file());
    let environment = match is_there {
        true => other.environment()?,
        false => None,
    };
    let environment = match environment {
        None => None,
        Some(Ok(environment)) => Some(environment),
        Some(Err(findings)) => {
            return Err(wiring::as_error(&findings))
                .with_context(|| format!("the state in `{against}` cannot be compared with"));
        }
    };
    Ok(OtherState {
        compiled,
        environment,
    })
}
