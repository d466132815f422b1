//! The contract's `blobs` interface.

use super::GuestState;
use crate::bindings::v2::dowel::connector::blobs::{Error, Host, HostReader, HostWriter};
use crate::bindings::v2::dowel::connector::types::ErrorKind;
use crate::scope::CallScope;
use dowel_core::port::{BlobError, BlobReader, BlobWriter, Blobs};
use std::sync::Arc;
use wasmtime::component::Resource;

/// The most that crosses the border in one call, in bytes.
const MAX_PIECE_BYTES: usize = 1 << 20;

/// Bodies that an instance may have open: each has a piece in the host's memory.
const MAX_OPEN: usize = 4;

/// The longest media type and name, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// A body that a guest writes.
#[allow(unreachable_pub)] // The bindings name it in what they write.
pub struct Writer {
    body: Box<dyn BlobWriter>,
    scope: Arc<CallScope>,
}

/// A body that a guest reads.
#[allow(unreachable_pub)] // As above.
pub struct Reader {
    body: Box<dyn BlobReader>,
    /// Of the piece that was read last, what the guest has not taken.
    piece: Vec<u8>,
    taken: usize,
}

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for GuestState {
    async fn create(&mut self) -> Answer<Resource<Writer>> {
        let scope = match self.may_open() {
            Ok(scope) => scope,
            Err(error) => return Ok(Err(error)),
        };
        let body = match area(&scope) {
            Ok(blobs) => blobs.write(scope.run),
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(self.table.push(Writer { body, scope })?))
    }

    async fn finish(
        &mut self,
        body: Resource<Writer>,
        media_type: String,
        name: Option<String>,
    ) -> Answer<String> {
        let Writer { body, .. } = self.table.delete(body)?;
        let texts = [Some(&media_type), name.as_ref()];
        let unfit = |text: &&String| text.len() > MAX_NAME_BYTES || text.contains(char::is_control);
        if texts.into_iter().flatten().any(|text| unfit(&text)) {
            let message =
                "a media type and a name have at most 255 bytes, and no control characters";
            return Ok(Err(error(ErrorKind::InvalidInput, "blob-name", message)));
        }
        let made = match body.finish(media_type, name).await {
            Ok(made) => made,
            Err(problem) => return Ok(Err(failed(&problem))),
        };
        Ok(Ok(serde_json::to_string(&made)?))
    }

    async fn open(&mut self, reference: String) -> Answer<Resource<Reader>> {
        let scope = match self.may_open() {
            Ok(scope) => scope,
            Err(error) => return Ok(Err(error)),
        };
        let Ok(reference) = serde_json::from_str(&reference) else {
            let message = "this is not a reference to a blob, as an operation returned it";
            return Ok(Err(error(ErrorKind::InvalidInput, "not-a-blob", message)));
        };
        let opened = match area(&scope) {
            Ok(blobs) => blobs.read(scope.run, &reference).await,
            Err(error) => return Ok(Err(error)),
        };
        match opened {
            Ok(body) => Ok(Ok(self.table.push(Reader {
                body,
                piece: Vec::new(),
                taken: 0,
            })?)),
            Err(problem) => Ok(Err(failed(&problem))),
        }
    }
}

impl GuestState {
    /// The call that is being made, if it may have one more body open.
    fn may_open(&mut self) -> Result<Arc<CallScope>, Error> {
        let open = self.table.iter_mut();
        let open = open.filter(|entry| entry.is::<Writer>() || entry.is::<Reader>());
        if open.count() >= MAX_OPEN {
            let message = format!("a call has {MAX_OPEN} blobs open at most");
            return Err(error(ErrorKind::Internal, "blobs-too-many", &message));
        }
        self.slot.get().ok_or_else(nothing_granted)
    }
}

impl HostWriter for GuestState {
    async fn write(&mut self, body: Resource<Writer>, bytes: Vec<u8>) -> Answer<()> {
        if bytes.len() > MAX_PIECE_BYTES {
            let message = format!("one call writes {MAX_PIECE_BYTES} bytes at most");
            return Ok(Err(error(ErrorKind::Internal, "blob-piece", &message)));
        }
        let writer = self.table.get_mut(&body)?;
        if let Err(limit) = writer.scope.count_blob(bytes.len()) {
            let message = format!(
                "a call writes {limit} bytes of blobs at most here: `limits.blobs` of the connection"
            );
            return Ok(Err(error(
                ErrorKind::InvalidInput,
                "blob-too-large",
                &message,
            )));
        }
        Ok(writer.body.write(&bytes).await.map_err(|e| failed(&e)))
    }

    async fn drop(&mut self, body: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

impl HostReader for GuestState {
    async fn read(&mut self, body: Resource<Reader>, limit: u32) -> Answer<Vec<u8>> {
        let reader = self.table.get_mut(&body)?;
        if reader.taken == reader.piece.len() {
            match reader.body.next().await {
                Ok(piece) => {
                    reader.piece = piece.unwrap_or_default();
                    reader.taken = 0;
                }
                Err(problem) => return Ok(Err(failed(&problem))),
            }
        }
        let left = reader.piece.get(reader.taken..).unwrap_or_default();
        let most = usize::try_from(limit).unwrap_or(MAX_PIECE_BYTES);
        let now = left.len().min(most).min(MAX_PIECE_BYTES);
        let bytes = left.get(..now).unwrap_or_default().to_vec();
        reader.taken += now;
        Ok(Ok(bytes))
    }

    async fn drop(&mut self, body: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

/// Where the blobs of the call's run are, if it is granted any.
fn area(scope: &CallScope) -> Result<&dyn Blobs, Error> {
    let is_granted = scope.granted.as_ref().is_some_and(|granted| {
        granted.used.connector.manifest.blobs && granted.bound.connection.limits.blob_bytes > 0
    });
    match scope.blobs.as_deref() {
        Some(blobs) if is_granted => Ok(blobs),
        _ => Err(nothing_granted()),
    }
}

fn nothing_granted() -> Error {
    let message = "this call may not write or read blobs: the manifest has to say `blobs`, \
                   and the connection has to grant some with `limits.blobs`";
    error(ErrorKind::Forbidden, "blobs-not-granted", message)
}

fn failed(problem: &BlobError) -> Error {
    let (kind, code) = match problem {
        BlobError::Gone => (ErrorKind::NotFound, "blob-gone"),
        BlobError::Foreign => (ErrorKind::Forbidden, "blob-foreign"),
        BlobError::Full => (ErrorKind::Unavailable, "store-full"),
        BlobError::Failed(_) => (ErrorKind::Unavailable, "store-failed"),
    };
    error(kind, code, &problem.to_string())
}

fn error(kind: ErrorKind, code: &str, message: &str) -> Error {
    Error {
        kind,
        code: code.to_owned(),
        message: message.to_owned(),
        details: None,
        retry_after_ms: None,
    }
}
