//! `dowel upgrade check`: whether this program could take over what a backup holds.

use super::{backup, restore};
use crate::args::{Format, Upgrade};
use crate::{exit, output};
use anyhow::{Context as _, Result};
use dowel_core::journal::{PLAIN_VERSION, VERSION};
use dowel_engine::backup::Verified;
use serde_json::json;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A folder for the restored data, removed with everything in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let name = format!("dowel-upgrade-check-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Journals hold what people may not see.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the restored data cannot be removed");
        }
    }
}

pub(crate) async fn run(command: Upgrade, format: Format) -> Result<ExitCode> {
    let Upgrade::Check { folder } = command;
    let scratch = Scratch::new()?;
    match look(&folder, &scratch.0).await {
        Ok(found) => {
            let text = format!(
                "this program reads the backup: {} runs, {} of them unfinished, {} plans; journals of format {} to {}, it reads {PLAIN_VERSION} to {VERSION}",
                found.runs, found.unfinished, found.plans, found.oldest_format, found.newest_format
            );
            let value = json!({
                "readable": true, "found": found, "reads": { "from": PLAIN_VERSION, "to": VERSION },
            });
            output::print(format, &value, &text)?;
            Ok(exit::found(false))
        }
        Err(error) => {
            let text = format!("this program must not take over: {error:#}");
            let value = json!({ "readable": false, "reason": format!("{error:#}") });
            output::print(format, &value, &text)?;
            Ok(exit::found(true))
        }
    }
}

async fn look(folder: &Path, scratch: &Path) -> Result<Verified> {
    let data = scratch.join("data");
    restore::fill(&backup::file(folder), &data).await?;
    restore::look(&data).await
}
