//! One process per folder.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// Held as long as the store is open; the kernel releases it when the process dies.
pub(crate) struct FolderLock {
    _file: File,
}

pub(crate) enum LockError {
    /// Another handle has it; the number of its process, if it could be read.
    Held(Option<u32>),
    Io(io::Error),
}

impl FolderLock {
    pub(crate) fn take(path: &Path) -> Result<Self, LockError> {
        Self::open(path)
            .map_err(LockError::Io)
            .and_then(|mut file| {
                match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => write_holder(&mut file).map_err(LockError::Io)?,
                    Err(rustix::io::Errno::WOULDBLOCK) => {
                        return Err(LockError::Held(read_holder(&mut file)));
                    }
                    Err(error) => return Err(LockError::Io(error.into())),
                }
                Ok(Self { _file: file })
            })
    }

    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
