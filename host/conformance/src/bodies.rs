//! Large bodies for connectors under test: what they keep is thrown away, and what they
//! read is made up. A reference in a case or an example therefore needs no body behind it.

use dowel_core::port::{BlobError, BlobReader, BlobRef, BlobWriter, Blobs, BoxFuture};
use dowel_core::{Digester, RunId};
use std::future::ready;

/// What every made-up body is full of.
const FILLING: u8 = b'x';

/// The most that is given at once, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;

/// Keeps nothing.
pub(crate) struct MadeUp;

impl Blobs for MadeUp {
    fn write(&self, run: RunId) -> Box<dyn BlobWriter> {
        Box::new(Writing {
            run,
            size: 0,
            seen: Digester::default(),
        })
    }

    fn read<'a>(
        &'a self,
        _: RunId,
        blob: &'a BlobRef,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, BlobError>> {
        let reader: Box<dyn BlobReader> = Box::new(Reading { left: blob.size });
        Box::pin(ready(Ok(reader)))
    }
}

struct Writing {
    run: RunId,
    size: u64,
    seen: Digester,
}

impl BlobWriter for Writing {
    fn write<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<(), BlobError>> {
        self.seen.update(bytes);
        self.size += bytes.len() as u64;
        Box::pin(ready(Ok(())))
    }

    fn finish(
        self: Box<Self>,
        media_type: String,
        name: Option<String>,
    ) -> BoxFuture<'static, Result<BlobRef, BlobError>> {
        Box::pin(ready(Ok(BlobRef {
            digest: self.seen.finish(),
            run: self.run,
            size: self.size,
            media_type,
            name,
        })))
    }
}

struct Reading {
    left: u64,
}

impl BlobReader for Reading {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, BlobError>> {
        let now = self.left.min(PIECE_BYTES);
        self.left -= now;
        // A piece fits into memory on every machine.
        let piece = vec![FILLING; usize::try_from(now).unwrap_or_default()];
        Box::pin(ready(Ok((now > 0).then_some(piece))))
    }
}
