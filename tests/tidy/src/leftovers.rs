//! Nothing half-done: no placeholders, no ignored tests, no sleeping tests.

use crate::Violation;
use crate::source::Source;
use proc_macro2::TokenTree;

/// Programs that act as the outside world, or as a bad guest: delay is their business.
const MAY_SLEEP: [&str; 5] = [
    "tests/bench/src/",
    "tests/flawed/",
    "tests/hostile/",
    "tests/shop/src/",
    "tests/soak/src/",
];

/// A comment with this word above a sleep says that it is the pace of a poll.
const POLL: &str = "poll";

/// Looks for leftovers in one Rust file.
pub fn check(source: &Source<'_>) -> Vec<Violation> {
    let mut violations = marks(source);
    let tokens = source.tokens();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Ident(ident) = token else {
            continue;
        };
        let line = ident.span().start().line;
        let name = ident.to_string();
        let after = tokens.get(index + 1);
        let found = match name.as_str() {
            "todo" | "unimplemented" if is(after, '!') => format!("`{name}!`"),
            "ignore" if is_attribute(&tokens, index) => "an ignored test".to_owned(),
            "sleep" if sleeps(source, &tokens, index, line) => {
                "a sleep in a test; wait for a signal, or say in a comment what it polls".to_owned()
            }
            _ => continue,
        };
        violations.push(format!("{}:{line}: {found}", source.file.path));
    }
    violations
}

/// Words in comments; split so that this file does not hold them.
fn marks(source: &Source<'_>) -> Vec<Violation> {
    const MARKS: [&str; 3] = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X:"),
    ];
    let lines = source.lines.iter().enumerate();
    let marked = lines.filter_map(|(index, line)| {
        let mark = MARKS.iter().find(|mark| line.contains(**mark))?;
        Some(format!("{}:{}: {mark}", source.file.path, index + 1))
    });
    marked.collect()
}

fn is(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Whether the ident at `index` stands first in `#[…]`.
fn is_attribute(tokens: &[TokenTree], index: usize) -> bool {
    let group = index.checked_sub(1).and_then(|i| tokens.get(i));
    let hash = index.checked_sub(2).and_then(|i| tokens.get(i));
    matches!(group, Some(TokenTree::Group(_))) && is(hash, '#')
}

fn sleeps(source: &Source<'_>, tokens: &[TokenTree], index: usize, line: usize) -> bool {
    let called = matches!(tokens.get(index + 1), Some(TokenTree::Group(_)));
    let declared = matches!(
        index.checked_sub(1).and_then(|i| tokens.get(i)),
        Some(TokenTree::Ident(ident)) if ident == "fn"
    );
    let path = &source.file.path;
    let allowed = MAY_SLEEP.iter().any(|place| path.starts_with(place));
    let paced = source.comment(line).is_some_and(|text| text.contains(POLL));
    called && !declared && !allowed && !paced && source.is_test_line(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::File;

    fn count(path: &str, text: &str) -> usize {
        let file = File::planted(path, text);
        check(&Source::parse(&file).unwrap()).len()
    }

    const SLEEP: &str = "fn f() { std::thread::sleep(d); }";

    #[test]
    fn placeholders_are_found() {
        assert_eq!(
            count("host/x/src/a.rs", concat!("fn f() { to", "do!() }")),
            1
        );
        assert_eq!(
            count("host/x/src/a.rs", "fn f() { unimplemented!(\"x\") }"),
            1
        );
        assert_eq!(
            count("host/x/src/a.rs", concat!("// FIX", "ME later\nfn f() {}")),
            1
        );
        assert_eq!(count("host/x/src/a.rs", "fn f() { ignore(todo); }"), 0);
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(count("host/x/tests/a.rs", "#[ignore]\nfn f() {}"), 1);
        assert_eq!(
            count("host/x/tests/a.rs", "#[ignore = \"slow\"]\nfn f() {}"),
            1
        );
    }

    #[test]
    fn sleeping_tests_are_found() {
        assert_eq!(count("host/x/tests/a.rs", SLEEP), 1);
        assert_eq!(count("host/x/src/a.rs", SLEEP), 0, "not a test");
        assert_eq!(
            count(
                "host/x/src/a.rs",
                &format!("#[cfg(test)] mod tests {{ {SLEEP} }}")
            ),
            1
        );
        assert_eq!(
            count("tests/shop/src/a.rs", SLEEP),
            0,
            "latency is its business"
        );
        let paced = "fn f() {\n    // The pace of the poll.\n    sleep(d);\n}";
        assert_eq!(count("host/x/tests/a.rs", paced), 0);
    }
}
