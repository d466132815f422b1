//! From the characters of a scalar's value back to the file.

use super::{Scalar, Style};

/// For each character of the value the offset in the file where it stands, and one
/// more for the end. Exact for all but whitespace that folding has changed, where it is
/// the place next to it.
pub(crate) fn offsets(file: &[char], scalar: &Scalar) -> Vec<usize> {
    let mut at = content_start(file, scalar);
    let mut out = Vec::with_capacity(scalar.text.len() + 1);
    for c in scalar.text.chars() {
        if c.is_whitespace() {
            out.push(at);
            if file.get(at) == Some(&c) {
                at += 1;
            } else if scalar.style == Style::Double && file.get(at) == Some(&'\\') {
                at += width(file, at, scalar.style);
            }
            continue;
        }
        while is_skipped(file, at, scalar.style) {
            at += 1;
        }
        out.push(at);
        at += width(file, at, scalar.style);
    }
    out.push(at);
    out
}

/// Where the value begins: after the quote, or on the line after the block's header.
fn content_start(file: &[char], scalar: &Scalar) -> usize {
    let start = scalar.span.start;
    match scalar.style {
        Style::Plain => start,
        Style::Single | Style::Double => start + 1,
        Style::Literal | Style::Folded => {
            if !matches!(file.get(start), Some('|' | '>')) {
                return start;
            }
            let rest = file.get(start..).unwrap_or_default();
            let header = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
            start + header + 1
        }
    }
}

/// Whether the character in the file has no counterpart in the value.
fn is_skipped(file: &[char], at: usize, style: Style) -> bool {
    let Some(c) = file.get(at) else { return false };
    let continues_line =
        style == Style::Double && *c == '\\' && matches!(file.get(at + 1), Some('\n' | '\r'));
    c.is_whitespace() || continues_line
}

/// How many characters of the file make one character of the value.
fn width(file: &[char], at: usize, style: Style) -> usize {
    match (style, file.get(at), file.get(at + 1)) {
        (Style::Single, Some('\''), Some('\'')) => 2,
        (Style::Double, Some('\\'), Some('x')) => 4,
        (Style::Double, Some('\\'), Some('u')) => 6,
        (Style::Double, Some('\\'), Some('U')) => 10,
        (Style::Double, Some('\\'), Some(_)) => 2,
        _ => 1,
    }
}
