//! A request that came in.

use super::claim::from_seconds;
use crate::{Error, Result, json};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// A request that came in, as it arrived.
#[derive(Clone, Default)]
pub struct Incoming {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// By lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Incoming {
    /// In capitals, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole URL as the sender knows it: some senders sign it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path within the URL, as it was sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The first value of a parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = self.query.as_deref()?.split('&');
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.find(|(key, _)| decoded(key).as_deref() == Some(name))?;
        decoded(value)
    }

    /// What stands behind the `?`, as it was sent.
    pub fn raw_query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The first header of a name in lower case. Headers that carry credentials
    /// (`authorization`, `cookie`) stay with the host.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(key, _)| key == name)?;
        Some(value)
    }

    /// A header that has to be there.
    pub fn required_header(&self, name: &str) -> Result<&str> {
        self.header(name).ok_or_else(|| {
            Error::invalid_input("header-missing", format!("the header `{name}` is missing"))
        })
    }

    /// A header with a time in whole seconds since 1970, as most senders sign it.
    pub fn seconds_header(&self, name: &str) -> Result<SystemTime> {
        from_seconds(self.required_header(name)?).ok_or_else(|| {
            let message = format!("the header `{name}` is not a time in seconds since 1970");
            Error::invalid_input("header-malformed", message)
        })
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a text.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body)
            .map_err(|_| Error::invalid_input("body-not-text", "the body is not UTF-8"))
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        json::read::body(self.text()?)
    }
}

/// What a part of a query stands for; nothing if that is no text.
fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// Headers and bodies are not for logs.
impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.body.len();
        write!(f, "{} {} ({bytes} bytes)", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let request = Incoming {
            query: Some("a=1&hub.challenge=x%2By+z&flag&a=2&bad=%ff".to_owned()),
            ..Incoming::default()
        };
        assert_eq!(request.query("a").as_deref(), Some("1"));
        assert_eq!(request.query("hub.challenge").as_deref(), Some("x+y z"));
        assert_eq!(request.query("flag").as_deref(), Some(""));
        assert_eq!(request.query("bad"), None);
        assert_eq!(request.query("b"), None);
        assert_eq!(Incoming::default().query("a"), None);
    }

    #[test]
    fn what_is_missing_is_said() {
        let request = Incoming {
            headers: vec![
                ("x-at".to_owned(), "12".to_owned()),
                ("x-no".to_owned(), "-".to_owned()),
            ],
            body: vec![0xff],
            ..Incoming::default()
        };
        let at = request.seconds_header("x-at").unwrap();
        assert_eq!(
            at,
            SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(12)
        );
        let code = |name| request.seconds_header(name).unwrap_err().code().to_owned();
        assert_eq!(code("x-none"), "header-missing");
        assert_eq!(code("x-no"), "header-malformed");
        assert_eq!(request.text().unwrap_err().code(), "body-not-text");
    }
}
