//! No `unwrap` or `expect` outside tests without a comment that proves it safe.

use crate::Violation;
use crate::source::Source;
use proc_macro2::{Delimiter, TokenTree};

/// Looks for unexplained calls in one Rust file.
pub fn check(source: &Source<'_>) -> Vec<Violation> {
    let tokens = source.tokens();
    let calls = tokens.windows(3).filter_map(|window| {
        let [
            TokenTree::Punct(dot),
            TokenTree::Ident(name),
            TokenTree::Group(arguments),
        ] = window
        else {
            return None;
        };
        let called = arguments.delimiter() == Delimiter::Parenthesis;
        let named = name == "unwrap" || name == "expect";
        let line = name.span().start().line;
        let explained = source.is_test_line(line) || explained(source, line);
        (dot.as_char() == '.' && called && named && !explained)
            .then(|| format!("{}:{line}: `{name}` without a comment", source.file.path))
    });
    calls.collect()
}

/// A comment on the line or above the statement: a call chain may lie between.
fn explained(source: &Source<'_>, line: usize) -> bool {
    let chained = |n: &usize| {
        source
            .lines
            .get(n - 1)
            .is_some_and(|t| t.trim().starts_with('.'))
    };
    let first = (1..=line).rev().take_while(chained).last();
    let first = first.map_or(line, |n| n.saturating_sub(1).max(1));
    (first..=line).any(|line| source.has_comment(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::File;

    fn count(text: &str) -> usize {
        let file = File::planted("host/x/src/a.rs", text);
        check(&Source::parse(&file).unwrap()).len()
    }

    #[test]
    fn unexplained_calls_are_found() {
        assert_eq!(count("fn f() { a.unwrap(); }"), 1);
        assert_eq!(count("fn f() { a.expect(\"x\"); }"), 1);
        assert_eq!(count("fn f() { format!(\"{}\", a.unwrap()); }"), 1);
        assert_eq!(
            count("/// Doc.\nfn f() { a.unwrap(); }"),
            1,
            "doc is no proof"
        );
    }

    #[test]
    fn explained_calls_and_tests_pass() {
        assert_eq!(count("fn f() {\n    a.unwrap(); // Set above.\n}"), 0);
        assert_eq!(
            count("fn f() {\n    // Set above.\n    a\n        .b()\n        .unwrap();\n}"),
            0
        );
        assert_eq!(
            count("#[cfg(test)]\nmod tests { fn f() { a.unwrap(); } }"),
            0
        );
        assert_eq!(count("fn f() { a.unwrap_or(1); self.expect_key(2); }"), 0);
    }
}
