//! The choice between light, dark and what the system says.

use super::form::Fields;
use super::visitor::{THEME_COOKIE, Theme};
use crate::access::Form;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

/// A year, in seconds.
const KEPT: u32 = 31_536_000;

pub(super) async fn choose(form: Form) -> Response {
    let theme = form.text("theme").and_then(Theme::read);
    let (name, age) = theme.map_or(("", 0), |theme| (theme.name(), KEPT));
    let cookie =
        format!("{THEME_COOKIE}={name}; Path=/desk; Max-Age={age}; SameSite=Lax; HttpOnly");
    let back = form.text("back").filter(|back| is_ours(back));
    let headers = AppendHeaders([(header::SET_COOKIE, cookie)]);
    (headers, Redirect::to(back.unwrap_or("/desk"))).into_response()
}

/// Whether an address is a page of the desk and nothing else.
fn is_ours(back: &str) -> bool {
    let rest = back.strip_prefix("/desk");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_from_the_desk() {
        for (back, expected) in [
            ("/desk", true),
            ("/desk/runs?flow=a", true),
            ("/desk.evil.example", false),
            ("//evil.example/desk", false),
            ("https://evil.example", false),
        ] {
            assert_eq!(is_ours(back), expected, "{back}");
        }
    }
}
