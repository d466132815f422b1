//! [`Request`].

use super::{Http, Method, Response, deep, headers, redirect, template};
use crate::host::{OutgoingRequest, SendError, Streams, TransportClass, TransportError};
use crate::{Error, ErrorKind, Json, Result};
use serde::Serialize;
use std::fmt::Display;
use std::io::{Read, Write};
use std::time::Duration;

/// A request that is being put together. The first mistake is kept and returned by
/// [`send`](Self::send), so that only one `?` is needed.
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    client: Http<'a>,
    method: Method,
    template: &'a str,
    params: Vec<(&'a str, String)>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    timeout: Option<Duration>,
    kinds: Vec<(u16, ErrorKind)>,
    mistake: Option<Error>,
    streams: Streams<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn new(client: Http<'a>, method: Method, template: &'a str) -> Self {
        Self {
            client,
            method,
            template,
            params: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            timeout: None,
            kinds: Vec::new(),
            mistake: None,
            streams: Streams::default(),
        }
    }

    /// The value of a parameter of the path.
    pub fn path(mut self, name: &'a str, value: impl Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// A parameter of the query.
    pub fn query(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// A parameter of the query, if there is a value.
    pub fn query_opt(self, name: impl Into<String>, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// A parameter of the query for each value, under the same name.
    pub fn query_each(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = impl Display>,
    ) -> Self {
        for value in values {
            self = self.query(name, value);
        }
        self
    }

    /// A parameter of the query with all values and a mark between them, if there are any.
    pub fn query_joined(
        self,
        name: &str,
        mark: char,
        values: impl IntoIterator<Item = impl Display>,
    ) -> Self {
        let texts: Vec<String> = values.into_iter().map(|v| v.to_string()).collect();
        match texts.is_empty() {
            true => self,
            false => self.query(name, texts.join(mark.encode_utf8(&mut [0; 4]))),
        }
    }

    /// Parameters of the query for a value of any shape: `name=1`, `name[key]=1` and
    /// `name[0]=1`, and nothing for null. Keeps every digit.
    pub fn query_deep(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        match deep::pairs(name, value) {
            Some(pairs) => self.query.extend(pairs),
            None => self.mistake = self.mistake.or_else(|| Some(unwritable())),
        }
        self
    }

    /// A form as the body (`application/x-www-form-urlencoded`): the fields of an object,
    /// those of inner objects as `field[key]`, items of lists as `field[0]`. Keeps every
    /// digit.
    pub fn form(self, fields: &(impl Serialize + ?Sized)) -> Self {
        const MEDIA: &str = "application/x-www-form-urlencoded";
        match deep::pairs("", fields) {
            Some(pairs) => self.typed(MEDIA, template::form(&pairs).into_bytes()),
            None => Self {
                mistake: self.mistake.or_else(|| Some(unwritable())),
                ..self
            },
        }
    }

    /// A header. `Authorization`, `Cookie` and `Idempotency-Key` are the host's: setting
    /// one is an error.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match headers::check(&name, &value) {
            Ok(()) => self.headers.push((name, value)),
            Err(error) => self.mistake = self.mistake.or(Some(error)),
        }
        self
    }

    /// A JSON body. Types of this crate keep every digit.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.typed("application/json", bytes),
            Err(_) => Self {
                mistake: self.mistake.or_else(|| Some(unwritable())),
                ..self
            },
        }
    }

    /// A body of any type.
    pub fn bytes(self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.typed(media_type, body.into())
    }

    /// The longest time until the whole answer is there. Never longer than the time left
    /// for the call, which is also the default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Gives a status another error kind than the usual one.
    pub fn on_status(mut self, status: u16, kind: ErrorKind) -> Self {
        self.kinds.push((status, kind));
        self
    }

    /// Takes the body from a stream of `length` bytes, piece by piece: one that is too
    /// large for memory.
    pub fn upload(mut self, media_type: &str, body: &'a mut dyn Read, length: u64) -> Self {
        self.streams.upload = Some((body, length));
        self.header("content-type", media_type)
    }

    /// Writes the body of an answer with status 2xx to `sink`, piece by piece. The answer
    /// itself then has no body.
    pub fn download(mut self, sink: &'a mut dyn Write) -> Self {
        self.streams.download = Some(sink);
        self
    }

    /// Sends it and returns the answer if its status is 2xx, and an error of the fitting
    /// kind otherwise: 401 `unauthenticated`, 403 `forbidden`, 404 and 410 `not-found`,
    /// 409 and 412 `conflict`, other 4xx `invalid-input`, 429 `rate-limited` with the
    /// wait of `Retry-After`, 408 `timeout`, 5xx `unavailable`.
    pub fn send(mut self) -> Result<Response> {
        let kinds = std::mem::take(&mut self.kinds);
        let response = self.exchange()?;
        if response.is_success() {
            return Ok(response);
        }
        let other = kinds
            .iter()
            .find(|(status, _)| *status == response.status());
        let error = response.into_error();
        Err(match other {
            Some((_, kind)) => error.with_kind(*kind),
            None => error,
        })
    }

    /// Sends it and returns the answer whatever its status is. `GET` and `HEAD` follow
    /// five redirects at most; the gateway checks each like any other request.
    pub fn exchange(mut self) -> Result<Response> {
        let mut streams = std::mem::take(&mut self.streams);
        let client = self.client;
        let limit = self.timeout;
        let started = client.host.monotonic();
        let mut request = self.build()?;
        for _ in 0..=redirect::MAX_REDIRECTS {
            let elapsed = client.host.monotonic();
            let left = client.ends.saturating_sub(elapsed);
            let own = limit.map(|limit| (started + limit).saturating_sub(elapsed));
            request.timeout = own.map_or(left, |own| own.min(left));
            if request.timeout.is_zero() {
                return Err(transport(TransportError {
                    class: TransportClass::Timeout,
                    code: "deadline-exceeded",
                }));
            }
            let answer = client.host.send(&request, &mut streams).map_err(failed)?;
            match redirect::follow(&request, &answer) {
                Some(next) => request = next,
                None => return Ok(Response::new(answer, client.host.now())),
            }
        }
        let message = "the upstream redirects more than five times in a row";
        Err(Error::internal("too-many-redirects", message))
    }

    fn typed(mut self, media_type: &str, bytes: Vec<u8>) -> Self {
        self.body = Some(bytes);
        self.header("content-type", media_type)
    }

    fn build(self) -> Result<OutgoingRequest> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let path = template::expand(self.template, &self.params)?;
        let absolute = ["https://", "http://"]
            .iter()
            .any(|s| self.template.starts_with(s));
        let mut url = match self.client.base_url {
            _ if absolute => path,
            Some(base) if path.starts_with('/') => {
                let mut url = base.trim_end_matches('/').to_owned();
                url.push_str(&path);
                url
            }
            Some(_) => {
                let message = format!("the path `{}` does not begin with `/`", self.template);
                return Err(Error::internal("invalid-template", message));
            }
            None => {
                let message = "the configuration has no field `base_url`: give full URLs";
                return Err(Error::internal("no-base-url", message));
            }
        };
        for (name, value) in &self.query {
            template::push_query(&mut url, name, value);
        }
        let mut headers = self.headers;
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("accept"))
        {
            headers.push(("accept".to_owned(), "application/json".to_owned()));
        }
        let timeout = Duration::ZERO;
        Ok(OutgoingRequest {
            method: self.method,
            url,
            headers,
            body: self.body,
            timeout,
        })
    }
}

