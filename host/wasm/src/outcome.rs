//! What a guest returned, or why it was stopped, as a typed result.

use crate::bindings::dowel::connector::types::{Error as GuestError, ErrorKind as GuestKind};
use crate::redact::Redactor;
use crate::text::{cut, plain};
use dowel_core::code::run as code;
use dowel_core::{ErrorKind, JsonText, StepError};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Bytes of an error's message that are kept: it is shown on one screen.
const MAX_MESSAGE_BYTES: usize = 2 * 1024;

/// Bytes of an error's details that are kept: they stand in the journal.
const MAX_DETAILS_BYTES: usize = 64 * 1024;

/// Length of an error's code.
const MAX_CODE_BYTES: usize = 64;

/// The code of an error whose own is not one.
const NAMELESS: &str = "connector-error";

/// A longer wait than this is not believed: one week.
const MAX_RETRY_AFTER_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Checks what an operation returned.
pub(crate) fn output(text: String, limit: u64) -> Result<JsonText, StepError> {
    if text.len() as u64 > limit {
        return Err(StepError::host(
            ErrorKind::InvalidInput,
            code::CALL_OUTPUT_TOO_LARGE,
            format!(
                "the connector returned {} bytes, and the connection grants {limit}",
                text.len()
            ),
        ));
    }
    JsonText::parse_owned(text).map_err(|_| {
        StepError::host(
            ErrorKind::Internal,
            code::CALL_OUTPUT_NOT_JSON,
            "the connector returned a text that is not one JSON value",
        )
    })
}

/// The guest's own error: capped, and without any secret that is known.
pub(crate) fn guest_error(error: GuestError, redactor: &Redactor) -> StepError {
    let message = redactor.clean(&error.message);
    let code = redactor.clean(&error.code);
    StepError {
        kind: kind(error.kind),
        code: if is_code(&code) { &*code } else { NAMELESS }.to_owned(),
        message: plain(cut(&message, MAX_MESSAGE_BYTES)).into_owned(),
        details: error.details.and_then(|text| details(&text, redactor)),
        retry_after_ms: error.retry_after_ms.map(|ms| ms.min(MAX_RETRY_AFTER_MS)),
        place: None,
    }
}

/// Details are dropped where they are too large or not JSON: the error itself is worth
/// more than they are.
fn details(text: &str, redactor: &Redactor) -> Option<JsonText> {
    if text.len() > MAX_DETAILS_BYTES {
        return None;
    }
    JsonText::parse(text).ok()?;
    JsonText::parse(&redactor.clean(text)).ok()
}

/// A connector's own code: never one that looks like the host's.
fn is_code(code: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    !code.is_empty() && code.len() <= MAX_CODE_BYTES && code.bytes().all(allowed)
}

fn kind(kind: GuestKind) -> ErrorKind {
    match kind {
        GuestKind::InvalidInput => ErrorKind::InvalidInput,
        GuestKind::Unauthenticated => ErrorKind::Unauthenticated,
        GuestKind::Forbidden => ErrorKind::Forbidden,
        GuestKind::NotFound => ErrorKind::NotFound,
        GuestKind::Conflict => ErrorKind::Conflict,
        GuestKind::RateLimited => ErrorKind::RateLimited,
        GuestKind::Unavailable => ErrorKind::Unavailable,
        GuestKind::Timeout => ErrorKind::Timeout,
        GuestKind::UnknownOutcome => ErrorKind::UnknownOutcome,
        GuestKind::Rejected => ErrorKind::Rejected,
        GuestKind::Internal => ErrorKind::Internal,
    }
}

/// Why Wasmtime stopped the guest.
pub(crate) fn stopped(error: &wasmtime::Error, memory_denied: bool) -> StepError {
    if error.is::<PoolConcurrencyLimitError>() {
        return StepError::host(
            ErrorKind::Unavailable,
            code::CALL_NO_INSTANCE,
            "the host has no room for another connector instance now",
        );
    }
    if memory_denied {
        return StepError::host(
            ErrorKind::Internal,
            code::CALL_MEMORY,
            "the connector needs more memory than the connection grants",
        );
    }
    let why = match (
        error.downcast_ref::<Trap>(),
        error.downcast_ref::<I32Exit>(),
    ) {
        (Some(trap), _) => trap.to_string(),
        (_, Some(exit)) => format!("it ended its own program with status {}", exit.0),
        _ => error.root_cause().to_string(),
    };
    let why = plain(cut(&why, MAX_MESSAGE_BYTES)).into_owned();
    StepError::host(
        ErrorKind::Internal,
        code::CALL_TRAPPED,
        format!("the connector crashed: {why}"),
    )
}

/// Where in the guest it was, for the connector's developer.
pub(crate) fn backtrace(error: &wasmtime::Error) -> String {
    error
        .downcast_ref::<WasmBacktrace>()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The call's time is over.
pub(crate) fn deadline(limit: std::time::Duration) -> StepError {
    StepError::host(
        ErrorKind::Timeout,
        code::CALL_DEADLINE,
        format!(
            "the connector did not finish within {} ms",
            limit.as_millis()
        ),
    )
}

#[cfg(test)]
mod tests {
    mod fuzz;

    use super::*;

    fn error(code: &str, message: &str, details: Option<&str>) -> StepError {
        let redactor = Redactor::default();
        redactor.learn("hunter22", crate::redact::Worth::Key);
        let error = GuestError {
            kind: GuestKind::Rejected,
            code: code.to_owned(),
            message: message.to_owned(),
            details: details.map(str::to_owned),
            retry_after_ms: Some(u64::MAX),
        };
        guest_error(error, &redactor)
    }

    #[test]
    fn codes() {
        assert_eq!(error("credit-limit", "", None).code, "credit-limit");
        for bad in ["", "DWL-2201", "dwl 1", "a\nb", "hunter22", &"x".repeat(65)] {
            assert_eq!(error(bad, "", None).code, NAMELESS, "{bad}");
        }
    }

    #[test]
    fn texts_are_capped_and_masked() {
        let found = error("c", &"x".repeat(1 << 20), None);
        assert_eq!(found.message.len(), MAX_MESSAGE_BYTES);
        assert_eq!(found.retry_after_ms, Some(MAX_RETRY_AFTER_MS));
        let found = error("c", "pw hunter22", Some(r#"{"pw":"hunter22"}"#));
        assert_eq!(found.message, "pw [redacted]");
        assert_eq!(found.details.unwrap().as_str(), r#"{"pw":"[redacted]"}"#);
    }

    #[test]
    fn details_are_json_or_nothing() {
        assert!(error("c", "", Some("{")).details.is_none());
        let long = format!("\"{}\"", "x".repeat(MAX_DETAILS_BYTES));
        assert!(error("c", "", Some(&long)).details.is_none());
        assert_eq!(
            error("c", "", Some("1.10")).details.unwrap().as_str(),
            "1.10"
        );
    }

    #[test]
    fn outputs() {
        let output = |text: &str, limit| output(text.to_owned(), limit);
        assert_eq!(output(" 1.10 ", 100).unwrap().as_str(), "1.10");
        let code = |text, limit| output(text, limit).unwrap_err().code;
        assert_eq!(code("{}", 1), code::CALL_OUTPUT_TOO_LARGE.to_string());
        assert_eq!(code("{} {}", 9), code::CALL_OUTPUT_NOT_JSON.to_string());
    }
}
