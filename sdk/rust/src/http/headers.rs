//! Which headers an author may set.

use crate::{Error, Result};

/// What the host adds; a guest never holds or overrides it.
const HOST_ONLY: &[(&str, &str)] = &[
    (
        "authorization",
        "the host adds it from the connection's `auth`",
    ),
    (
        "proxy-authorization",
        "the host adds it where a proxy needs it",
    ),
    (
        "cookie",
        "the host keeps credentials; use the connection's `auth`",
    ),
    (
        "idempotency-key",
        "the host sends it for operations with `idempotency = \"keyed\"`",
    ),
];

/// Checks the name and value of a header (RFC 9110, section 5).
pub(super) fn check(name: &str, value: &str) -> Result<()> {
    if let Some((name, why)) = HOST_ONLY
        .iter()
        .find(|(own, _)| name.eq_ignore_ascii_case(own))
    {
        let message = format!("a connector does not set the header `{name}`: {why}");
        return Err(Error::internal("header-not-allowed", message));
    }
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        let message = "a header's name has characters that HTTP does not allow";
        return Err(Error::invalid_input("invalid-header", message));
    }
    if value.bytes().any(|b| b == 127 || (b < b' ' && b != b'\t')) {
        let message = "a header's value has control characters, which HTTP does not allow";
        return Err(Error::invalid_input("invalid-header", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn refuses_what_belongs_to_the_host_and_what_would_split_a_request() {
        assert!(check("Accept-Language", "en, de").is_ok());
        for name in ["Authorization", "IDEMPOTENCY-KEY", "Cookie"] {
            assert_eq!(check(name, "x").unwrap_err().code(), "header-not-allowed");
        }
        for (name, value) in [("", "x"), ("a b", "x"), ("a", "x\r\nb: c"), ("a:", "x")] {
            assert_eq!(check(name, value).unwrap_err().code(), "invalid-header");
        }
    }
}
