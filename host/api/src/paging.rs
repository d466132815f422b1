//! Pages of lists: `limit`, `cursor` and `next`, the same everywhere.
//!
//! A cursor is opaque: what it holds is the business of its list, and may change.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dowel_core::code::api::BAD_REQUEST;
use serde::Deserialize;

/// Items on a page unless the request says otherwise.
pub(crate) const DEFAULT_PAGE: usize = 50;

/// The most items on a page, whatever the request says.
const MAX_PAGE: usize = 500;

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Items on the page: 50 unless said otherwise, 500 at most.
    limit: Option<usize>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Self>::from_request_parts(parts, state).await;
        let Query(paging) = query.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
        Ok(paging)
    }
}

/// A cursor that stands for a place in a list.
pub(crate) fn cursor(place: &impl ToString) -> String {
    URL_SAFE_NO_PAD.encode(place.to_string())
}

/// The place that a cursor stands for.
///
/// # Errors
/// It is not a cursor of this list.
pub(crate) fn place<T>(
    cursor: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let text = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let found = text.as_deref().and_then(read);
    let bad = || Problem::new(BAD_REQUEST, "the cursor is not one of this list");
    found.map(Some).ok_or_else(bad)
}

/// One page of a list that is at hand as a whole. `name` tells items apart and orders them:
/// an item that comes or goes between two pages moves none of the others.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = T>,
    paging: &Paging,
    name: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let after = place(paging.cursor.as_deref(), |text| Some(text.to_owned()))?;
    let limit = paging.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let named = items.into_iter().map(|item| (name(&item), item));
    let mut rest: Vec<(String, T)> = named
        .filter(|(name, _)| after.as_ref().is_none_or(|after| name > after))
        .collect();
    rest.sort_by(|(one, _), (other, _)| one.cmp(other));
    let more = rest.len() > limit;
    rest.truncate(limit);
    let last = rest.last().filter(|_| more);
    let next = last.map(|(name, _)| cursor(name));
    Ok((rest.into_iter().map(|(_, item)| item).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(cursor: Option<String>, limit: usize) -> Paging {
        let limit = Some(limit);
        Paging { cursor, limit }
    }

    #[test]
    fn pages_follow_each_other_whatever_comes_and_goes() {
        let name = |item: &&str| (*item).to_owned();
        let (first, next) = page(["c", "a", "b", "e"], &at(None, 2), name).unwrap();
        assert_eq!(first, ["a", "b"]);
        // `b` has gone and `d` has come.
        let (second, next) = page(["a", "c", "d", "e"], &at(next, 2), name).unwrap();
        assert_eq!(second, ["c", "d"]);
        let (third, next) = page(["a", "c", "d", "e"], &at(next, 2), name).unwrap();
        assert_eq!((third, next), (vec!["e"], None));
        let (all, next) = page(["b", "a"], &at(None, 2), name).unwrap();
        assert_eq!((all, next), (vec!["a", "b"], None), "no page without items");
        let (one, _) = page(["b", "a"], &at(None, 0), name).unwrap();
        assert_eq!(one, ["a"]);
    }

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        let number = |text: &str| text.parse::<u64>().ok();
        assert_eq!(place(Some(&cursor(&4711)), number).unwrap(), Some(4711));
        assert_eq!(place(None, number).unwrap(), None);
        for bad in ["4711", "%", "", &cursor(&"x")] {
            assert!(place(Some(bad), number).is_err(), "{bad}");
        }
    }
}
