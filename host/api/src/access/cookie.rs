//! The cookie of a session.

use axum::http::{HeaderMap, HeaderValue, header};

/// Names of the cookie: over HTTPS the prefix makes browsers refuse one that another host
/// of the same domain has set (RFC 6265bis, section 4.1.3.2).
const SECURE_NAME: &str = "__Host-dowel";
const PLAIN_NAME: &str = "dowel-session";

/// The secret of the session that a request carries.
pub(super) fn read(headers: &HeaderMap, is_secure: bool) -> Option<String> {
    let name = name(is_secure);
    let values = headers.get_all(header::COOKIE).iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (found, secret) = pair.trim().split_once('=')?;
        (found == name && !secret.is_empty()).then(|| secret.to_owned())
    })
}

const fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_NAME } else { PLAIN_NAME }
}

/// Sets the cookie, or takes it away. No script can read it, and other sites' forms do not
/// send it; it ends with the browser, and the host ends it earlier.
pub(super) fn set(secret: Option<&str>, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let age = if secret.is_some() { "" } else { "; Max-Age=0" };
    let value = secret.unwrap_or_default();
    let text = format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}",
        name(is_secure)
    );
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            "a=b; dowel-session=s1; c=d".parse().unwrap(),
        );
        assert_eq!(read(&headers, false), Some("s1".to_owned()));
        assert_eq!(read(&headers, true), None, "another name over HTTPS");
    }

    #[test]
    fn the_cookie_is_for_the_host_alone() {
        assert_eq!(
            set(Some("s1"), true).unwrap(),
            "__Host-dowel=s1; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(None, false).unwrap(),
            "dowel-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }
}
