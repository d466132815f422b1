//! Large values: one file each, named by its digest, synced before the tree refers to it.
//!
//! How many keys refer to a file is counted in memory: the store reads the whole tree
//! when it opens anyway, and a derived count cannot disagree with the tree.

use crate::health::Fault;
use crate::stored::FileReference;
use dowel_core::port::StoreError;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Ends the name of a file that is still being written.
const UNFINISHED: &str = "new";

/// Where files lie; all that a reader needs.
#[derive(Clone)]
pub(crate) struct ValueFolder(PathBuf);

impl ValueFolder {
    pub(crate) fn new(store: &Path) -> Self {
        Self(store.join("values"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn shelf(&self, reference: &FileReference) -> PathBuf {
        self.0.join(hex(&reference.digest[..1]))
    }

    fn file(&self, reference: &FileReference) -> PathBuf {
        self.shelf(reference).join(hex(&reference.digest))
    }

    /// Reads a value and compares it with its digest.
    pub(crate) fn read(&self, reference: &FileReference) -> Result<Vec<u8>, Fault> {
        match fs::read(self.file(reference)) {
            Ok(value) if reference.describes(&value) => Ok(value),
            Ok(_) => Err(Fault::Value(hex(&reference.digest))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Fault::Value(hex(&reference.digest)))
            }
            Err(error) => Err(Fault::io("reading a value file")(error)),
        }
    }

    /// Whether a file of the right length is there. Its contents are compared on reading.
    pub(crate) fn holds(&self, reference: &FileReference) -> bool {
        fs::metadata(self.file(reference)).is_ok_and(|found| found.len() == reference.length)
    }

    fn write(&self, reference: &FileReference, value: &[u8]) -> io::Result<()> {
        let shelf = self.shelf(reference);
        if !shelf.is_dir() {
            fs::create_dir_all(&shelf)?;
            File::open(&self.0)?.sync_all()?;
        }
        let target = self.file(reference);
        let unfinished = target.with_extension(UNFINISHED);
        let written = File::create(&unfinished)
            .and_then(|mut file| file.write_all(value).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&unfinished, &target))
            .and_then(|()| File::open(&shelf)?.sync_all());
        if written.is_err() {
            // Otherwise the sweep at the next opening takes it.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Removes every file that is not in `wanted`; returns how many.
    fn sweep(&self, wanted: &HashMap<FileReference, u64>) -> io::Result<usize> {
        let wanted: HashSet<PathBuf> = wanted
            .keys()
            .map(|reference| self.file(reference))
            .collect();
        let mut removed = 0;
        for shelf in fs::read_dir(&self.0)? {
            let shelf = shelf?.path();
            if !shelf.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shelf)? {
                let file = file?.path();
                if !wanted.contains(&file) {
                    fs::remove_file(&file)?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// The files and how many keys refer to each. Only the committer has it.
pub(crate) struct Values {
    folder: ValueFolder,
    /// A file that is here exists. A count of zero waits for its removal.
    references: HashMap<FileReference, u64>,
    unreferenced: Vec<FileReference>,
}

impl Values {
    /// Takes the counts that were found in the tree and removes files that nobody refers
    /// to: left by a crash between a file and its batch, or between a batch and the
    /// removal.
    pub(crate) fn open(
        folder: ValueFolder,
        references: HashMap<FileReference, u64>,
    ) -> io::Result<Self> {
        let removed = folder.sweep(&references)?;
        if removed > 0 {
            tracing::info!(removed, "removed value files that no key refers to");
        }
        Ok(Self {
            folder,
            references,
            unreferenced: Vec::new(),
        })
    }

    /// Makes sure that a value's file is there and synced.
    pub(crate) fn store(
        &mut self,
        reference: FileReference,
        value: &[u8],
    ) -> Result<(), StoreErrorOrFault> {
        if self.references.contains_key(&reference) {
            return Ok(());
        }
        self.folder
            .write(&reference, value)
            .map_err(|error| match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    StoreErrorOrFault::Refused(StoreError::Full)
                }
                _ => StoreErrorOrFault::Fault(Fault::io("writing a value file")(error)),
            })?;
        self.references.insert(reference, 0);
        self.unreferenced.push(reference);
        Ok(())
    }

    pub(crate) fn refer(&mut self, reference: FileReference) {
        *self.references.entry(reference).or_default() += 1;
    }

    pub(crate) fn release(&mut self, reference: FileReference) {
        if let Some(count) = self.references.get_mut(&reference) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.unreferenced.push(reference);
            }
        }
    }

    /// Removes the files whose last key is gone. Call it only when that is durable and no
    /// reader can still see the key.
    pub(crate) fn remove_unreferenced(&mut self) {
        for reference in std::mem::take(&mut self.unreferenced) {
            if self.references.get(&reference) != Some(&0) {
                continue;
            }
            self.references.remove(&reference);
            if let Err(error) = fs::remove_file(self.folder.file(&reference)) {
                // The sweep at the next opening takes it.
                tracing::warn!(%error, "cannot remove a value file that no key refers to");
            }
        }
    }
}

/// One batch is refused, or the store ends.
pub(crate) enum StoreErrorOrFault {
    Refused(StoreError),
    Fault(Fault),
}

impl From<Fault> for StoreErrorOrFault {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
