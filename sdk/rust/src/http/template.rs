//! Path templates: `{name}` and `{+name}` of RFC 6570 (sections 3.2.2 and 3.2.3).

use crate::{Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a path may hold beside (RFC 3986, section 3.3), percent-encodings included.
const PATH: &AsciiSet = &COMPONENT
    .remove(b'/')
    .remove(b'%')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Replaces the parameters. A parameter that nobody gave, or that the template does not
/// have, is an error: it would send the request somewhere else.
pub(super) fn expand(template: &str, params: &[(&str, String)]) -> Result<String> {
    let mut out = String::with_capacity(template.len() + 32);
    let mut used = 0;
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            return Err(defect(template, "has a `{` without `}`"));
        };
        let (name, whole_path) = match name.strip_prefix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let Some((_, value)) = params.iter().find(|(given, _)| *given == name) else {
            return Err(defect(template, &format!("needs `.path(\"{name}\", …)`")));
        };
        check(name, value, whole_path)?;
        let set = if whole_path { PATH } else { COMPONENT };
        out.extend(utf8_percent_encode(value, set));
        used += 1;
        rest = after;
    }
    out.push_str(rest);
    if used < params.len() {
        return Err(defect(
            template,
            "does not have every parameter that `.path(…)` gives",
        ));
    }
    Ok(out)
}

/// Appends a query parameter (application/x-www-form-urlencoded, with `%20`).
pub(super) fn push_query(url: &mut String, name: &str, value: &str) {
    url.push(if url.contains('?') { '&' } else { '?' });
    url.extend(utf8_percent_encode(name, COMPONENT));
    url.push('=');
    url.extend(utf8_percent_encode(value, COMPONENT));
}

/// A form (application/x-www-form-urlencoded), with `%20`.
pub(super) fn form(pairs: &[(String, String)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.extend(utf8_percent_encode(name, COMPONENT));
        out.push('=');
        out.extend(utf8_percent_encode(value, COMPONENT));
    }
    out
}

/// An empty segment or `..` would name another resource than the author meant.
fn check(name: &str, value: &str, whole_path: bool) -> Result<()> {
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
    let bad = if whole_path {
        decoded
            .split(['/', '\\'])
            .any(|segment| matches!(segment, "." | ".."))
    } else {
        matches!(value, "" | "." | "..")
    };
    if bad {
        let message = format!("`{name}` cannot stand in a path: it is empty, `.` or `..`");
        return Err(Error::invalid_input("invalid-path", message));
    }
    Ok(())
}

fn defect(template: &str, what: &str) -> Error {
    Error::internal("invalid-template", format!("the path `{template}` {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_expand(template: &str, params: &[(&str, &str)], expected: &str) {
        let params: Vec<_> = params.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        let got = expand(template, &params).unwrap_or_else(|e| e.code().to_owned());
        assert_eq!(got, expected, "{template}");
    }

    #[test]
    fn parameters_are_encoded() {
        check_expand("/c/{id}", &[("id", "C-1")], "/c/C-1");
        check_expand(
            "/c/{id}/x",
            &[("id", "a/b?c#d é%")],
            "/c/a%2Fb%3Fc%23d%20%C3%A9%25/x",
        );
        check_expand("/{+path}", &[("path", "a/b%20c?d")], "/a/b%20c%3Fd");
        check_expand("/plain", &[], "/plain");
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for bad in ["", ".", ".."] {
            check_expand("/c/{id}", &[("id", bad)], "invalid-path");
        }
        for bad in ["a/../b", "..", "%2e%2e/x", "a/..\\b"] {
            check_expand("/{+path}", &[("path", bad)], "invalid-path");
        }
        check_expand("/c/{id}", &[], "invalid-template");
        check_expand("/c/{id", &[("id", "x")], "invalid-template");
        check_expand("/c", &[("id", "x")], "invalid-template");
    }

    #[test]
    fn queries() {
        let mut url = "https://x/".to_owned();
        push_query(&mut url, "q", "a&b=c d");
        push_query(&mut url, "é", "");
        assert_eq!(url, "https://x/?q=a%26b%3Dc%20d&%C3%A9=");
    }
}
