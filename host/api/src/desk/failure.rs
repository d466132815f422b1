//! Pages that say what went wrong and what to do.

use super::frame::{Page, Tab};
use super::html;
use crate::problem::Problem;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use dowel_core::code::api::NO_SUCH_ROUTE;
use maud::html;

/// A request that came to nothing.
pub(super) struct Failure(Problem);

impl Failure {
    pub(super) fn no_such_page() -> Self {
        Self(Problem::new(NO_SUCH_ROUTE, "there is no such page"))
    }

    fn page(&self) -> Page {
        let details = self.0.details();
        let status = StatusCode::from_u16(details.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = html! {
            section .panel {
                p { (details.detail) }
                @if !details.errors.is_empty() { (html::violations(details.errors)) }
                div .note {
                    strong { "What to do" }
                    p { (details.help) }
                }
                p .soft {
                    "Code " (html::code(&details.code.to_string()))
                    @if let Some(id) = details.correlation_id { ", correlation id " span .id { (id) } }
                }
                p .row {
                    a .button href="/desk" { "Go to the overview" }
                }
            }
        };
        Page::new(Tab::None, details.title, body).status(status)
    }
}

impl<E: Into<Problem>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let details = self.0.details();
        if details.status >= 500 {
            tracing::warn!(code = %details.code, correlation_id = details.correlation_id, detail = details.detail, "a page failed");
        }
        self.page().into_response()
    }
}

/// The page for a path of the desk at which nothing is served; none for other paths.
pub(crate) fn no_such_page(uri: &Uri) -> Option<Response> {
    let is_ours = uri.path().starts_with("/desk/");
    let message = || format!("nothing is served at `{}`", uri.path());
    is_ours.then(|| Failure::from(Problem::new(NO_SUCH_ROUTE, message())).into_response())
}
