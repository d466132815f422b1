//! `--watch`: waits until a file has changed.

use crate::args::Repository;
use anyhow::Result;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use walkdir::WalkDir;

/// How often files are looked at: at once to a person, nothing to a machine.
const INTERVAL: Duration = Duration::from_millis(250);

/// The files that tests depend on, with their times and sizes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Snapshot {
    /// What is there now.
    pub(crate) fn of(repository: &Repository) -> Result<Self> {
        let mut files = BTreeMap::new();
        for folder in [repository.repo.join("flows"), repository.connectors_dir()] {
            add(&folder, &mut files);
        }
        Ok(Self(files))
    }

    /// Waits until something has changed; false if the person has enough.
    pub(crate) async fn changed(&self, repository: &Repository) -> Result<bool> {
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(false),
                () = tokio::time::sleep(INTERVAL) => {}
            }
            if Self::of(repository)? != *self {
                return Ok(true);
            }
        }
    }
}

fn add(folder: &Path, files: &mut BTreeMap<PathBuf, (Option<SystemTime>, u64)>) {
    // What vanishes while it is looked at has changed and is seen the next time.
    for entry in WalkDir::new(folder).into_iter().filter_map(Result::ok) {
        if let Ok(data) = entry.metadata()
            && data.is_file()
        {
            files.insert(entry.into_path(), (data.modified().ok(), data.len()));
        }
    }
}
