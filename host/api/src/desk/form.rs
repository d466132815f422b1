//! Fields of forms as pages need them.

use crate::access::Form;
use crate::problem::Problem;
use axum::response::{IntoResponse, Redirect, Response};
use dowel_core::JsonText;
use dowel_core::code::api::{BAD_REQUEST, NOT_JSON};

/// The longest reason, in bytes: it is kept for good.
const MAX_REASON: usize = 1_000;

/// What pages read from a form.
pub(super) trait Fields {
    /// A field without the space around it; none if it is empty.
    fn text(&self, name: &str) -> Option<&str>;

    /// Whether a box is ticked.
    fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Why somebody decides so.
    fn reason(&self) -> Result<Option<String>, Problem> {
        match self.text("reason") {
            Some(reason) if reason.len() > MAX_REASON => {
                let message = format!("`reason` has {MAX_REASON} bytes at most");
                Err(Problem::new(BAD_REQUEST, message))
            }
            reason => Ok(reason.map(str::to_owned)),
        }
    }

    /// A field with a JSON value.
    fn json(&self, name: &str) -> Result<JsonText, Problem> {
        let text = self.text(name).unwrap_or_default();
        JsonText::parse_strict(text)
            .map_err(|error| Problem::new(NOT_JSON, format!("`{name}` is not JSON: {error}")))
    }
}

impl Fields for Form {
    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)
    }
}

/// After a decision: on to the page that shows it.
pub(super) fn decided(to: &str) -> Response {
    Redirect::to(to).into_response()
}
