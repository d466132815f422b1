//! [`Http`].

use super::{Method, Request};
use crate::host::Host;
use std::time::Duration;

/// The way to an HTTP API. Paths that begin with `/` are appended to the field `base_url`
/// of the connection's configuration; full URLs are taken as they are.
#[derive(Clone, Copy)]
pub struct Http<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) base_url: Option<&'a str>,
    pub(super) ends: Duration,
}

impl<'a> Http<'a> {
    pub(crate) fn new(host: &'a dyn Host, base_url: Option<&'a str>, ends: Duration) -> Self {
        Self {
            host,
            base_url,
            ends,
        }
    }

    /// A request. The path is a template: `{name}` takes one segment and encodes
    /// everything else, `{+name}` takes a path with its slashes (RFC 6570, level 2).
    /// Give values with [`Request::path`], never by formatting them into the template.
    pub fn request(self, method: Method, path: &'a str) -> Request<'a> {
        Request::new(self, method, path)
    }

    /// A `GET` request.
    pub fn get(self, path: &'a str) -> Request<'a> {
        self.request(Method::Get, path)
    }

    /// A `HEAD` request.
    pub fn head(self, path: &'a str) -> Request<'a> {
        self.request(Method::Head, path)
    }

    /// A `POST` request.
    pub fn post(self, path: &'a str) -> Request<'a> {
        self.request(Method::Post, path)
    }

    /// A `PUT` request.
    pub fn put(self, path: &'a str) -> Request<'a> {
        self.request(Method::Put, path)
    }

    /// A `PATCH` request.
    pub fn patch(self, path: &'a str) -> Request<'a> {
        self.request(Method::Patch, path)
    }

    /// A `DELETE` request.
    pub fn delete(self, path: &'a str) -> Request<'a> {
        self.request(Method::Delete, path)
    }
}
