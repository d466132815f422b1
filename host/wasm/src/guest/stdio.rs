//! Standard output and error of a guest: lines of the run's log.

use super::log;
use crate::bindings::dowel::connector::host::Level;
use crate::scope::Slot;
use bytes::Bytes;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes that are taken at once, and the longest line that is put together.
const CHUNK_BYTES: usize = 4 * 1024;

/// One of the two streams.
#[derive(Clone)]
pub(crate) struct Output {
    slot: Arc<Slot>,
    level: Level,
    /// A line that has not ended yet.
    partial: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    pub(crate) fn stdout(slot: Arc<Slot>) -> Self {
        Self::new(slot, Level::Info)
    }

    pub(crate) fn stderr(slot: Arc<Slot>) -> Self {
        Self::new(slot, Level::Warn)
    }

    fn new(slot: Arc<Slot>, level: Level) -> Self {
        Self {
            slot,
            level,
            partial: Arc::default(),
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut partial = self.partial.lock();
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            partial.extend_from_slice(part);
            if part.ends_with(b"\n") || partial.len() >= CHUNK_BYTES {
                let line = std::mem::take(&mut *partial);
                self.line(&line);
            }
        }
    }

    fn line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        if let (Some(scope), false) = (self.slot.get(), text.is_empty()) {
            log::write(&scope, self.level, text, None);
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
