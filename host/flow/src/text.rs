//! A source text that knows its lines.

use dowel_core::expression::Position;
use std::sync::Arc;

/// A range of characters, the end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Index of the first character.
    pub(crate) start: usize,
    /// Index after the last character.
    pub(crate) end: usize,
}

impl Span {
    /// One character.
    pub(crate) fn at(start: usize) -> Self {
        Self {
            start,
            end: start + 1,
        }
    }
}

/// A file's text. Offsets count characters.
#[derive(Debug)]
pub(crate) struct Source {
    path: Arc<str>,
    chars: Vec<char>,
    line_starts: Vec<usize>,
}

/// A line is shown up to here: a file may be one line of a mebibyte.
const MAX_SHOWN_LINE: usize = 300;

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let after_newline = |(index, c): (usize, &char)| (*c == '\n').then_some(index + 1);
        let starts = chars.iter().enumerate().filter_map(after_newline);
        let line_starts = std::iter::once(0).chain(starts).collect();
        Self {
            path: path.into(),
            chars,
            line_starts,
        }
    }

    /// The characters.
    pub(crate) fn chars(&self) -> &[char] {
        &self.chars
    }

    /// Line and column of an offset.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.chars.len());
        let line = self.line_of(offset);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            file: Arc::clone(&self.path),
            line: number(line + 1),
            column: number(offset - self.line_starts[line] + 1),
        }
    }

    /// The offset of a line and column, both counted from 1.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.line_starts.get(line.saturating_sub(1));
        let start = start.copied().unwrap_or(self.chars.len());
        (start + column.saturating_sub(1)).min(self.chars.len())
    }

    /// The line around an offset, without its end.
    pub(crate) fn line(&self, offset: usize) -> String {
        let start = self.line_starts[self.line_of(offset.min(self.chars.len()))];
        let rest = self.chars[start..].iter().take(MAX_SHOWN_LINE);
        rest.take_while(|c| **c != '\n' && **c != '\r').collect()
    }

    fn line_of(&self, offset: usize) -> usize {
        // The first line starts at 0, so at least one start is not past the offset.
        self.line_starts.partition_point(|start| *start <= offset) - 1
    }
}
