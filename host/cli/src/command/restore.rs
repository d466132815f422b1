//! `dowel restore`: a new data folder from a backup.

use super::backup;
use crate::args::{Format, Restore};
use crate::kept::Kept;
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::code::store::{RESTORE_OCCUPIED, RESTORE_UNREADABLE};
use dowel_core::port::{Batch, Store};
use dowel_engine::EngineError;
use dowel_engine::backup::{BackupError, Counts, Frame, Reader, Verified, verify};
use dowel_store_sled::{SledOptions, SledStore};
use serde::Serialize;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Serialize)]
struct Report {
    data: PathBuf,
    writes: u64,
    components: u64,
    #[serde(flatten)]
    verified: Verified,
}

pub(crate) async fn run(restore: &Restore, format: Format) -> Result<ExitCode> {
    let data = &restore.data;
    let is_occupied = fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some());
    if is_occupied || data.is_file() {
        bail!(
            "{RESTORE_OCCUPIED}: {} is not empty; a restore never writes over anything",
            data.display()
        );
    }
    // What is half restored must not look like a data folder.
    let part = part(data)?;
    if part.exists() {
        fs::remove_dir_all(&part).with_context(|| format!("cannot remove {}", part.display()))?;
    }
    let counts = fill(&backup::file(&restore.folder), &part).await?;
    let verified = look(&part).await?;
    if data.exists() {
        fs::remove_dir(data)?;
    }
    fs::rename(&part, data)?;
    sync_parent(data)?;
    let report = Report {
        data: data.clone(),
        writes: counts.writes,
        components: counts.files,
        verified,
    };
    let text = format!(
        "{}: {} runs, {} of them unfinished; digests, counts and journals are in order\n",
        data.display(),
        verified.runs,
        verified.unfinished
    );
    output::print(format, &report, &text)?;
    Ok(exit::found(false))
}

fn part(data: &Path) -> Result<PathBuf> {
    let name = data.file_name().context("--data must name a folder")?;
    let mut name = name.to_owned();
    name.push(".restoring");
    Ok(data.with_file_name(name))
}

fn sync_parent(data: &Path) -> Result<()> {
    let parent = data.parent().filter(|path| !path.as_os_str().is_empty());
    Ok(File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
}

fn coded(error: &BackupError) -> anyhow::Error {
    anyhow!("{}: {error}", error.code())
}

pub(super) async fn fill(backup: &Path, part: &Path) -> Result<Counts> {
    let file =
        File::open(backup).with_context(|| format!("there is no backup {}", backup.display()))?;
    let mut reader = Reader::open(BufReader::new(file)).map_err(|error| coded(&error))?;
    let components = Kept::folder_of(part);
    fs::create_dir_all(&components)?;
    let store = open(part)?;
    let mut counts = Counts::default();
    while let Some(frame) = reader.frame().map_err(|error| coded(&error))? {
        match frame {
            Frame::File { name, bytes } => write_component(&components, &name, &bytes)?,
            Frame::Writes(writes) => {
                let preconditions = Vec::new();
                let batch = Batch {
                    preconditions,
                    writes,
                };
                store.commit(batch).await?;
            }
            Frame::End(found) => counts = found,
        }
    }
    File::open(&components)?.sync_all()?;
    store.close();
    Ok(counts)
}

fn write_component(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let is_plain = Path::new(name).file_name().is_some_and(|file| file == name);
    if !is_plain {
        bail!("{RESTORE_UNREADABLE}: the backup names a file `{name}`");
    }
    let path = folder.join(name);
    fs::write(&path, bytes)?;
    Ok(File::open(&path)?.sync_all()?)
}

fn open(part: &Path) -> Result<SledStore> {
    SledStore::open(part, SledOptions::default())
        .map_err(|error| anyhow!("{}: {error}", error.code()))
}

/// Opens what was written once more, which compares watermark and fingerprint, and folds
/// every journal.
pub(super) async fn look(part: &Path) -> Result<Verified> {
    let store = open(part)?;
    let verified = verify(&store).await;
    store.close();
    verified.map_err(|error| match error {
        EngineError::Format(error) => anyhow!("{}: {error}", error.code()),
        error => anyhow!("{RESTORE_UNREADABLE}: {error}"),
    })
}
