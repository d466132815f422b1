//! How far a value reaches in the file, for edits in place.

use super::Node;
use crate::text::Span;

/// The characters of a value: of a list or map from its first key, dash or bracket to
/// the end of its last value or to its closing bracket, without what follows.
pub(crate) fn extent(file: &[char], node: &Node) -> Span {
    let start = node.span().start;
    match node {
        Node::Scalar(scalar) => {
            // The parser takes blanks behind a scalar for a part of it.
            let end = trim(file, start, scalar.span.end);
            Span { start, end }
        }
        Node::List(items, _) => {
            let last = items.last().map(|item| extent(file, item).end);
            collection(file, start, last)
        }
        Node::Map(entries, _) => {
            let last = entries.last().map(|entry| {
                // A value that is not written stands nowhere in particular.
                extent(file, &entry.value).end.max(entry.key.span.end)
            });
            collection(file, start, last)
        }
    }
}

fn collection(file: &[char], start: usize, last: Option<usize>) -> Span {
    let close = match file.get(start) {
        Some('[') => ']',
        Some('{') => '}',
        _ => {
            let end = last.unwrap_or(start);
            return Span { start, end };
        }
    };
    let mut at = last.unwrap_or(start + 1);
    while let Some(c) = file.get(at) {
        match c {
            '#' => {
                while file.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            c if *c == close => {
                let end = at + 1;
                return Span { start, end };
            }
            _ => at += 1,
        }
    }
    Span {
        start,
        end: file.len(),
    }
}

/// The end of a scalar without the blanks behind it.
fn trim(file: &[char], start: usize, end: usize) -> usize {
    let end = end.min(file.len());
    let solid = file[start..end].iter().rposition(|c| !c.is_whitespace());
    solid.map_or(start, |index| start + index + 1)
}
