//! `dowel backup`: a copy of everything that a running host knows.

use crate::args::{Backup, Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::code::store::BACKUP_OCCUPIED;
use dowel_engine::backup::{BackupError, Counts, Frame, Reader};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The file of a backup in its folder.
const FILE: &str = "dowel.backup";

/// The same while it is being written: it is no backup until it was checked.
const UNFINISHED: &str = "dowel.backup.part";

/// The file of a backup.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
    bytes: u64,
    writes: u64,
    components: u64,
}

pub(crate) async fn run(backup: &Backup, format: Format) -> Result<ExitCode> {
    let target = file(&backup.folder);
    if target.exists() {
        bail!(
            "{BACKUP_OCCUPIED}: there is a backup in {} already; name another folder",
            backup.folder.display()
        );
    }
    fs::create_dir_all(&backup.folder)
        .with_context(|| format!("cannot make {}", backup.folder.display()))?;
    let part = backup.folder.join(UNFINISHED);
    let bytes = download(&backup.host, &part).await?;
    // What is on the disk is read again, from its first byte to its last.
    let counts = check(&part).map_err(|error| anyhow!("{}: {error}", error.code()))?;
    fs::rename(&part, &target)?;
    File::open(&backup.folder)?.sync_all()?;
    let report = Report {
        bytes,
        writes: counts.writes,
        components: counts.files,
        file: target,
    };
    let text = format!(
        "{}: {} bytes, {} writes, {} components, checked\n",
        report.file.display(),
        report.bytes,
        report.writes,
        report.components
    );
    output::print(format, &report, &text)?;
    Ok(exit::found(false))
}

async fn download(host: &Host, part: &Path) -> Result<u64> {
    let mut response = Client::new(host)?.stream("/api/v1/backup").await?;
    let mut file =
        File::create(part).with_context(|| format!("cannot write {}", part.display()))?;
    let mut bytes = 0;
    while let Some(chunk) = response
        .chunk()
        .await
        .context("the host broke the backup off")?
    {
        file.write_all(&chunk)
            .with_context(|| format!("cannot write {}", part.display()))?;
        bytes += chunk.len() as u64;
    }
    file.sync_all()?;
    Ok(bytes)
}

/// Reads a backup to its end.
fn check(path: &Path) -> Result<Counts, BackupError> {
    let mut reader = Reader::open(BufReader::new(File::open(path)?))?;
    let mut counts = Counts::default();
    while let Some(frame) = reader.frame()? {
        if let Frame::End(found) = frame {
            counts = found;
        }
    }
    Ok(counts)
}
