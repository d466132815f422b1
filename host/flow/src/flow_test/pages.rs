//! Mocks of operations that come in pages.

use super::read::Reader;
use super::{Answer, Outcome};
use crate::shape::{Any, Located};
use crate::surface::test as written;
use crate::template::constant;
use dowel_core::code::flow as code;
use dowel_core::{JsonText, pointer};

/// Keys that an answer of pages may have beside them.
const KEYS: [&str; 2] = ["pages", "after"];

impl Reader<'_> {
    /// One answer for each page. All but the first fit only the call that carries their
    /// cursor, so that every run, and every attempt, gets the page that it asks for.
    pub(super) fn pages(
        &mut self,
        name: &str,
        answer: &written::Answer,
        pages: &Located<Vec<Any>>,
    ) -> Option<Vec<Answer>> {
        for (key, span) in &answer.keys {
            if !KEYS.contains(&key.as_str()) && !key.starts_with("x-") {
                let message = format!("`{key}` does not go with `pages`");
                self.report.error(code::MOCK_KEY, *span, message);
            }
        }
        let Some(pagination) = self.names.pagination(name) else {
            let message = format!("the flow goes through no pages of `{name}`");
            let found = self.report.error(code::MOCK_KEY, pages.span, message);
            found.help("pages are for `for_each.pages_of`; answer other calls with `return`");
            return None;
        };
        if pages.value.is_empty() {
            let message = "an answer in pages needs at least one page, be it `[]`";
            self.report.error(code::EMPTY_LIST, pages.span, message);
            return None;
        }
        let mut answers = Vec::new();
        for (index, page) in pages.value.iter().enumerate() {
            let written = constant(&page.0, "pages", self.report)?;
            let whole = if written.items().is_some() {
                pointer::set(&JsonText::object([]), &pagination.items, &written)
            } else {
                Some(written)
            };
            let next = match index + 1 < pages.value.len() {
                true => cursor(index + 1),
                false => JsonText::null(),
            };
            let whole = whole.and_then(|page| pointer::set(&page, &pagination.cursor_out, &next));
            let Some(whole) = whole else {
                let message = "a page is a list of items, or a map: the whole result of a fetch";
                self.report.error(code::WRONG_TYPE, page.0.span(), message);
                return None;
            };
            self.names
                .check_return(name, &whole, page.0.span(), self.report);
            let with = (index > 0)
                .then(|| pointer::set(&JsonText::null(), &pagination.cursor_in, &cursor(index)));
            answers.push(Answer {
                outcome: Outcome::Return(whole),
                after: answer.after.unwrap_or_default(),
                times: (index > 0).then_some(u32::MAX),
                item: None,
                with: with.flatten(),
            });
        }
        // The first page fits every call, so it comes after those that fit one cursor.
        answers.rotate_left(1);
        Some(answers)
    }
}

/// The made-up cursor that leads to the page of this index.
fn cursor(index: usize) -> JsonText {
    JsonText::string(&format!("page-{}", index + 1))
}
