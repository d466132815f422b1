//! From source to syntax tree, with errors that say what was expected where.

use super::{Finding, FindingKind, Raw};
use crate::refused;
use crate::source::{self, Unreadable};
use jaq_core::load::lex::{self, Tok, Token};
use jaq_core::load::parse::{Parser, Term};
use jaq_core::load::span;

/// Longest part of the source that a message repeats, in characters.
const MAX_QUOTE: usize = 30;

pub(super) fn parse(source: &str) -> Result<Term<&str>, Vec<Finding>> {
    source::limits(source).map_err(|limit| vec![unreadable(source, &limit)])?;
    let tokens = lex::Lexer::new(source).lex().map_err(|errors| {
        let findings = errors.into_iter().map(|(expected, at)| {
            let expected = match expected {
                lex::Expect::Delim("(") => "a closing `)`",
                lex::Expect::Delim("[") => "a closing `]`",
                lex::Expect::Delim("{") => "a closing `}`",
                lex::Expect::Delim("\"") => "a closing `\"`",
                lex::Expect::Digit => "a digit",
                lex::Expect::Ident => "a name",
                lex::Expect::Escape => "an escape such as `\\n`",
                lex::Expect::Unicode => "four hexadecimal digits of a character",
                _ => "a filter or an operator",
            };
            placed(source, syntax(expected, at))
        });
        findings.collect::<Vec<_>>()
    })?;
    if let Some(Token(word @ ("import" | "include" | "module"), Tok::Word)) = tokens.first() {
        let (message, _) = refused::filter("import").unwrap_or_default();
        let raw = (FindingKind::Refused, *word, message.to_owned(), None);
        return Err(vec![placed(source, raw)]);
    }
    Parser::new(&tokens).parse(|p| p.term()).map_err(|errors| {
        let findings = errors.into_iter().map(|(expected, found)| {
            let at = Token::opt_as_str(found, source);
            placed(source, syntax(expected.as_str(), at))
        });
        findings.collect()
    })
}

fn syntax<'s>(expected: &str, at: &'s str) -> Raw<'s> {
    let found = if at.trim().is_empty() {
        "the end of the expression".to_owned()
    } else {
        format!("`{}`", quote(at))
    };
    let expected = match expected {
        "nothing" => "the end of the expression".to_owned(),
        "" => "something else".to_owned(),
        symbol if !symbol.chars().any(char::is_alphabetic) => format!("`{symbol}`"),
        words => words.to_owned(),
    };
    let message = format!("expected {expected}, found {found}");
    (FindingKind::Syntax, at, message, None)
}

pub(super) fn quote(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

fn unreadable(text: &str, limit: &Unreadable) -> Finding {
    let (kind, offset, message) = match limit {
        Unreadable::TooLong => {
            let limit = source::MAX_SOURCE_BYTES / 1024;
            let message = format!("the expression is longer than {limit} KiB");
            (FindingKind::TooLong, 0, message)
        }
        Unreadable::TooDeep(at) => {
            let limit = source::MAX_NESTING;
            let message = format!("the expression is nested deeper than {limit} levels");
            (FindingKind::TooDeep, source::characters(text, *at), message)
        }
    };
    Finding {
        kind,
        offset,
        message,
        suggestion: None,
    }
}

pub(super) fn placed(source: &str, (kind, at, message, suggestion): Raw<'_>) -> Finding {
    Finding {
        kind,
        offset: source::characters(source, span(source, at).start),
        message,
        suggestion,
    }
}
