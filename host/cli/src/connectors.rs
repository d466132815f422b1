//! Loads connectors from a folder, as far as the repository's lock and trust allow.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::lock::{Candidate, Rules, refused};
use anyhow::{Context as _, Result};
use dowel_core::manifest::Manifest;
use dowel_wasm::package::Inspection;
use dowel_wasm::{ConnectorHost, package};
use std::fs;
use std::path::{Path, PathBuf};

/// Files of built connectors in a folder, sorted; none if there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?
    {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// A connector that may be used: its bytes, and what they are.
struct Allowed {
    path: PathBuf,
    bytes: Vec<u8>,
    inspection: Inspection,
}

/// Reads every connector of a repository; the first that is not allowed is an error.
fn allowed(repository: &Repository) -> Result<Vec<Allowed>> {
    let rules = Rules::read(&repository.repo)?;
    let mut all = Vec::new();
    for path in files(&repository.connectors_dir())? {
        let bytes = fs::read(&path)?;
        let inspection = package::inspect(&bytes).with_context(|| path.display().to_string())?;
        let manifest = &inspection.manifest;
        let candidate = Candidate {
            name: manifest.name.as_str(),
            version: manifest.version.to_string(),
            digest: inspection.digest,
            path: &path,
        };
        rules.check(&candidate).map_err(refused)?;
        all.push(Allowed {
            path,
            bytes,
            inspection,
        });
    }
    Ok(all)
}

/// Reads the manifests only: enough for checking flows, and quick.
pub(crate) fn read_manifests(repository: &Repository) -> Result<InstalledConnectors> {
    let connectors = allowed(repository)?.into_iter();
    let connectors = connectors.map(|one| {
        let manifest: Manifest = one.inspection.manifest;
        (manifest.into(), one.inspection.digest)
    });
    Ok(InstalledConnectors::new(connectors.collect()))
}

/// The bytes of every built connector.
pub(crate) fn read_all(repository: &Repository) -> Result<Vec<Vec<u8>>> {
    let connectors = allowed(repository)?.into_iter();
    Ok(connectors.map(|one| one.bytes).collect())
}

/// Compiles every connector into the host.
pub(crate) fn install(
    host: &ConnectorHost,
    repository: &Repository,
) -> Result<InstalledConnectors> {
    let mut connectors = Vec::new();
    for one in allowed(repository)? {
        let installed = host
            .add(&one.bytes)
            .with_context(|| one.path.display().to_string())?;
        connectors.push((installed.manifest.clone(), installed.digest));
    }
    Ok(InstalledConnectors::new(connectors))
}
