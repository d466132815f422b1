//! Components that runs began with, kept by their digest in the data folder: a run ends
//! on the versions that it began with, whatever is built or installed meanwhile.

use anyhow::{Context as _, Result};
use dowel_core::Digest;
use dowel_mapping::Mapping;
use dowel_wasm::ConnectorHost;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where components are kept.
pub(crate) struct Kept(PathBuf);

/// What a component is for; the beginning of its file's name.
#[derive(Clone, Copy)]
enum Kind {
    Connector,
    Mapping,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Connector => "connector-",
            Self::Mapping => "mapping-",
        }
    }
}

impl Kept {
    /// The components of a data folder.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let folder = Self::folder_of(data);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// The folder that they lie in.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Where they lie in a data folder.
    pub(crate) fn folder_of(data: &Path) -> PathBuf {
        data.join("components")
    }

    /// Keeps what new plans will pin. On disk when this returns.
    pub(crate) fn keep(&self, connectors: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
        for bytes in connectors {
            self.write(Kind::Connector, &bytes)?;
        }
        self.write(Kind::Mapping, Mapping::embedded_guest())?;
        Ok(File::open(&self.0)?.sync_all()?)
    }

    /// Loads what earlier plans have pinned, but for what only retired ones would need. One that cannot be loaded stops only the
    /// runs that need it, so it is a warning.
    pub(crate) fn load(
        &self,
        host: &ConnectorHost,
        mapping: &Mapping,
        retired: &BTreeSet<Digest>,
    ) -> Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let Some(kind) = kind(&path) else { continue };
            let bytes = fs::read(&path)?;
            if retired.contains(&Digest::of(&bytes)) {
                continue;
            }
            let loaded = match kind {
                _ if self.path(kind, &bytes) != path => Err("its content has changed".to_owned()),
                Kind::Connector => host.add_kept(&bytes).map(|_| ()).map_err(|e| e.to_string()),
                Kind::Mapping => mapping
                    .add_guest(&bytes)
                    .map(|_| ())
                    .map_err(|e| e.to_string()),
            };
            if let Err(reason) = loaded {
                tracing::warn!(file = %path.display(), reason, "a kept component cannot be loaded");
            }
        }
        Ok(())
    }

    fn path(&self, kind: Kind, bytes: &[u8]) -> PathBuf {
        self.0
            .join(format!("{}{}.wasm", kind.prefix(), Digest::of(bytes).hex()))
    }

    fn write(&self, kind: Kind, bytes: &[u8]) -> Result<()> {
        let path = self.path(kind, bytes);
        if path.is_file() {
            return Ok(());
        }
        let part = path.with_extension("part");
        let mut file =
            File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(fs::rename(&part, &path)?)
    }
}

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?.strip_suffix(".wasm")?;
    [Kind::Connector, Kind::Mapping]
        .into_iter()
        .find(|kind| name.starts_with(kind.prefix()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_under_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        kept.keep([b"one".to_vec(), b"one".to_vec(), b"two".to_vec()])
            .unwrap();
        let files: Vec<_> = fs::read_dir(folder.path().join("components"))
            .unwrap()
            .collect();
        assert_eq!(files.len(), 3, "two connectors and the mapping guest");
        let name = format!("connector-{}.wasm", Digest::of("one").hex());
        assert_eq!(
            fs::read(folder.path().join("components").join(name)).unwrap(),
            b"one"
        );
    }
}
