//! Large bodies beside the values of a run.

use crate::host::{Host, ReadBlob, WriteBlob};
use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// The most that the host takes or gives in one call, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Bytes that are asked for at once.
const READ_BYTES: u32 = 256 * 1024;

/// Stands in values for a body that the host keeps beside the run: too large, or not text,
/// to be JSON. Operations return it and take it; what it says is the host's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blob {
    #[serde(rename = "$blob")]
    digest: String,
    run: String,
    size: u64,
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Blob {
    /// Its length, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What it is (RFC 9110, section 8.3.1).
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// A name for it, such as that of a file.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// A body that is being written. Dropped without [`finish`](Self::finish) it is taken back.
pub struct BlobWriter<'a>(Box<dyn WriteBlob + 'a>);

impl<'a> BlobWriter<'a> {
    pub(crate) fn create(host: &'a dyn Host) -> Result<Self> {
        #[cfg(not(target_arch = "wasm32"))]
        let body = host.create_blob()?;
        // Not by way of the host: a component that never comes here does not import it.
        #[cfg(target_arch = "wasm32")]
        let body = {
            let _ = host;
            crate::guest::create_blob()?
        };
        Ok(Self(body))
    }

    /// Makes it durable and gives the reference to it.
    pub fn finish(self, media_type: &str, name: Option<&str>) -> Result<Blob> {
        let reference = self.0.finish(media_type, name)?;
        serde_json::from_str(&reference)
            .map_err(|_| Error::internal("not-a-blob", "the host's reference cannot be read"))
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let now = bytes.len().min(PIECE_BYTES);
        self.0.write(&bytes[..now]).map_err(io::Error::other)?;
        Ok(now)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body that is being read.
pub struct BlobReader<'a> {
    body: Box<dyn ReadBlob + 'a>,
    size: u64,
    piece: Vec<u8>,
    taken: usize,
}

impl<'a> BlobReader<'a> {
    pub(crate) fn open(host: &'a dyn Host, blob: &Blob) -> Result<Self> {
        let reference = serde_json::to_string(blob)
            .map_err(|_| Error::internal("not-a-blob", "the reference cannot be written"))?;
        #[cfg(not(target_arch = "wasm32"))]
        let body = host.open_blob(&reference)?;
        #[cfg(target_arch = "wasm32")]
        let body = {
            let _ = host;
            crate::guest::open_blob(&reference)?
        };
        Ok(Self {
            body,
            size: blob.size,
            piece: Vec::new(),
            taken: 0,
        })
    }

    /// Its length, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for BlobReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            self.piece = self.body.read(READ_BYTES).map_err(io::Error::other)?;
            self.taken = 0;
        }
        let count = (&self.piece[self.taken..]).read(into)?;
        self.taken += count;
        Ok(count)
    }
}

impl Error {
    /// The error behind one of [`BlobWriter`] or [`BlobReader`]: the host's own, where it
    /// is. For `map_err` where bytes are copied by hand.
    pub fn of_stream(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => error,
            Err(other) => Self::internal("stream-failed", format!("a body broke off: {other}")),
        }
    }
}
