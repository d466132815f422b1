//! One file per secret, as Kubernetes mounts them.

use crate::{PREVIOUS, unreadable};
use dowel_core::port::{Secret, SecretError};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// A folder of secrets. Nothing of it is kept in memory: a replaced file counts at once.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The file of a secret.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The values of a secret, the newest first; none if there is no file.
    pub(crate) fn values(&self, name: &str) -> Result<Option<Vec<Secret>>, SecretError> {
        // Names come from files that others wrote, and must not leave the folder.
        let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(in_name) {
            return Ok(None);
        }
        let Some(newest) = read(&self.path(name), name)? else {
            return Ok(None);
        };
        let previous = read(&self.path(&format!("{name}.{PREVIOUS}")), name)?;
        let previous = previous.filter(|secret| !secret.expose().is_empty());
        Ok(Some(
            [Some(newest), previous].into_iter().flatten().collect(),
        ))
    }
}

fn read(path: &Path, name: &str) -> Result<Option<Secret>, SecretError> {
    match std::fs::metadata(path) {
        Ok(data) if !data.is_file() => return Ok(None),
        Ok(data) if data.len() > MAX_BYTES => {
            return Err(unreadable(name, "the file is too large"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(name, error.kind().to_string())),
    }
    let text = std::fs::read_to_string(path);
    let text = Zeroizing::new(text.map_err(|e| unreadable(name, e.kind().to_string()))?);
    // Editors end files with a line break that is not part of the secret.
    Ok(Some(Secret::new(text.strip_suffix('\n').unwrap_or(&text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(values: Option<Vec<Secret>>) -> Vec<String> {
        let values = values.unwrap_or_default();
        values.iter().map(|v| v.expose().to_owned()).collect()
    }

    #[test]
    fn files_are_found_and_names_cannot_leave_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(outer.path().join("outside"), "no").unwrap();
        std::fs::write(inner.join("crm_token"), "t0p\n").unwrap();
        let folder = Folder::new(inner.clone());
        assert_eq!(exposed(folder.values("crm_token").unwrap()), ["t0p"]);
        for name in ["other", "../outside", "/etc/hostname", ".", "..", ""] {
            assert!(folder.values(name).unwrap().is_none(), "{name}");
        }
        std::fs::write(inner.join("crm_token"), "new").unwrap();
        std::fs::write(inner.join("crm_token.previous"), "t0p\n").unwrap();
        assert_eq!(exposed(folder.values("crm_token").unwrap()), ["new", "t0p"]);
        std::fs::write(inner.join("large"), "x".repeat(65 << 10)).unwrap();
        assert!(folder.values("large").is_err());
    }
}
