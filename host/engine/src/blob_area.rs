//! Large bodies beside the values of a run, in pieces.
//!
//! A body is rows of the run that it was written in and is removed with that run: there
//! is nothing to count. A run may read what its family wrote, which is all runs that
//! began each other, so that a reference means something in a sub-flow's input and in
//! its answer. Whoever else has such a reference, from a payload perhaps, has a text.

use crate::engine::Engine;
use crate::journal::{self, JournalError};
use crate::keys;
use dowel_core::journal::Event;
use dowel_core::port::{
    Batch, BlobError, BlobReader, BlobRef, BlobWriter, Blobs, BoxFuture, Randomness, Store,
    StoreError,
};
use dowel_core::{Digest, Digester, RunId};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

/// The bytes of one piece: what a body costs in memory, whatever its size is.
const PIECE_BYTES: usize = 256 * 1024;

/// The deepest family that is looked at; `run` steps are limited to less.
const MAX_DEPTH: usize = 64;

/// The blobs of the runs in a store.
#[derive(Clone)]
pub struct BlobArea {
    store: Arc<dyn Store>,
    randomness: Arc<dyn Randomness>,
}

/// Where the pieces of a whole body are.
#[derive(Serialize, Deserialize)]
struct Whole {
    body: [u8; 16],
    pieces: u32,
    size: u64,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A body for somebody who looks at a run.
pub struct OpenBlob {
    /// Its length, in bytes.
    pub size: u64,
    /// What it is, as the connector says that wrote it.
    pub media_type: String,
    /// A name for it, as that connector says.
    pub name: Option<String>,
    /// Its bytes.
    pub body: Box<dyn BlobReader>,
}

impl BlobArea {
    /// The blobs in this store.
    pub fn new(store: Arc<dyn Store>, randomness: Arc<dyn Randomness>) -> Self {
        Self { store, randomness }
    }

    /// A blob for somebody who may see the run that it was written in.
    ///
    /// # Errors
    /// [`BlobError::Gone`] if the run has no blob of this digest.
    pub async fn of_run(&self, run: RunId, digest: &Digest) -> Result<OpenBlob, BlobError> {
        let found = self.store.get(&keys::body(run, digest)).await;
        let bytes = found.map_err(failed)?.ok_or(BlobError::Gone)?;
        let whole: Whole =
            serde_json::from_slice(&bytes).map_err(|e| BlobError::Failed(e.to_string()))?;
        Ok(OpenBlob {
            size: whole.size,
            media_type: whole.media_type,
            name: whole.name,
            body: Box::new(Reader {
                store: Arc::clone(&self.store),
                run,
                body: whole.body,
                left: 0..whole.pieces,
            }),
        })
    }

    async fn open(&self, run: RunId, blob: &BlobRef) -> Result<Box<dyn BlobReader>, BlobError> {
        if blob.run != run && self.root(blob.run).await? != self.root(run).await? {
            return Err(BlobError::Foreign);
        }
        let opened = self.of_run(blob.run, &blob.digest).await?;
        Ok(opened.body)
    }

    /// The run that nobody's `run` step began.
    async fn root(&self, mut run: RunId) -> Result<RunId, BlobError> {
        for _ in 0..MAX_DEPTH {
            let first = journal::first(self.store.as_ref(), run).await;
            let created = match first.map_err(|e| unreadable(&e))?.map(|entry| entry.event) {
                Some(Event::Created(created)) => created,
                _ => return Err(BlobError::Gone),
            };
            match created.parent {
                Some(parent) => run = parent.run,
                None => return Ok(run),
            }
        }
        Err(BlobError::Foreign)
    }
}

impl Engine {
    /// The large bodies that its runs have written.
    pub fn blobs(&self) -> BlobArea {
        let ports = &self.shared().ports;
        BlobArea::new(Arc::clone(&ports.store), Arc::clone(&ports.randomness))
    }
}

impl Blobs for BlobArea {
    fn write(&self, run: RunId) -> Box<dyn BlobWriter> {
        Box::new(Writer {
            store: Arc::clone(&self.store),
            run,
            body: self.randomness.bytes(),
            pieces: 0,
            size: 0,
            digest: Digester::default(),
            buffer: Vec::new(),
            is_kept: false,
        })
    }

    fn read<'a>(
        &'a self,
        run: RunId,
        blob: &'a BlobRef,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, BlobError>> {
        Box::pin(self.open(run, blob))
    }
}

struct Writer {
    store: Arc<dyn Store>,
    run: RunId,
    body: [u8; 16],
    /// How many are written.
    pieces: u32,
    size: u64,
    digest: Digester,
    /// Less than a piece.
    buffer: Vec<u8>,
    /// Whether the body is whole and has its name.
    is_kept: bool,
}

impl Writer {
    async fn append(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - self.buffer.len()));
            if self.buffer.capacity() == 0 {
                // Not grown step by step: each step would be a piece of memory more.
                self.buffer.reserve_exact(PIECE_BYTES);
            }
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == PIECE_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), BlobError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        let key = keys::body_piece(self.run, self.body, self.pieces);
        batch.put(key, std::mem::take(&mut self.buffer));
        // Counted first: what this future leaves when it is dropped may be on the disk.
        self.pieces += 1;
        self.store.commit(batch).await.map_err(failed)
    }

    async fn end(mut self, media_type: String, name: Option<String>) -> Result<BlobRef, BlobError> {
        self.flush().await?;
        let digest = self.digest.finish();
        let whole = Whole {
            body: self.body,
            pieces: self.pieces,
            size: self.size,
            media_type: media_type.clone(),
            name: name.clone(),
        };
        let text = serde_json::to_vec(&whole).map_err(|e| BlobError::Failed(e.to_string()))?;
        let key = keys::body(self.run, &digest);
        let mut batch = Batch::default();
        batch.require_absent(key.clone()).put(key, text);
        match self.store.commit(batch).await {
            Ok(()) => self.is_kept = true,
            // The same bytes are there, from an earlier attempt: these are taken back.
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(BlobRef {
            digest,
            run: self.run,
            size: self.size,
            media_type,
            name,
        })
    }
}

impl BlobWriter for Writer {
    fn write<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), BlobError>> {
        Box::pin(self.append(bytes))
    }

    fn finish(
        self: Box<Self>,
        media_type: String,
        name: Option<String>,
    ) -> BoxFuture<'static, Result<BlobRef, BlobError>> {
        Box::pin(self.end(media_type, name))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_kept || self.pieces == 0 {
            return;
        }
        let mut batch = Batch::default();
        for position in 0..self.pieces {
            batch.delete(keys::body_piece(self.run, self.body, position));
        }
        // Handed over by the call. What a crash leaves here goes with the run.
        drop(self.store.commit(batch));
    }
}

struct Reader {
    store: Arc<dyn Store>,
    run: RunId,
    body: [u8; 16],
    left: Range<u32>,
}

impl BlobReader for Reader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, BlobError>> {
        Box::pin(async move {
            let Some(position) = self.left.next() else {
                return Ok(None);
            };
            let key = keys::body_piece(self.run, self.body, position);
            let piece = self.store.get(&key).await.map_err(failed)?;
            piece.map(Some).ok_or(BlobError::Gone)
        })
    }
}

fn failed(error: StoreError) -> BlobError {
    match error {
        StoreError::Full => BlobError::Full,
        other => BlobError::Failed(other.to_string()),
    }
}

fn unreadable(error: &JournalError) -> BlobError {
    BlobError::Failed(error.to_string())
}
