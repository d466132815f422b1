//! What can be wrong.

use crate::{Config, Thing};
use dowel_sdk::http::Response;
use dowel_sdk::{Context, Error, ErrorKind, Level, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use std::hint::black_box;
use std::time::Duration;

/// One flaw for each check of the kit that looks at calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// Writes names in capitals.
    Cases,
    /// Tells a third party what it does.
    Egress,
    /// Writes the upstream's cookie into the log.
    Secrets,
    /// Takes 401 for "not there".
    #[serde(rename = "error-401")]
    Error401,
    /// Takes 403 for "not there".
    #[serde(rename = "error-403")]
    Error403,
    /// Takes 404 for success.
    #[serde(rename = "error-404")]
    Error404,
    /// Takes 409 for a defect.
    #[serde(rename = "error-409")]
    Error409,
    /// Takes 422 for a state that passes.
    #[serde(rename = "error-422")]
    Error422,
    /// Forgets how long the upstream asks to wait.
    #[serde(rename = "error-429")]
    Error429,
    /// Takes an upstream that is down for a wrong input.
    #[serde(rename = "error-5xx")]
    Error5xx,
    /// Takes no answer for nothing to tell.
    ErrorTimeout,
    /// Makes do with half an answer.
    ErrorTorn,
    /// Makes do with an answer that it cannot read.
    ErrorNotJson,
    /// Creates things by a request that only reads.
    KeySent,
    /// Sends another number each time.
    KeyTwice,
    /// Calculates with binary numbers.
    Numbers,
    /// Waits itself for an upstream that is down.
    Deadline,
    /// Remembers what it has shown.
    Pages,
    /// Keeps every answer twenty times.
    Memory,
    /// Gives an event another id each time that it is read.
    Sources,
    /// Gives an event another id each time that it is sent.
    Receivers,
}

/// Whether the connection has this flaw.
pub(crate) fn has(ctx: &Context<Config>, flaw: Flaw) -> bool {
    ctx.config().flaw == flaw
}

/// What stands in for an answer where a flaw makes one up.
pub(crate) fn nothing() -> Result<Thing> {
    let made_up = serde_json::from_str(r#"{"id":0,"name":"","price":0}"#);
    made_up.map_err(|_| Error::internal("made-up", "a thing cannot be made up"))
}

/// Deals with an answer as the flaw has it: the body, or an error. `None` where the flaw
/// makes do without an answer.
pub(crate) fn receive(ctx: &Context<Config>, answer: Result<Response>) -> Result<Option<Response>> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return transport(ctx, error),
    };
    if has(ctx, Flaw::Secrets) {
        let cookie = answer.header("set-cookie").unwrap_or_default();
        ctx.log(
            Level::Info,
            "answer",
            serde_json::json!({ "cookie": cookie }),
        );
    }
    if has(ctx, Flaw::Memory) && answer.bytes().len() > 1 << 20 {
        let copies: Vec<Vec<u8>> = (0..20).map(|_| answer.bytes().to_vec()).collect();
        black_box(copies);
    }
    if answer.is_success() {
        return Ok(Some(answer));
    }
    let status = answer.status();
    if status == 503 && has(ctx, Flaw::Deadline) {
        std::thread::sleep(answer.retry_after().unwrap_or(Duration::ZERO));
    }
    let kind = match (ctx.config().flaw, status) {
        (Flaw::Error401, 401) | (Flaw::Error403, 403) => ErrorKind::NotFound,
        (Flaw::Error404, 404) => return Ok(None),
        (Flaw::Error409, 409) => ErrorKind::Internal,
        (Flaw::Error422, 422) => ErrorKind::Unavailable,
        (Flaw::Error5xx, 500..) => ErrorKind::InvalidInput,
        (Flaw::Error429, 429) => {
            let message = "too many requests";
            return Err(Error::new(ErrorKind::RateLimited, "http-429", message));
        }
        _ => return Err(answer.into_error()),
    };
    Err(answer.into_error().with_kind(kind))
}

fn transport(ctx: &Context<Config>, error: Error) -> Result<Option<Response>> {
    match (ctx.config().flaw, error.kind()) {
        (Flaw::ErrorTimeout, ErrorKind::Timeout) | (Flaw::ErrorTorn, ErrorKind::Unavailable) => {
            Ok(None)
        }
        _ => Err(error),
    }
}

/// Reads an answer, or makes do with one that cannot be read.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    ctx: &Context<Config>,
    answer: &Response,
) -> Result<Option<T>> {
    let is_json = answer.json::<serde_json::Value>().is_ok();
    match answer.json() {
        Err(_) if has(ctx, Flaw::ErrorNotJson) && !is_json => Ok(None),
        read => read.map(Some),
    }
}
