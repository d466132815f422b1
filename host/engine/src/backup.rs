//! Backup and restore: everything in a store as one stream of frames.
//!
//! A stream begins with [`MAGIC`]. Each frame is its length (4 bytes, little endian), its
//! content, and the SHA-256 digest of the digest before it and the content: a frame that is
//! missing, changed or out of place breaks the chain. The last frame counts what came
//! before; a stream without it is not a backup.

mod frame;
mod verify;

pub use frame::{BackupError, Counts, Frame, Reader, Writer};
pub use verify::{Verified, verify};

use dowel_core::port::{Snapshot, StoreError};

/// The first bytes of every backup; the digit is the version of the form.
pub const MAGIC: &[u8; 8] = b"DOWELBK1";

/// A copy of a store as chunks of a backup.
pub struct Backup {
    writer: Writer,
    stage: Stage,
}

enum Stage {
    Files(std::vec::IntoIter<(String, Vec<u8>)>, Box<dyn Snapshot>),
    Store(Box<dyn Snapshot>),
    Ended,
}

impl Backup {
    /// Begins with files that belong to the store, by name.
    pub(crate) fn new(files: Vec<(String, Vec<u8>)>, snapshot: Box<dyn Snapshot>) -> Self {
        Self {
            writer: Writer::default(),
            stage: Stage::Files(files.into_iter(), snapshot),
        }
    }

    /// The next bytes; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Ended) {
                Stage::Ended => return Ok(None),
                Stage::Files(mut files, snapshot) => match files.next() {
                    Some((name, bytes)) => {
                        self.stage = Stage::Files(files, snapshot);
                        return Ok(Some(self.writer.frame(&Frame::File { name, bytes })));
                    }
                    None => self.stage = Stage::Store(snapshot),
                },
                Stage::Store(mut snapshot) => match snapshot.next().await? {
                    Some(writes) => {
                        self.stage = Stage::Store(snapshot);
                        return Ok(Some(self.writer.frame(&Frame::Writes(writes))));
                    }
                    None => return Ok(Some(self.writer.end())),
                },
            }
        }
    }
}
