//! Traps that are seen best before the parser runs.

use crate::diagnostic::Report;
use crate::text::Span;
use dowel_core::code::flow as code;

/// A file is read as a whole, and nobody reads more than this in one piece.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// Reports what it finds; whether the parser may go on.
pub(crate) fn prescan(text: &str, report: &mut Report) -> bool {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, 1 MiB is the most", text.len());
        report.error(code::FILE_TOO_LARGE, Span::at(0), message);
        return false;
    }
    if text.starts_with('\u{feff}') {
        let message = "the file begins with a byte order mark";
        let found = report.error(code::BYTE_ORDER_MARK, Span::at(0), message);
        found.help("save the file as UTF-8 without byte order mark");
        return false;
    }
    let mut clean = true;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let is_blank = line.trim().is_empty();
        let mut indentation = line.chars().take_while(|c| *c == ' ' || *c == '\t');
        if let Some(column) = indentation.position(|c| c == '\t').filter(|_| !is_blank) {
            let message = "the line is indented with a tab";
            let found = report.error(code::TAB_INDENTATION, Span::at(offset + column), message);
            found.help("indent by spaces, two for each level");
            clean = false;
        }
        offset += line.chars().count();
    }
    clean
}
