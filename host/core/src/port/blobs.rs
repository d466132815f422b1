//! Large bodies beside the values of a run.

use super::BoxFuture;
use crate::digest::Digest;
use crate::id::RunId;
use serde::{Deserialize, Serialize};

/// Stands in a run's values for a body that lies beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Digest of the bytes.
    #[serde(rename = "$blob")]
    pub digest: Digest,
    /// The run that it was written in, and that it is removed with.
    pub run: RunId,
    /// Its length, in bytes.
    pub size: u64,
    /// What it is (RFC 9110, section 8.3.1).
    pub media_type: String,
    /// A name for it, such as that of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Why a blob could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// It is not there: the run that it was written in was removed, or never had it.
    #[error(
        "there is no such blob: the run that it was written in has been removed, or never had it"
    )]
    Gone,
    /// It was written in a run that is no relative of the one that asks.
    #[error("the blob belongs to a run that this one neither began nor was begun by")]
    Foreign,
    /// The disk of the store is full.
    #[error("the store's disk is full")]
    Full,
    /// The store failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// What is being written. Dropping it takes back what was written.
pub trait BlobWriter: Send {
    /// Appends. Done when the bytes are in the writer's buffer or on disk, so that a fast
    /// caller waits for the disk.
    fn write<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Ends it: durable when this is done.
    fn finish(
        self: Box<Self>,
        media_type: String,
        name: Option<String>,
    ) -> BoxFuture<'static, Result<BlobRef, BlobError>>;
}

/// What is being read.
pub trait BlobReader: Send {
    /// The next bytes, some at a time; nothing at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, BlobError>>;
}

/// Keeps large bodies. Both sides work piece by piece: no body is ever in memory whole.
pub trait Blobs: Send + Sync {
    /// Begins a blob of a run.
    fn write(&self, run: RunId) -> Box<dyn BlobWriter>;

    /// Opens a blob for a run: one of its own, or of a run of its family, which is all
    /// runs that began each other by `run` steps.
    fn read<'a>(
        &'a self,
        run: RunId,
        blob: &'a BlobRef,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, BlobError>>;
}
