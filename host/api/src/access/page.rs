//! What people see in the browser before they are signed in. Without scripts, and with
//! nothing from elsewhere.

use super::needs::Needs;
use crate::problem::Problem;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Write as _;

/// The look of these pages: they need nothing else.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;display:grid;place-items:center;min-height:100vh;background:#f5f5f4;color:#1c1917}main{background:#fff;border:1px solid #d6d3d1;border-radius:8px;padding:2rem;width:min(26rem,90vw);box-sizing:border-box}h1{font-size:1.25rem;margin:0 0 1rem}label{display:block;font-weight:600}input[type=password],input[type=text]{width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin:.25rem 0 1rem;border:1px solid #78716c;border-radius:4px;background:inherit;color:inherit}button,a.button{display:inline-block;font:inherit;padding:.5rem 1rem;border:0;border-radius:4px;background:#1d4ed8;color:#fff;cursor:pointer;text-decoration:none}:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}.error{border-left:4px solid #b91c1c;padding-left:.75rem}code{font-size:1.1em}@media(prefers-color-scheme:dark){body{background:#1c1917;color:#f5f5f4}main{background:#292524;border-color:#57534e}button,a.button{background:#93c5fd;color:#0c0a09}}";

/// Nothing is loaded, nothing runs, nobody shows the page inside of theirs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page with this title and content, which is HTML already.
pub(super) fn page(status: StatusCode, title: &str, content: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title} - Dowel</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html).into_response()
}

/// Text inside of HTML, also of attributes in double quotes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A hidden field of a form.
pub(super) fn hidden(name: &str, value: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
        escape(value)
    )
}

/// A path of this host to go on to: never another host's.
pub(super) fn safe_next(next: Option<&str>) -> String {
    let is_own = |next: &&str| {
        next.starts_with('/')
            && !next.starts_with("//")
            && !next.contains('\\')
            && !next.chars().any(char::is_control)
    };
    next.filter(is_own).unwrap_or("/").to_owned()
}

/// The answer to a request that is not let in: a problem, or a page where people look.
pub(super) fn refusal(needs: Needs, method: &Method, uri: &Uri, problem: Problem) -> Response {
    if !needs.is_page {
        return problem.into_response();
    }
    if problem.status() == StatusCode::UNAUTHORIZED {
        let next = match *method {
            Method::GET => uri.path_and_query().map_or("/", |path| path.as_str()),
            _ => "/",
        };
        let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
        return Redirect::to(&format!("/login?next={next}")).into_response();
    }
    let retry_after = problem.wait();
    let mut response = page(problem.status(), problem.title(), &explained(&problem));
    if let Some(wait) = retry_after {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// What went wrong and what to do, as content of a page.
pub(super) fn explained(problem: &Problem) -> String {
    let mut out = String::new();
    // Writing into a text cannot fail.
    let _ = write!(
        out,
        "<p class=\"error\" role=\"alert\">{}</p><p>{}</p><p><code>{}</code></p>",
        escape(problem.detail()),
        escape(problem.help()),
        problem.code()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for (next, expected) in [
            (None, "/"),
            (Some("/runs?x=1"), "/runs?x=1"),
            (Some("//evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("/a\nb"), "/"),
        ] {
            assert_eq!(safe_next(next), expected);
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escape("<a b=\"'&\">"), "&lt;a b=&quot;&#39;&amp;&quot;&gt;");
    }
}
