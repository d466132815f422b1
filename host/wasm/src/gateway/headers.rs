//! Headers that a guest may not set, and those that the host adds.

use super::refusal::Refusal;
use crate::load::BindReason;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Header bytes of one answer, names and values together: an upstream must not fill
/// the host's memory with them.
pub(crate) const MAX_RESPONSE_HEADER_BYTES: usize = 64 * 1024;

/// Headers that only the host sets, and why:
/// credentials (`authorization`, `cookie`), because guests hold none;
/// framing and hop-by-hop (RFC 9110, section 7.6.1), because they could split requests;
/// `host` and the rewrite headers, because they would send the request elsewhere than
/// was checked; method overrides, because the allow-list is about methods; trace
/// headers, because the host continues the run's trace.
const HOST_ONLY: [&str; 24] = [
    "authorization",
    "connection",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Refuses what a guest may not set. `own` are the connection's further header names.
pub(crate) fn check<'a>(
    headers: &HeaderMap,
    own: &(impl Iterator<Item = &'a HeaderName> + Clone),
) -> Result<(), Refusal> {
    for name in headers.keys() {
        if HOST_ONLY.contains(&name.as_str()) || own.clone().any(|own| own == name) {
            return Err(Refusal::Forbidden {
                place: "header",
                name: name.as_str().to_owned(),
            });
        }
    }
    Ok(())
}

/// The name of a header that an environment gives to the host.
pub(crate) fn own_name(text: &str) -> Result<HeaderName, BindReason> {
    let invalid = || BindReason::Header(text.to_owned());
    let name: HeaderName = text.parse().map_err(|_| invalid())?;
    // `authorization` with another scheme than Bearer is a usual place of API keys.
    let reserved = HOST_ONLY.contains(&name.as_str()) && name != http::header::AUTHORIZATION;
    let framing = name == http::header::CONTENT_LENGTH || name == http::header::CONTENT_TYPE;
    if reserved || framing {
        return Err(invalid());
    }
    Ok(name)
}

/// The idempotency key as a header's value.
pub(crate) fn key(key: &str) -> Result<HeaderValue, Refusal> {
    let printable = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if !printable || key.trim() != key {
        return Err(Refusal::Key);
    }
    HeaderValue::from_str(key).map_err(|_| Refusal::Key)
}

/// Whether repeating a request with this method could act again (RFC 9110, section 9.2.1).
pub(crate) fn is_unsafe(method: &Method) -> bool {
    !method.is_safe()
}

/// Size of all header lines.
pub(crate) fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str) -> bool {
        let own = [HeaderName::from_static("x-key")];
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("*/*"));
        headers.insert(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_static("v"),
        );
        check(&headers, &own.iter()).is_err()
    }

    #[test]
    fn which_headers_are_the_hosts() {
        for name in [
            "Authorization",
            "COOKIE",
            "Host",
            "X-Key",
            "Transfer-Encoding",
            "traceparent",
        ] {
            assert!(refused(name), "{name}");
        }
        for name in [
            "content-type",
            "content-length",
            "x-anything",
            "if-match",
            "user-agent",
        ] {
            assert!(!refused(name), "{name}");
        }
    }

    #[test]
    fn names_that_an_environment_may_give() {
        for name in [
            "Idempotency-Key",
            "X-Request-Id",
            "Authorization",
            "x-api-key",
        ] {
            assert!(own_name(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "Host", "Cookie", "Content-Length", "é"] {
            assert!(own_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn keys_that_a_header_can_carry() {
        assert_eq!(key("order 4711").unwrap(), "order 4711");
        for bad in ["", " a", "a ", "a\r\nX: y", "a\tb", "é", "a\0"] {
            assert_eq!(key(bad), Err(Refusal::Key), "{bad:?}");
        }
    }
}
