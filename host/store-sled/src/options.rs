use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Measures the bytes that are free where the store lies.
pub type FreeSpace = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// How a store is opened.
#[derive(Clone)]
pub struct SledOptions {
    /// Opens although acknowledged writes are missing or damaged: says in the log what is
    /// gone and takes what is left as the truth.
    pub accept_loss: bool,
    /// How many bytes of the tree sled keeps in memory.
    pub cache_bytes: u64,
    /// Values longer than this many bytes go to files of their own. At most
    /// [`SledOptions::MAX_BLOB_THRESHOLD`]; more is taken as that.
    pub blob_threshold: usize,
    /// With less than this many bytes free on the disk, commits are refused as
    /// [`Full`](dowel_core::port::StoreError::Full). sled must never meet a full disk
    /// itself: it cannot go on after a failed write.
    pub minimum_free_bytes: u64,
    /// A log that is more than three times as large as what lies in it, and this many bytes
    /// beyond that, is copied to a fresh one while the store works.
    pub compact_above: u64,
    /// Measures the free disk space: `statvfs`, or a stand-in of a test that fills the
    /// disk.
    pub free_space: FreeSpace,
}

impl SledOptions {
    /// The largest value that may lie in the tree, in bytes. sled writes a whole leaf as
    /// one message, a leaf has up to some twenty entries, and a message over a quarter of
    /// a segment lands in a file that sled never syncs: 24 entries of this size with the
    /// longest keys stay below that quarter (see `open::SEGMENT_BYTES`).
    pub const MAX_BLOB_THRESHOLD: usize = 16 * 1024;

    /// Holds the pages of the runs at work, which lie beside each other: a run has some
    /// seven entries, and a page has about eleven. More would be filled, when the store
    /// opens, with runs that wait for days: 200,000 of them may cost some 100 MiB in all.
    const CACHE_BYTES: u64 = 8 * 1024 * 1024;

    /// Room for the largest group, for sled to rewrite a few segments, and for an
    /// operator to work in.
    const MINIMUM_FREE_BYTES: u64 = 64 * 1024 * 1024;

    /// Small stores need no compaction, and a copy takes some seconds of a core.
    const COMPACT_ABOVE: u64 = 64 * 1024 * 1024;

    pub(crate) fn measure_free_space(&self, folder: &Path) -> io::Result<u64> {
        (self.free_space)(folder)
    }

    pub(crate) fn largest_inline(&self) -> usize {
        self.blob_threshold.min(Self::MAX_BLOB_THRESHOLD)
    }
}

impl Default for SledOptions {
    fn default() -> Self {
        Self {
            accept_loss: false,
            cache_bytes: Self::CACHE_BYTES,
            blob_threshold: Self::MAX_BLOB_THRESHOLD,
            minimum_free_bytes: Self::MINIMUM_FREE_BYTES,
            compact_above: Self::COMPACT_ABOVE,
            free_space: Arc::new(statvfs),
        }
    }
}

impl fmt::Debug for SledOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledOptions")
            .field("accept_loss", &self.accept_loss)
            .field("cache_bytes", &self.cache_bytes)
            .field("blob_threshold", &self.blob_threshold)
            .field("minimum_free_bytes", &self.minimum_free_bytes)
            .field("compact_above", &self.compact_above)
            .finish_non_exhaustive()
    }
}

fn statvfs(folder: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}
