//! The benchmark's folder: on the repository's file system, because the store's disk is
//! part of the result, and gone afterwards.

use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// What the folders' names begin with; the process's id follows.
const PREFIX: &str = "bench-";

/// A new folder in `work`. Folders of benchmarks that were killed are removed.
pub(crate) fn fresh(work: &Path) -> Result<TempDir> {
    fs::create_dir_all(work).with_context(|| format!("{} cannot be made", work.display()))?;
    remove_orphans(work)?;
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", std::process::id()))
        .tempdir_in(work)
        .with_context(|| format!("no folder can be made in {}", work.display()))
}

fn remove_orphans(work: &Path) -> Result<()> {
    for entry in fs::read_dir(work)? {
        let entry = entry?;
        if is_orphan(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            fs::remove_dir_all(&path)
                .with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    Ok(())
}

/// Whether this is the folder of a process that is gone.
fn is_orphan(name: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let process = rest.split('-').next().and_then(|id| id.parse::<u32>().ok());
    process.is_none_or(|id| !Path::new(&format!("/proc/{id}")).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_dead_are_removed() {
        let work = tempfile::tempdir().unwrap();
        let dead = work.path().join("bench-4194305-x");
        let own = work.path().join(format!("bench-{}-y", std::process::id()));
        let other = work.path().join("connectors");
        for folder in [&dead, &own, &other] {
            fs::create_dir_all(folder.join("inner")).unwrap();
        }
        let fresh = fresh(work.path()).unwrap();
        assert!(fresh.path().is_dir() && own.is_dir() && other.is_dir() && !dead.exists());
    }
}
