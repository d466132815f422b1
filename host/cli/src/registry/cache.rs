//! What was fetched before, by digest: it is there without the registry.

use crate::lock::Signature;
use anyhow::Result;
use dowel_core::Digest;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of components and of artifacts that name them.
pub(crate) struct Cache(PathBuf);

/// An artifact that was fetched.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) component: Digest,
    pub(crate) signature: Option<Signature>,
}

impl Cache {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// A component; `None` if it is not there, or not the one that it was.
    pub(crate) fn component(&self, digest: Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path(digest, "wasm")).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }

    /// An artifact by the digest of its manifest.
    pub(crate) fn artifact(&self, digest: Digest) -> Option<Artifact> {
        let text = fs::read(self.path(digest, "json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Keeps a component.
    pub(crate) fn keep(&self, component: &[u8]) -> Result<()> {
        self.write(&self.path(Digest::of(component), "wasm"), component)
    }

    /// Keeps an artifact of a component that is kept.
    pub(crate) fn keep_artifact(&self, pinned: Digest, artifact: &Artifact) -> Result<()> {
        let text = serde_json::to_vec(artifact)?;
        self.write(&self.path(pinned, "json"), &text)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        fs::create_dir_all(&self.0)?;
        let draft = path.with_extension("part");
        fs::write(&draft, bytes)?;
        Ok(fs::rename(&draft, path)?)
    }

    fn path(&self, digest: Digest, ending: &str) -> PathBuf {
        self.0.join(format!("{}.{ending}", digest.hex()))
    }
}
