//! [`Exchange`].

use crate::host::{Answer, TransportClass, TransportError};
use crate::http::Method;

/// A request that a test expects, and what it gets.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) body: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) outcome: Result<Answer, TransportError>,
}

/// Why a scripted request gets no complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No answer in time.
    Timeout,
    /// Nobody listens.
    Refused,
    /// The answer broke off.
    Torn,
    /// The gateway refused the request.
    Denied,
    /// The answer is larger than the gateway allows.
    TooLarge,
}

impl Exchange {
    /// Expects a request to a path below `base_url`, or to a full URL.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let outcome = Ok(Answer {
            status: 200,
            ..Answer::default()
        });
        Self {
            method,
            url: url.into(),
            body: None,
            headers: Vec::new(),
            outcome,
        }
    }

    /// Expects a `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// Expects a `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// Expects this body, character by character: `1.10` and `1.1` differ.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Expects this header among others.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers with a status and a body.
    pub fn reply(mut self, status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = match &self.outcome {
            Ok(answer) => answer.headers.clone(),
            Err(_) => Vec::new(),
        };
        self.outcome = Ok(Answer {
            status,
            headers,
            body: body.into(),
        });
        self
    }

    /// Adds a header to the answer.
    pub fn reply_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        if let Ok(answer) = &mut self.outcome {
            answer.headers.push((name.into(), value.into()));
        }
        self
    }

    /// Gives no complete answer.
    pub fn fail(mut self, failure: Failure) -> Self {
        let (class, code) = match failure {
            Failure::Timeout => (TransportClass::Timeout, "http-response-timeout"),
            Failure::Refused => (TransportClass::Unavailable, "connection-refused"),
            Failure::Torn => (TransportClass::Unavailable, "http-response-incomplete"),
            Failure::Denied => (TransportClass::Denied, "http-request-denied"),
            Failure::TooLarge => (TransportClass::Broken, "http-response-body-size"),
        };
        self.outcome = Err(TransportError { class, code });
        self
    }
}
