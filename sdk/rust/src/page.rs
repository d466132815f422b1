//! Cursor pagination.

use crate::{Error, Result};
use std::collections::VecDeque;

/// The most pages that one call follows. An API whose cursors never end would otherwise
/// keep the call busy until its deadline.
const MAX_PAGES: usize = 10_000;

/// One page of a listing.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; `None` at the end.
    pub next: Option<String>,
}

/// Follows cursors: asks `fetch` for page after page and gives item after item. The first
/// page is asked for with `None`. Ends after the first error, and with an error when a
/// cursor leads back to itself.
///
/// ```
/// use dowel_sdk::{Page, Result, pages};
/// let all: Result<Vec<i32>> = pages(|cursor| {
///     Ok(match cursor {
///         None => Page { items: vec![1, 2], next: Some("b".into()) },
///         Some(_) => Page { items: vec![3], next: None },
///     })
/// })
/// .collect();
/// assert_eq!(all.unwrap(), [1, 2, 3]);
/// ```
pub fn pages<T, F>(fetch: F) -> impl Iterator<Item = Result<T>>
where
    F: FnMut(Option<&str>) -> Result<Page<T>>,
{
    Pages {
        fetch,
        items: VecDeque::new(),
        cursor: None,
        fetched: 0,
        done: false,
    }
}

struct Pages<T, F> {
    fetch: F,
    items: VecDeque<T>,
    cursor: Option<String>,
    fetched: usize,
    done: bool,
}

impl<T, F> Pages<T, F>
where
    F: FnMut(Option<&str>) -> Result<Page<T>>,
{
    fn next_page(&mut self) -> Result<()> {
        let page = (self.fetch)(self.cursor.as_deref())?;
        self.fetched += 1;
        let stuck = page.next.is_some() && page.next == self.cursor;
        if stuck || self.fetched >= MAX_PAGES {
            let message = "the upstream's cursors do not end";
            return Err(Error::internal("endless-pages", message));
        }
        self.done = page.next.is_none();
        self.cursor = page.next;
        self.items.extend(page.items);
        Ok(())
    }
}

impl<T, F> Iterator for Pages<T, F>
where
    F: FnMut(Option<&str>) -> Result<Page<T>>,
{
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(Ok(item));
            }
            if self.done {
                return None;
            }
            if let Err(error) = self.next_page() {
                self.done = true;
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_stays_is_an_error() {
        let listed: Vec<Result<u8>> = pages(|_| {
            Ok(Page {
                items: vec![7],
                next: Some("same".into()),
            })
        })
        .collect();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[1].as_ref().unwrap_err().code(), "endless-pages");
    }

    #[test]
    fn ends_after_an_error() {
        let mut calls = 0;
        let listed: Vec<Result<u8>> = pages(|_| {
            calls += 1;
            Err(Error::internal("x", "y"))
        })
        .collect();
        assert_eq!((listed.len(), calls), (1, 1));
    }
}
