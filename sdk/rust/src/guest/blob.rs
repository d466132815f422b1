//! Large bodies over the contract's `blobs`.

use super::bindings::dowel::connector::{blobs, types};
use crate::host::{ReadBlob, WriteBlob};
use crate::{Error, ErrorKind, Json, Result};
use std::time::Duration;

/// Begins a large body.
pub(crate) fn create_blob() -> Result<Box<dyn WriteBlob>> {
    Ok(Box::new(Writing(blobs::create().map_err(error)?)))
}

/// Opens a large body by its reference, in JSON.
pub(crate) fn open_blob(reference: &str) -> Result<Box<dyn ReadBlob>> {
    Ok(Box::new(Reading(blobs::open(reference).map_err(error)?)))
}

struct Writing(blobs::Writer);

impl WriteBlob for Writing {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write(bytes).map_err(error)
    }

    fn finish(self: Box<Self>, media_type: &str, name: Option<&str>) -> Result<String> {
        blobs::finish(self.0, media_type, name).map_err(error)
    }
}

struct Reading(blobs::Reader);

impl ReadBlob for Reading {
    fn read(&mut self, limit: u32) -> Result<Vec<u8>> {
        self.0.read(limit).map_err(error)
    }
}

/// The host's error as the author's.
fn error(error: types::Error) -> Error {
    let kind = match error.kind {
        types::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
        types::ErrorKind::Unauthenticated => ErrorKind::Unauthenticated,
        types::ErrorKind::Forbidden => ErrorKind::Forbidden,
        types::ErrorKind::NotFound => ErrorKind::NotFound,
        types::ErrorKind::Conflict => ErrorKind::Conflict,
        types::ErrorKind::RateLimited => ErrorKind::RateLimited,
        types::ErrorKind::Unavailable => ErrorKind::Unavailable,
        types::ErrorKind::Timeout => ErrorKind::Timeout,
        types::ErrorKind::UnknownOutcome => ErrorKind::UnknownOutcome,
        types::ErrorKind::Rejected => ErrorKind::Rejected,
        types::ErrorKind::Internal => ErrorKind::Internal,
    };
    let made = Error::new(kind, error.code, error.message);
    let details = error.details.and_then(|text| Json::parse(&text).ok());
    let made = match details {
        Some(details) => made.with_details(details),
        None => made,
    };
    match error.retry_after_ms {
        Some(wait) => made.with_retry_after(Duration::from_millis(wait)),
        None => made,
    }
}
