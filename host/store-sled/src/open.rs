//! Opening: the lock, the watermark, sled, and the checks between them.

use crate::generation::{self, Generation};
use crate::health::{Fault, caught};
use crate::lock::{FolderLock, LockError};
use crate::options::SledOptions;
use crate::record::Record;
use crate::recover;
use crate::values::{ValueFolder, Values};
use crate::view::View;
use crate::watermark::{self, Found, Watermark};
use dowel_core::code::{Code, store};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// sled's unit of writing. Four times its default: a message over a quarter of this goes
/// to a file that sled never syncs, and a message can be a whole leaf of some twenty
/// values (see [`SledOptions::MAX_BLOB_THRESHOLD`]) or an index page of 256 keys.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;

/// A store that was closed in this process may hold sled's file for a moment longer: its
/// background threads let go of it last.
const RELEASE_ATTEMPTS: u32 = 200;
const RELEASE_PAUSE: Duration = Duration::from_millis(10);

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has it open.
    #[error("{path} is in use by {}; stop it, or use another folder", holder(.process))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that has it, if known.
        process: Option<u32>,
    },
    /// Acknowledged groups are missing at the end.
    #[error(
        "{path} has lost the last {missing} groups of writes that were acknowledged (it has {found} of {acknowledged}): \
         the end of its log is cut or damaged. Copy the folder before anything else, then restore a backup; or open \
         it with --accept-loss, which goes on without them"
    )]
    Behind {
        /// The folder.
        path: PathBuf,
        /// The last group that was acknowledged.
        acknowledged: u64,
        /// The last group that is there.
        found: u64,
        /// How many are missing.
        missing: u64,
    },
    /// What is there is not what was written.
    #[error(
        "{path} is damaged: {what}. Copy the folder before anything else, then restore a backup; or open it with \
         --accept-loss, which takes what is left as the truth"
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn holder(process: &Option<u32>) -> String {
    process.map_or_else(|| "another process".into(), |id| format!("process {id}"))
}

impl OpenError {
    /// Its stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::InUse { .. } => store::IN_USE,
            Self::Behind { .. } => store::BEHIND,
            Self::Damaged { .. } => store::DAMAGED,
            Self::Io { .. } => store::UNAVAILABLE,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    fn fault(path: &Path, fault: Fault) -> Self {
        match fault {
            Fault::Io { source, .. } | Fault::Sled(sled::Error::Io(source)) => {
                Self::io(path, source)
            }
            other => Self::damaged(path, other.to_string()),
        }
    }
}

/// A store that passed its checks.
pub(crate) struct Opened {
    pub(crate) view: View,
    pub(crate) sync_handle: File,
    pub(crate) watermark: Watermark,
    pub(crate) values: Values,
    pub(crate) record: Record,
    pub(crate) generation: Generation,
    /// Keys and raw values together.
    pub(crate) live_bytes: u64,
    pub(crate) lock: FolderLock,
}

pub(crate) fn open(path: &Path, options: &SledOptions) -> Result<Opened, OpenError> {
    let io = |source| OpenError::io(path, source);
    fs::create_dir_all(path).map_err(io)?;
    let lock = FolderLock::take(&path.join("lock")).map_err(|error| match error {
        LockError::Io(source) => io(source),
        LockError::Held(process) => OpenError::InUse {
            path: path.to_owned(),
            process,
        },
    })?;
    let acknowledged = read_watermark(path, options)?;
    let generation = match Generation::read(path).map_err(io)? {
        generation::Found::Current(generation) => generation,
        generation::Found::Damaged(what) => return Err(OpenError::damaged(path, what)),
    };
    let folder = generation.folder(path);
    let values = ValueFolder::new(path);
    for folder in [folder.as_path(), values.path()] {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let sync_handle = sync_handle(&folder).map_err(io)?;
    let tree = open_sled(&folder, options).map_err(|fault| OpenError::fault(path, fault))?;
    sync_folders(path, [&folder, values.path()]).map_err(io)?;

    let recovered = recover::recover(path, &tree, &values, acknowledged, options)?;
    // An accepted loss has written to the tree.
    sync_handle.sync_data().map_err(io)?;
    let watermark = Watermark::reset(path, recovered.record.sequence).map_err(io)?;
    // Only now is it known that the others are not needed.
    generation.remove_others(path).map_err(io)?;
    Ok(Opened {
        view: View::new(tree, values.clone()),
        sync_handle,
        watermark,
        values: Values::open(values, recovered.references).map_err(io)?,
        record: recovered.record,
        generation,
        live_bytes: recovered.live_bytes,
        lock,
    })
}

/// How far acknowledgements went. A new store gets its watermark before anything else, so
/// a store without one has lost it.
fn read_watermark(path: &Path, options: &SledOptions) -> Result<u64, OpenError> {
    let io = |source| OpenError::io(path, source);
    let what = match watermark::read(path).map_err(io)? {
        Found::Sequence(sequence) => return Ok(sequence),
        Found::Nothing if Generation::is_new(path).map_err(io)? => {
            Watermark::reset(path, 0).map_err(io)?;
            return Ok(0);
        }
        Found::Nothing => "its watermark file is missing",
        Found::Damaged => "its watermark file cannot be read",
    };
    if !options.accept_loss {
        return Err(OpenError::damaged(path, what));
    }
    tracing::warn!(
        what,
        "opening all the same: whether acknowledged writes are missing is unknown"
    );
    Ok(0)
}

/// The second handle. What a killed process had written but not synced is synced before
/// sled reads it: what readers are shown must be durable.
pub(crate) fn sync_handle(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("db"))?;
    file.sync_all()?;
    Ok(file)
}

pub(crate) fn open_sled(folder: &Path, options: &SledOptions) -> Result<sled::Db, Fault> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(options.cache_bytes)
        // Both modes write alike; this one returns freed segments to the file system.
        .mode(sled::Mode::LowSpace)
        // The committer flushes; a second flusher would only compete with it.
        .flush_every_ms(None)
        // Values are small by now, and the price would be paid on the committer's thread.
        .use_compression(false)
        .segment_size(SEGMENT_BYTES);
    let mut attempts = 0;
    loop {
        match caught(|| Ok(config.open()?)) {
            Err(Fault::Sled(sled::Error::Io(error)))
                if attempts < RELEASE_ATTEMPTS
                    && error.to_string().contains("could not acquire lock") =>
            {
                attempts += 1;
                thread::sleep(RELEASE_PAUSE);
            }
            other => return other,
        }
    }
}

/// Makes the names of new files durable, those that a killed process made included.
fn sync_folders(path: &Path, inner: [&Path; 2]) -> io::Result<()> {
    for folder in inner.into_iter().chain([path]) {
        File::open(folder)?.sync_all()?;
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
