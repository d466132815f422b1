//! What a status means for a flow.

use crate::ErrorKind;

/// The error kind of a status that is not 2xx (RFC 9110, section 15; RFC 6585).
pub(super) fn kind(status: u16) -> ErrorKind {
    match status {
        400 | 422 => ErrorKind::InvalidInput,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        408 => ErrorKind::Timeout,
        425 => ErrorKind::Unavailable,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Unavailable,
        // Every other request that the upstream faults will be faulted again.
        402..=499 => ErrorKind::InvalidInput,
        // 1xx and 3xx are no answers to a request that asked for one.
        _ => ErrorKind::Internal,
    }
}
