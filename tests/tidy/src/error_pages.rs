//! The pages of the error codes, generated from the tables in `dowel_core::code`.

use crate::Violation;
use dowel_core::code::{self, Entry};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the pages stand.
pub const FOLDER: &str = "docs/errors";

/// Refreshes the pages.
pub const REFRESH: &str = "cargo xtask errors";

/// Every page that has to exist, by file name.
pub fn pages() -> BTreeMap<String, String> {
    let entries = code::all().map(|entry| (format!("{}.md", entry.code), page(entry)));
    let mut pages: BTreeMap<String, String> = entries.collect();
    pages.insert("README.md".to_owned(), index());
    pages
}

fn page(entry: &Entry) -> String {
    let Entry {
        code,
        title,
        what,
        fix,
    } = entry;
    format!(
        "# {code}: {title}\n\n## What happened\n\n{what}\n\n## What to do\n\n{fix}\n\n\
         `dowel explain {code}` prints this page. [All codes](README.md)\n"
    )
}

fn index() -> String {
    let mut text = String::from(
        "# Error codes\n\nEvery error that Dowel shows carries a stable code. `dowel explain <code>` prints its page.\n\n\
         | code | what it is |\n| --- | --- |\n",
    );
    for entry in code::all() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| [{0}]({0}.md) | {1} |", entry.code, entry.title);
    }
    text
}

/// Compares the pages that have to exist with those that do.
pub fn check(
    wanted: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (name, text) in wanted {
        match found.get(name) {
            None => violations.push(format!("{FOLDER}/{name}: missing; run `{REFRESH}`")),
            Some(other) if other != text => {
                violations.push(format!("{FOLDER}/{name}: stale; run `{REFRESH}`"));
            }
            Some(_) => {}
        }
    }
    let strangers = found.keys().filter(|name| !wanted.contains_key(*name));
    violations.extend(strangers.map(|name| format!("{FOLDER}/{name}: no such code")));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_that_says_what_to_do() {
        let pages = pages();
        for entry in code::all() {
            let page = &pages[&format!("{}.md", entry.code)];
            assert!(page.contains(entry.fix), "{}", entry.code);
            assert!(pages["README.md"].contains(entry.title), "{}", entry.code);
        }
    }

    #[test]
    fn missing_stale_and_strange_pages_are_found() {
        let wanted = BTreeMap::from([("a.md".to_owned(), "a".to_owned())]);
        let count = |name: &str, text: &str| {
            check(
                &wanted,
                &BTreeMap::from([(name.to_owned(), text.to_owned())]),
            )
            .len()
        };
        assert_eq!(count("a.md", "a"), 0);
        assert_eq!(count("a.md", "b"), 1);
        assert_eq!(count("b.md", "b"), 2, "one is missing, one is strange");
    }
}
