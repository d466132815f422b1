//! [`Hook`].

use crate::Incoming;

/// A request that a test gives to a receiver.
#[derive(Clone, Debug)]
pub struct Hook(Incoming);

impl Hook {
    /// A request with a method and a body, to `https://dowel.example/hooks/test`.
    pub fn new(method: &str, body: impl Into<Vec<u8>>) -> Self {
        Self(Incoming {
            method: method.to_owned(),
            url: "https://dowel.example/hooks/test".to_owned(),
            path: "/hooks/test".to_owned(),
            body: body.into(),
            ..Incoming::default()
        })
    }

    /// A `POST` request.
    pub fn post(body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", body)
    }

    /// A `GET` request with a query, such as `challenge=abc`.
    pub fn get(query: &str) -> Self {
        let Self(mut request) = Self::new("GET", "");
        request.url = format!("{}?{query}", request.url);
        request.query = Some(query.to_owned());
        Self(request)
    }

    /// The same request with a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let headers = &mut self.0.headers;
        headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The request as the receiver sees it.
    pub(super) fn request(&self) -> &Incoming {
        &self.0
    }
}
