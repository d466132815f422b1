//! [`Response`].

use super::{link, retry_after, status};
use crate::host::Answer;
use crate::{Error, Json, Result, json};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::time::{Duration, SystemTime};

/// The most of an error's body that goes into the error's details, in bytes. Errors are
/// written into the journal: a page of HTML does not help there.
const MAX_ERROR_BODY: usize = 8 * 1024;

/// An answer, with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    answer: Answer,
    now_ms: u64,
}

impl Response {
    pub(super) fn new(answer: Answer, now_ms: u64) -> Self {
        Self { answer, now_ms }
    }

    /// The status (RFC 9110, section 15).
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.answer.status)
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let own = |(header, _): &&(String, Vec<u8>)| header.eq_ignore_ascii_case(name);
        let (_, value) = self.answer.headers.iter().find(own)?;
        std::str::from_utf8(value).ok()
    }

    /// The parameter of this name in the link to the next page (`Link: <…>; rel="next"`,
    /// RFC 8288): what to ask the same path with. `None` on the last page.
    pub fn next_page(&self, parameter: &str) -> Option<String> {
        let own = |(name, _): &&(String, Vec<u8>)| name.eq_ignore_ascii_case("link");
        let links = self.answer.headers.iter().filter(own);
        let mut texts = links.filter_map(|(_, value)| std::str::from_utf8(value).ok());
        texts.find_map(|text| link::next(text, parameter))
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.answer.body
    }

    /// The body as text. The error is `internal`: the upstream promised something else.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.answer.body).map_err(|_| {
            Error::internal(
                "unexpected-answer",
                "the upstream's answer is not UTF-8 text",
            )
        })
    }

    /// The body, read as a type. An answer that is not JSON, or that does not fit, is an
    /// `internal` error that names the place.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        json::read::answer(self.text()?)
    }

    /// How long the upstream asks to wait (`Retry-After`, seconds or a date).
    pub fn retry_after(&self) -> Option<Duration> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms);
        retry_after::parse(self.header("retry-after")?, now)
    }

    /// The error that its status means; see [`Request::send`](super::Request::send). The
    /// code is `http-` and the status; the details hold a JSON body.
    pub fn into_error(self) -> Error {
        let status = self.status();
        let message = format!("the upstream answered with status {status}");
        let error = Error::new(status::kind(status), format!("http-{status}"), message);
        let error = match self.retry_after() {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        let body = Some(&self.answer.body).filter(|body| body.len() <= MAX_ERROR_BODY);
        let body: Option<&RawValue> = body.and_then(|body| serde_json::from_slice(body).ok());
        match Json::of(&Details { status, body }) {
            Ok(details) => error.with_details(details),
            Err(_) => error,
        }
    }
}

#[derive(serde::Serialize)]
struct Details<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}
