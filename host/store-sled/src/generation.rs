//! Which of sled's folders is the current one.
//!
//! A store begins in `sled`. Compaction copies it to `sled-1`, `sled-2` and so on; a small
//! file names the folder that counts, and is replaced atomically.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const POINTER: &str = "generation";
const FIRST: &str = "sled";

/// The folder that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

/// What the pointer says.
pub(crate) enum Found {
    Current(Generation),
    /// The pointer cannot be read, or its folder is gone while another one is there.
    Damaged(&'static str),
}

impl Generation {
    fn name(&self) -> String {
        match self.0 {
            0 => FIRST.to_owned(),
            number => format!("{FIRST}-{number}"),
        }
    }

    pub(crate) fn folder(&self, store: &Path) -> PathBuf {
        store.join(self.name())
    }

    pub(crate) fn next(&self) -> Self {
        Self(self.0 + 1)
    }

    /// Whether nothing was ever stored here.
    pub(crate) fn is_new(store: &Path) -> io::Result<bool> {
        let first = Self(0);
        Ok(!store.join(POINTER).exists()
            && !first.folder(store).exists()
            && others(store, &first)?.is_empty())
    }

    /// Reads the pointer; a store without one is in its first folder.
    pub(crate) fn read(store: &Path) -> io::Result<Found> {
        let current = match fs::read_to_string(store.join(POINTER)) {
            Ok(text) => match text.trim().parse() {
                Ok(number) => Self(number),
                Err(_) => return Ok(Found::Damaged("its file `generation` cannot be read")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self(0),
            Err(error) => return Err(error),
        };
        let is_there = current.folder(store).is_dir();
        if !is_there && (current.0 > 0 || !others(store, &current)?.is_empty()) {
            return Ok(Found::Damaged("the folder of its log is missing"));
        }
        Ok(Found::Current(current))
    }

    /// Makes this one the current one, durably.
    pub(crate) fn point(&self, store: &Path) -> io::Result<()> {
        let target = store.join(POINTER);
        let fresh = target.with_extension("new");
        let mut file = File::create(&fresh)?;
        writeln!(file, "{}", self.0)?;
        file.sync_all()?;
        fs::rename(&fresh, &target)?;
        File::open(store)?.sync_all()
    }

    /// Removes every other folder: an older one, or a copy that was not finished.
    pub(crate) fn remove_others(&self, store: &Path) -> io::Result<()> {
        for folder in others(store, self)? {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    // It costs room and nothing else.
                    tracing::warn!(%error, "a log that is not needed cannot be removed now");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn others(store: &Path, current: &Generation) -> io::Result<Vec<PathBuf>> {
    let name = current.name();
    let mut found = Vec::new();
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        let other = entry.file_name();
        let is_generation = other
            .to_str()
            .is_some_and(|other| other == FIRST || other.starts_with("sled-"));
        if is_generation && other != *name {
            found.push(entry.path());
        }
    }
    Ok(found)
}
