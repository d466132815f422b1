//! Fetching a connector from where it is published, and putting it where hosts load from.

use crate::args::Repository;
use crate::lock::{Candidate, Entry, Lock, Rules, Signature, capabilities, refused};
use crate::registry::{Artifact, Cache, Reference, Registry};
use anyhow::{Context as _, Result, bail};
use dowel_core::Digest;
use dowel_wasm::package::{self, Inspection};
use std::path::{Path, PathBuf};

/// Before paths in the lock.
const FILE: &str = "file:";

/// A connector that was fetched.
pub(crate) struct Fetched {
    pub(crate) component: Vec<u8>,
    pub(crate) signature: Option<Signature>,
    /// As it stands in the lock: pinned.
    pub(crate) source: String,
}

/// The cache of a repository.
pub(crate) fn cache(repository: &Repository) -> Cache {
    Cache::at(repository.work("registry"))
}

/// Fetches a connector from a path or a registry.
pub(crate) async fn fetch(source: &str, repository: &Repository) -> Result<Fetched> {
    if Reference::is_one(source) {
        return from_registry(&Reference::parse(source)?, &cache(repository)).await;
    }
    let path = Path::new(source.strip_prefix(FILE).unwrap_or(source));
    let path = match path.is_relative() && source.starts_with(FILE) {
        true => repository.repo.join(path),
        false => path.to_owned(),
    };
    let component =
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Fetched {
        component,
        signature: Signature::beside(&path)?,
        source: format!("{FILE}{}", relative(&path, &repository.repo).display()),
    })
}

async fn from_registry(reference: &Reference, cache: &Cache) -> Result<Fetched> {
    if let Some(digest) = reference.digest
        && let Some(artifact) = cache.artifact(digest)
        && let Some(component) = cache.component(artifact.component)
    {
        return Ok(Fetched {
            component,
            signature: artifact.signature,
            source: reference.to_string(),
        });
    }
    let pulled = Registry::new(reference)?
        .pull()
        .await
        .with_context(|| reference.to_string())?;
    cache.keep(&pulled.component)?;
    let artifact = Artifact {
        component: Digest::of(&pulled.component),
        signature: pulled.signature.clone(),
    };
    cache.keep_artifact(pulled.pinned, &artifact)?;
    Ok(Fetched {
        component: pulled.component,
        signature: pulled.signature,
        source: reference.pinned(pulled.pinned).to_string(),
    })
}

/// The component that the lock names: from the cache if it is there.
pub(crate) async fn locked(entry: &Entry, repository: &Repository) -> Result<Vec<u8>> {
    if let Some(component) = cache(repository).component(entry.digest) {
        return Ok(component);
    }
    let fetched = fetch(&entry.source, repository).await?;
    let found = Digest::of(&fetched.component);
    if found != entry.digest {
        bail!(
            "{} has the digest {found} now, and the lock says {}",
            entry.source,
            entry.digest
        );
    }
    cache(repository).keep(&fetched.component)?;
    Ok(fetched.component)
}

/// Where a component is loaded from.
pub(crate) fn place(repository: &Repository, name: &str, version: &str) -> PathBuf {
    let file = format!("{name}-{version}.wasm");
    repository.connectors_dir().join(file)
}

/// Writes a component where hosts load from. A host that starts at this moment sees the
/// old file or the new one.
pub(crate) fn write(path: &Path, component: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension("wasm.part");
    std::fs::write(&draft, component)
        .with_context(|| format!("cannot write {}", draft.display()))?;
    std::fs::rename(&draft, path).with_context(|| format!("cannot write {}", path.display()))
}

/// A connector that was added.
pub(crate) struct Added {
    pub(crate) entry: Entry,
    pub(crate) inspection: Inspection,
    pub(crate) signer: Option<String>,
    /// The entry of the newest version before it.
    pub(crate) before: Option<Entry>,
    pub(crate) path: PathBuf,
}

/// Checks a connector, puts it where hosts load from, and writes it into the lock.
pub(crate) fn add(fetched: Fetched, repository: &Repository) -> Result<Added> {
    let component = &fetched.component;
    package::check(component)?;
    let inspection = package::inspect(component)?;
    let (name, version) = (
        inspection.manifest.name.to_string(),
        inspection.manifest.version.to_string(),
    );
    let path = place(repository, &name, &version);
    let rules = Rules::read(&repository.repo)?;
    let candidate = Candidate {
        name: &name,
        version: version.clone(),
        digest: inspection.digest,
        path: &path,
    };
    let signer = rules
        .check_signature(&candidate, fetched.signature.as_ref())
        .map_err(refused)?;
    let mut lock = Lock::read(&repository.repo)
        .map_err(refused)?
        .unwrap_or_default();
    let before = lock.latest(&name).cloned();
    let entry = Entry {
        name,
        version,
        source: fetched.source,
        digest: inspection.digest,
        signature: fetched.signature,
        capabilities: capabilities(&inspection),
    };
    cache(repository).keep(component)?;
    write(&path, component)?;
    lock.put(entry.clone());
    lock.write(&repository.repo)?;
    Ok(Added {
        entry,
        inspection,
        signer,
        before,
        path,
    })
}

/// A path as it is written below the repository, if it is below it.
fn relative(path: &Path, repo: &Path) -> PathBuf {
    let (Ok(path), Ok(repo)) = (path.canonicalize(), repo.canonicalize()) else {
        return path.to_owned();
    };
    path.strip_prefix(&repo)
        .map_or(path.clone(), Path::to_owned)
}
