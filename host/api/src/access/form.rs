//! The fields of a form.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use dowel_core::code::api::BAD_REQUEST;
use std::sync::Arc;

/// The fields of a form that a browser has sent, whose token against forged requests the
/// guard has compared already.
#[derive(Clone, Debug, Default)]
pub struct Form(Arc<Vec<(String, String)>>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub(super) fn parse(body: &[u8]) -> Self {
        let fields = form_urlencoded::parse(body);
        Self(Arc::new(fields.into_owned().collect()))
    }

    /// Every value of a field, in order.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let fields = self.0.iter().filter(move |(found, _)| found == name);
        fields.map(|(_, value)| value.as_str())
    }

    /// A field, if it was sent and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let (_, value) = fields.find(|(found, _)| found == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }
}

/// Whether a request says that it carries the fields of a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

impl<S: Sync> FromRequestParts<S> for Form {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let form = parts.extensions.get::<Self>().cloned();
        form.ok_or_else(|| Problem::new(BAD_REQUEST, "the request carries no form"))
    }
}
