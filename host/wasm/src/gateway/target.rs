//! The URL of a request, in the one form that is checked and sent.

use super::refusal::Refusal;
use http::Method;
use url::{Host, Url};

/// How often a path is decoded to find what an upstream might find in it.
const DECODING_ROUNDS: usize = 3;

/// Methods that are never sent: one opens a tunnel, the other returns headers.
const REFUSED_METHODS: [Method; 2] = [Method::CONNECT, Method::TRACE];

/// Where a request goes. The URL is normalised (WHATWG URL Standard, section 4): dot
/// segments resolved, also as `%2e`; numeric host forms made plain addresses; default
/// ports removed; no trailing dot on the host; no fragment.
#[derive(Debug)]
pub(crate) struct Target {
    pub method: Method,
    pub url: Url,
}

impl Target {
    /// Reads and checks a request line.
    pub(crate) fn parse(method: Method, url: &str) -> Result<Self, Refusal> {
        let plain = method.as_str().bytes().all(|b| b.is_ascii_uppercase());
        if !plain || REFUSED_METHODS.contains(&method) {
            return Err(Refusal::Url("the method is not one that is sent"));
        }
        Ok(Self {
            method,
            url: normalise(url).map_err(Refusal::Url)?,
        })
    }

    /// The host as it is shown in messages and logs.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

/// Parses a URL of a request or a rule.
pub(crate) fn normalise(text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text).map_err(|_| "the URL cannot be parsed")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the scheme is not http or https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL carries a user name or password");
    }
    if let Some(Host::Domain(name)) = url.host()
        && let Some(bare) = name.strip_suffix('.').map(str::to_owned)
    {
        url.set_host(Some(&bare))
            .map_err(|_| "the host is not a name")?;
    }
    if let Some(Host::Domain(name)) = url.host()
        && name.split('.').any(str::is_empty)
    {
        // A second dot at the end would make another name of the same one.
        return Err("the host is not a name");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the URL has no host");
    }
    if hides_dot_segment(url.path()) {
        return Err("the path hides a dot segment");
    }
    url.set_fragment(None);
    Ok(url)
}

/// The port, given or the scheme's own.
pub(crate) fn port(url: &Url) -> u16 {
    // Only http and https get this far, and both have a default.
    url.port_or_known_default().unwrap_or_default()
}

/// Whether an upstream that decodes more than once, or takes `%2f`, `\` or `;` for
/// something else, could find `..` in the path and leave the granted prefix.
fn hides_dot_segment(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..DECODING_ROUNDS {
        let decoded = decode(&path);
        let dotted = decoded
            .split(|b| matches!(b, b'/' | b'\\'))
            .map(|segment| segment.split(|b| *b == b';').next().unwrap_or_default())
            .any(|segment| segment == b"." || segment == b"..");
        if dotted {
            return true;
        }
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    // Still changing: nobody encodes that deep without a reason.
    true
}

/// One round of percent-decoding (RFC 3986, section 2.1).
fn decode(path: &[u8]) -> Vec<u8> {
    let digit = |at: usize| path.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let found = normalise(text);
        let found = found.as_ref().map(Url::as_str).map_err(|why| *why);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn one_form_for_each_url() {
        for (text, expected) in [
            ("HTTP://Example.COM:80", "http://example.com/"),
            ("https://example.com.:443/a#b", "https://example.com/a"),
            ("https://example.com/a/../b", "https://example.com/b"),
            ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
            ("https://example.com/a/.%2e/%2e/b", "https://example.com/b"),
            ("https://example.com\\a\\..\\b", "https://example.com/b"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0177.0.0.1/", "http://127.0.0.1/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://127.1./", "http://127.0.0.1/"),
            ("http://[::FFFF:7f00:1]/", "http://[::ffff:7f00:1]/"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://ex%61mple.com/", "http://example.com/"),
            (
                "https://example.com/a%2Fb?q=../c",
                "https://example.com/a%2Fb?q=../c",
            ),
            (
                "https://example.com/v1.2/a..b/...",
                "https://example.com/v1.2/a..b/...",
            ),
        ] {
            check(text, Ok(expected));
        }
    }

    #[test]
    fn hidden_dot_segments_are_refused() {
        for path in [
            "v1/..%2fadmin",
            "v1/%2e%2e%2fadmin",
            "v1/..%5cadmin",
            "v1/%252e%252e/admin",
            "v1/..;/admin",
            "v1/..;a=b/admin",
            "v1/%2e%2e;/admin",
            "v1/x%2f..%2f..%2fadmin",
            "v1/%25252e%25252e%25252f",
            "v1/.%2f",
        ] {
            check(
                &format!("https://example.com/{path}"),
                Err("the path hides a dot segment"),
            );
        }
    }

    #[test]
    fn what_is_no_target() {
        check(
            "https://user@example.com/",
            Err("the URL carries a user name or password"),
        );
        check(
            "https://:pw@example.com/",
            Err("the URL carries a user name or password"),
        );
        check("ftp://example.com/", Err("the scheme is not http or https"));
        for dots in [
            "http://../",
            "http://example.com../",
            "http://.example.com/",
        ] {
            check(dots, Err("the host is not a name"));
        }
        check("http://", Err("the URL cannot be parsed"));
        check("http://1.2.3.4.5.6/", Err("the URL cannot be parsed"));
        for method in ["CONNECT", "TRACE", "get", "M-SEARCH"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert!(Target::parse(method, "http://example.com/").is_err());
        }
        assert!(Target::parse(Method::PATCH, "http://example.com/").is_ok());
    }
}
