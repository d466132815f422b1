//! What people see in the browser before they are signed in. Without scripts, and with
//! nothing from elsewhere.

use super::needs::Needs;
use crate::desk::{ICON_URL, STYLE_URL};
use crate::problem::Problem;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Nothing from elsewhere, nothing runs, nobody shows the page inside of theirs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page with this title and content, in the colours of the desk.
pub(super) fn page(status: StatusCode, title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " - Dowel" }
                link rel="icon" href=(*ICON_URL) type="image/svg+xml";
                link rel="stylesheet" href=(*STYLE_URL);
            }
            body .door {
                main .panel {
                    p .brand {
                        img src=(*ICON_URL) alt="" width="24" height="24";
                        "Dowel"
                    }
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, page.into_string()).into_response()
}

/// A hidden field of a form.
pub(super) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
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
pub(super) fn explained(problem: &Problem) -> Markup {
    html! {
        div .note .bad role="alert" {
            p { strong { (problem.detail()) } }
            p { (problem.help()) }
            p { code { (problem.code()) } }
        }
    }
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
        let field = hidden("next", "\"><script>&").into_string();
        assert_eq!(
            field,
            r#"<input type="hidden" name="next" value="&quot;&gt;&lt;script&gt;&amp;">"#
        );
    }
}