#[cold]
fn failed(error: SendError) -> Error {
    match error {
        SendError::Transport(error) => transport(error),
        SendError::Stream(error) => Error::of_stream(error),
    }
}

/// The error of a value that JSON cannot hold.
#[cold]
fn unwritable() -> Error {
    Error::internal("body-not-json", "the body cannot be written as JSON")
}

/// The error of a request that got no complete answer. The host knows better than the
/// guest whether the request had left, and corrects the kind from its own record.
#[cold]
fn transport(error: TransportError) -> Error {
    let (kind, message) = match error.class {
        TransportClass::Timeout => (ErrorKind::Timeout, "the upstream did not answer in time"),
        TransportClass::Unavailable => (
            ErrorKind::Unavailable,
            "the upstream cannot be reached or broke off",
        ),
        TransportClass::Denied => {
            let message = "the gateway refused the request: the environment's `allow` and the \
                           connector's `egress` must both name its method and address";
            (ErrorKind::Forbidden, message)
        }
        TransportClass::Broken => (
            ErrorKind::Internal,
            "the request or the answer breaks a rule or a limit of HTTP",
        ),
    };
    let details = Json::of(&serde_json::json!({ "transport": error.code }));
    let error = Error::new(kind, error.code, message);
    match details {
        Ok(details) => error.with_details(details),
        Err(_) => error,
    }
}
