//! Literal or expression: an expression is the whole scalar `${ … }`.

use crate::diagnostic::Report;
use crate::text::Span;
use crate::yaml::{Scalar, Style, offsets};
use dowel_core::code::flow as code;

/// What a scalar holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A text, `$${` already turned into `${`.
    Literal(String),
    /// An expression.
    Expression {
        /// The jq source, trimmed.
        source: String,
        /// Which character of the scalar's value the source begins with.
        start: usize,
    },
}

/// Why a scalar is neither. Each holds the character of the value that it is about.
#[derive(Debug, PartialEq, Eq)]
enum Bad {
    Spliced { suggestion: Option<String> },
    Empty,
    Unclosed,
    Comment(usize),
}

/// Reads a scalar and reports what is wrong with it.
pub(crate) fn read(scalar: &Scalar, report: &mut Report) -> Option<Content> {
    let bad = match classify(scalar) {
        Ok(content) => return Some(content),
        Err(bad) => bad,
    };
    let span = scalar.span;
    match bad {
        Bad::Spliced { suggestion } => {
            let message = "an expression is the whole value, it is not spliced into a text";
            let found = report.error(code::SPLICED_EXPRESSION, span, message);
            found.help(match suggestion {
                Some(text) => format!("write {text}"),
                None => "write `$${` for a literal `${`".to_owned(),
            });
        }
        Bad::Empty => {
            let found = report.error(code::EMPTY_EXPRESSION, span, "the expression is empty");
            found.help("write an expression, or `null` without `${ }`");
        }
        Bad::Unclosed => {
            let message = "the expression is not closed";
            let found = report.error(code::UNCLOSED_EXPRESSION, span, message);
            found.help(if scalar.style == Style::Plain {
                "put the whole expression in single quotes: without them ` #` begins a comment"
            } else {
                "add the closing `}`"
            });
        }
        Bad::Comment(at) => {
            let place = offsets(report.source().chars(), scalar).get(at).copied();
            let place = Span::at(place.unwrap_or(span.start));
            let message = "YAML folds these lines into one, and the comment swallows the rest";
            let found = report.error(code::COMMENT_IN_EXPRESSION, place, message);
            found.help("use a literal block (`|`), or remove the comment");
        }
    }
    None
}

/// Reads a scalar; what is wrong with it is reported where it is used.
pub(crate) fn quiet(scalar: &Scalar) -> Option<Content> {
    classify(scalar).ok()
}

fn classify(scalar: &Scalar) -> Result<Content, Bad> {
    let chars: Vec<char> = scalar.text.chars().collect();
    let is_block = matches!(scalar.style, Style::Literal | Style::Folded);
    let (from, to) = if is_block {
        trim(&chars, 0, chars.len())
    } else {
        (0, chars.len())
    };
    if !chars[from..to].starts_with(&['$', '{']) {
        return literal(&scalar.text, &chars);
    }
    let scan = scan(&chars[..to], from + 2);
    if let (Some(at), true) = (scan.comment, scalar.style != Style::Literal) {
        return Err(Bad::Comment(at));
    }
    let Some(end) = scan.end else {
        return Err(Bad::Unclosed);
    };
    if end + 1 != to {
        let suggestion = suggest(&chars[from..to]);
        return Err(Bad::Spliced { suggestion });
    }
    let (start, stop) = trim(&chars, from + 2, end);
    if start == stop {
        return Err(Bad::Empty);
    }
    let source = chars[start..stop].iter().collect();
    Ok(Content::Expression { source, start })
}

fn literal(text: &str, chars: &[char]) -> Result<Content, Bad> {
    let opens = |(index, pair): (usize, &[char])| {
        pair == ['$', '{'] && (index == 0 || chars[index - 1] != '$')
    };
    if chars.windows(2).enumerate().any(opens) {
        let suggestion = suggest(chars);
        return Err(Bad::Spliced { suggestion });
    }
    Ok(Content::Literal(text.replace("$${", "${")))
}

