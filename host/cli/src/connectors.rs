//! Loads built connectors from a folder.

use crate::catalogue::InstalledConnectors;
use anyhow::{Context as _, Result};
use dowel_core::manifest::Manifest;
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

/// Reads the manifests only: enough for checking flows, and quick.
pub(crate) fn read_manifests(folder: &Path) -> Result<InstalledConnectors> {
    let mut connectors = Vec::new();
    for path in files(folder)? {
        let bytes = fs::read(&path)?;
        let inspection = package::inspect(&bytes).with_context(|| path.display().to_string())?;
        let manifest: Manifest = inspection.manifest.clone();
        connectors.push((manifest.into(), inspection.digest));
    }
    Ok(InstalledConnectors::new(connectors))
}

/// The bytes of every built connector.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let paths = files(folder)?;
    paths.iter().map(|path| Ok(fs::read(path)?)).collect()
}

/// Compiles every connector into the host.
pub(crate) fn install(host: &ConnectorHost, folder: &Path) -> Result<InstalledConnectors> {
    let mut connectors = Vec::new();
    for path in files(folder)? {
        let bytes = fs::read(&path)?;
        let installed = host
            .add(&bytes)
            .with_context(|| path.display().to_string())?;
        connectors.push((installed.manifest.clone(), installed.digest));
    }
    Ok(InstalledConnectors::new(connectors))
}
