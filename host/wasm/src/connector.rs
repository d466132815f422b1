//! An installed connector: checked, compiled, ready to be instantiated.

use crate::cache::Cache;
use crate::exports::Prepared;
use crate::guest::GuestState;
use crate::load::LoadError;
use crate::package;
use dowel_core::Digest;
use dowel_core::manifest::{CONTRACTS, Manifest};
use std::sync::Arc;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// Packages of WASI 0.2 whose interfaces are linked, to an empty context.
const WASI_PACKAGES: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// Interfaces of `wasi:http` that are linked, into the gateway.
const WASI_HTTP: [&str; 2] = ["wasi:http/types", "wasi:http/outgoing-handler"];

/// A connector version that is loaded.
#[derive(Clone)]
pub struct Installed {
    /// What it says about itself.
    pub manifest: Arc<Manifest>,
    /// Digest of the component, manifest included.
    pub digest: Digest,
    pub(crate) pre: Prepared,
}

impl std::fmt::Debug for Installed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installed")
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// Checks and compiles a component.
pub(crate) fn load(
    engine: &Engine,
    linker: &Linker<GuestState>,
    cache: Option<&Cache>,
    bytes: &[u8],
) -> Result<Installed, LoadError> {
    let manifest = Arc::new(package::manifest(bytes)?);
    let contract = check_shape(bytes)?;
    if manifest.contract != contract {
        return Err(missing_operations(&manifest.contract));
    }
    check_needs(bytes, &manifest)?;
    let digest = Digest::of(bytes);
    let component = compile(engine, cache, digest, bytes)?;
    Ok(Installed {
        pre: Prepared::new(linker, &component, &manifest)?,
        manifest,
        digest,
    })
}

/// Refuses unknown imports and missing exports by name, before anything is compiled. The
/// contract that the component follows.
pub(crate) fn check_shape(bytes: &[u8]) -> Result<&'static str, LoadError> {
    let shape = package::shape(bytes)?;
    let unknown: Vec<String> = shape
        .imports
        .into_iter()
        .filter(|name| !is_known_import(name))
        .collect();
    if !unknown.is_empty() {
        return Err(LoadError::UnknownImports(unknown));
    }
    let exports = |contract: &&str| shape.exports.contains(&operations(contract));
    let newest = CONTRACTS[CONTRACTS.len() - 1];
    let found = CONTRACTS.into_iter().rev().find(exports);
    found.ok_or_else(|| missing_operations(newest))
}

fn operations(contract: &str) -> String {
    format!("dowel:connector/operations@{contract}")
}

fn missing_operations(contract: &str) -> LoadError {
    LoadError::MissingExport(format!("`{}` is missing", operations(contract)))
}

/// Imports by which requests can leave.
const WAYS_OUT: [&str; 3] = [
    "wasi:http/outgoing-handler@",
    "dowel:connector/http@",
    "dowel:connector/tcp@",
];

/// The import by which large bodies are written and read.
const BLOBS: &str = "dowel:connector/blobs@";

/// What the manifest asks for has to be something that the component can use: nobody
/// grants what cannot be needed.
pub(crate) fn check_needs(bytes: &[u8], manifest: &Manifest) -> Result<(), LoadError> {
    let imports = package::shape(bytes)?.imports;
    let way_out = |name: &String| WAYS_OUT.iter().any(|way| name.starts_with(way));
    match manifest.egress.first() {
        Some(rule) if !imports.iter().any(way_out) => {
            return Err(LoadError::UnusedNeed(rule.clone()));
        }
        _ => {}
    }
    if manifest.blobs && !imports.iter().any(|name| name.starts_with(BLOBS)) {
        return Err(LoadError::UnusedNeed("blobs".to_owned()));
    }
    Ok(())
}

/// Whether an interface is one that guests are given.
fn is_known_import(name: &str) -> bool {
    let Some((interface, version)) = name.split_once('@') else {
        return false;
    };
    if let Some(own) = interface.strip_prefix("dowel:connector/") {
        let since = match own {
            "host" | "types" => 0,
            "signatures" | "blobs" | "http" => 1,
            _ => return false,
        };
        return CONTRACTS[since..].contains(&version);
    }
    if !version.starts_with("0.2.") {
        return false;
    }
    let package = interface
        .strip_prefix("wasi:")
        .and_then(|rest| rest.split_once('/'))
        .map(|(package, _)| package);
    WASI_HTTP.contains(&interface) || package.is_some_and(|p| WASI_PACKAGES.contains(&p))
}

/// Compiles, or takes what was compiled before.
fn compile(
    engine: &Engine,
    cache: Option<&Cache>,
    digest: Digest,
    bytes: &[u8],
) -> Result<Component, LoadError> {
    if let Some(component) = cache.and_then(|cache| cache.load(engine, digest)) {
        return Ok(component);
    }
    let failed = |e: wasmtime::Error| LoadError::Compile(format!("{e:#}"));
    let component = Component::new(engine, bytes).map_err(failed)?;
    if let Some(cache) = cache {
        let artefact = component.serialize().map_err(failed)?;
        if let Err(e) = cache.store(digest, &artefact) {
            // The connector works; it is compiled again at the next start.
            tracing::warn!(component = %digest, "a compiled connector was not kept: {e}");
        }
    }
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::is_known_import;

    #[test]
    fn which_imports_are_known() {
        for known in [
            "dowel:connector/host@0.1.0",
            "dowel:connector/types@0.1.0",
            "dowel:connector/host@0.2.0",
            "dowel:connector/signatures@0.2.0",
            "dowel:connector/blobs@0.2.0",
            "dowel:connector/http@0.2.0",
            "wasi:cli/environment@0.2.6",
            "wasi:filesystem/preopens@0.2.0",
            "wasi:http/outgoing-handler@0.2.12",
        ] {
            assert!(is_known_import(known), "{known}");
        }
        for unknown in [
            "dowel:connector/host@0.3.0",
            "dowel:connector/signatures@0.1.0",
            "dowel:connector/http@0.1.0",
            "dowel:connector/secrets@0.1.0",
            "dowel:connector/blobs@0.1.0",
            "wasi:http/incoming-handler@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment",
            "host",
        ] {
            assert!(!is_known_import(unknown), "{unknown}");
        }
    }
}
