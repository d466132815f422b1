//! The page of the guarantees names tests that exist.

use crate::Violation;
use crate::repository::File;
use std::collections::BTreeMap;

/// The page.
pub const PAGE: &str = "docs/guarantees.md";

/// What a section of the page begins with.
const SECTION: &str = "\n## ";

/// Looks for sections without a test, and for tests that are not there.
pub fn check(files: &[File]) -> Vec<Violation> {
    let texts: BTreeMap<&str, &str> = files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_str()))
        .collect();
    let Some(page) = texts.get(PAGE) else {
        return vec![format!("{PAGE}: missing")];
    };
    let mut violations = Vec::new();
    let sections = page.split(SECTION).skip(1);
    for section in sections {
        let title = section.lines().next().unwrap_or_default();
        let named: Vec<(&str, &str)> = section
            .split('`')
            .skip(1)
            .step_by(2)
            .filter_map(|code| code.split_once(".rs::"))
            .collect();
        if named.is_empty() {
            violations.push(format!("{PAGE}: nothing proves `{title}`"));
        }
        for (file, test) in named {
            let path = format!("{file}.rs");
            let is_there = texts
                .get(path.as_str())
                .is_some_and(|text| text.contains(&format!("fn {test}(")));
            if !is_there {
                violations.push(format!("{PAGE}: there is no test `{path}::{test}`"));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(page: &str) -> usize {
        check(&[
            File::planted(PAGE, page),
            File::planted("host/a.rs", "#[test]\nfn it_holds() {}\n"),
        ])
        .len()
    }

    #[test]
    fn tests_that_are_not_there_and_sections_without_any_are_found() {
        assert_eq!(
            count("# Guarantees\n\n## One\n\n- `host/a.rs::it_holds`\n"),
            0
        );
        assert_eq!(
            count("# Guarantees\n\n## One\n\n- `host/a.rs::it_hold`\n"),
            1
        );
        assert_eq!(
            count("# Guarantees\n\n## One\n\n- `host/b.rs::it_holds`\n"),
            1
        );
        assert_eq!(count("# Guarantees\n\n## One\n\nWe promise.\n"), 1);
        assert_eq!(check(&[]).len(), 1, "the page itself");
    }
}
