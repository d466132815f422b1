//! Redirects of requests that only read.

use super::Method;
use crate::host::{Answer, OutgoingRequest};
use fluent_uri::{Uri, UriRef};

/// The most redirects in a row. More are a loop, or an API that costs a request too many.
pub(super) const MAX_REDIRECTS: usize = 5;

/// The request that follows a redirect: a new one, which the gateway checks like any
/// other. `None` if the answer is none, or if following it could act twice.
pub(super) fn follow(request: &OutgoingRequest, answer: &Answer) -> Option<OutgoingRequest> {
    let redirected = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
    if !redirected || !matches!(request.method, Method::Get | Method::Head) {
        return None;
    }
    let (_, location) = answer
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    let location = UriRef::parse(std::str::from_utf8(location).ok()?).ok()?;
    let base = Uri::parse(request.url.as_str()).ok()?;
    let mut target = location.resolve_against(&base.strip_fragment()).ok()?;
    target.set_fragment(None);
    let same_origin = target.scheme() == base.scheme()
        && target.authority().map(|a| a.as_str()) == base.authority().map(|a| a.as_str());
    let mut next = request.clone();
    next.url = target.into_string();
    if !same_origin {
        // What the author set was meant for the first origin.
        next.headers
            .retain(|(name, _)| name.eq_ignore_ascii_case("accept"));
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(method: Method, status: u16, location: &str, expected: Option<&str>) {
        let header = |name: &str| (name.to_owned(), "x".to_owned());
        let request = OutgoingRequest {
            method,
            url: "https://api.example/v1/a?b=c".into(),
            headers: vec![header("accept"), header("x-own")],
            body: None,
            timeout: Duration::from_secs(1),
        };
        let answer = Answer {
            status,
            headers: vec![("Location".into(), location.as_bytes().to_vec())],
            body: Vec::new(),
        };
        let next = follow(&request, &answer);
        assert_eq!(
            next.as_ref().map(|n| n.url.as_str()),
            expected,
            "{location}"
        );
        if let Some(next) = next {
            let kept = next.url.starts_with("https://api.example/");
            assert_eq!(next.headers.len(), if kept { 2 } else { 1 }, "{location}");
        }
    }

    #[test]
    fn targets() {
        check(Method::Get, 302, "/x", Some("https://api.example/x"));
        check(Method::Get, 308, "b#f", Some("https://api.example/v1/b"));
        check(Method::Head, 301, "../../y", Some("https://api.example/y"));
        check(
            Method::Get,
            307,
            "//other.example/z",
            Some("https://other.example/z"),
        );
        check(
            Method::Get,
            303,
            "http://api.example/",
            Some("http://api.example/"),
        );
        check(Method::Post, 303, "/x", None);
        check(Method::Get, 200, "/x", None);
        check(Method::Get, 302, "::not a uri::", None);
    }
}