fn trim(chars: &[char], from: usize, to: usize) -> (usize, usize) {
    let solid = |c: &char| !c.is_whitespace();
    let start = chars[from..to].iter().position(solid);
    let end = chars[from..to].iter().rposition(solid);
    match (start, end) {
        (Some(start), Some(end)) => (from + start, from + end + 1),
        _ => (from, from),
    }
}

#[derive(Default)]
struct Scan {
    /// The index of the brace that closes the expression.
    end: Option<usize>,
    /// The index of the first comment.
    comment: Option<usize>,
}

/// Looks for the closing brace, with jq's strings, interpolations and comments.
fn scan(chars: &[char], from: usize) -> Scan {
    let mut out = Scan::default();
    let mut open = vec!['}'];
    let mut at = from;
    while let Some(&c) = chars.get(at) {
        let in_string = open.last() == Some(&'"');
        match c {
            '\\' if in_string => {
                at += 1;
                if chars.get(at) == Some(&'(') {
                    open.push(')');
                }
            }
            '"' if in_string => {
                open.pop();
            }
            _ if in_string => {}
            '"' => open.push('"'),
            '{' => open.push('}'),
            '(' => open.push(')'),
            '[' => open.push(']'),
            '#' => {
                out.comment.get_or_insert(at);
                while chars.get(at + 1).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            '}' => {
                // A parenthesis that is still open is the checker's business.
                while open.pop().is_some_and(|top| top != '}') {}
                if open.is_empty() {
                    out.end = Some(at);
                    return out;
                }
            }
            ')' | ']' if open.last() == Some(&c) => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// The same text as one expression with jq's string interpolation.
fn suggest(chars: &[char]) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at..].starts_with(&['$', '{']) {
            let end = scan(chars, at + 2).end?;
            let (start, stop) = trim(chars, at + 2, end);
            let source: String = chars[start..stop].iter().collect();
            out.push_str(&format!("\\({source})"));
            at = end + 1;
            continue;
        }
        match chars[at] {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
        at += 1;
    }
    let quoted = out.replace('\'', "''");
    Some(format!("'${{ \"{quoted}\" }}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(text: &str, style: Style) -> Result<Content, Bad> {
        let span = Span::default();
        classify(&Scalar {
            text: text.to_owned(),
            style,
            span,
        })
    }

    fn check(text: &str, expected: &str) {
        match classified(text, Style::Single).unwrap() {
            Content::Expression { source, .. } => assert_eq!(source, expected),
            Content::Literal(_) => panic!("{text} is an expression"),
        }
    }

    #[test]
    fn the_closing_brace_is_found() {
        check("${ .a }", ".a");
        check("${{a: .b}}", "{a: .b}");
        check(r#"${ "}" }"#, r#""}""#);
        check(r#"${ "a\("}")\"" }"#, r#""a\("}")\"""#);
        check("${ (.a }", "(.a");
    }

    #[test]
    fn what_is_not_an_expression() {
        let literal = |text: &str| Ok(Content::Literal(text.to_owned()));
        assert_eq!(classified("$${ .a }", Style::Plain), literal("${ .a }"));
        assert_eq!(classified("costs 5$", Style::Plain), literal("costs 5$"));
        assert_eq!(classified("${ }", Style::Plain), Err(Bad::Empty));
        assert_eq!(classified("${ .a", Style::Plain), Err(Bad::Unclosed));
        assert_eq!(
            classified("${ .a # x\n}", Style::Double),
            Err(Bad::Comment(6))
        );
        assert!(classified("${ .a # x\n}\n", Style::Literal).is_ok());
        let Err(Bad::Spliced { suggestion }) = classified("it's \"${.a}-${ .b }", Style::Plain)
        else {
            panic!("spliced")
        };
        assert_eq!(
            suggestion.as_deref(),
            Some(r#"'${ "it''s \"\(.a)-\(.b)" }'"#)
        );
    }
}
