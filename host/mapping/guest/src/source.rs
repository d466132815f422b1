//! Limits on a source before jaq's recursive lexer and parser see it.

/// Longest source in bytes. Long mappings of real flows are a few KiB.
pub(crate) const MAX_SOURCE_BYTES: usize = 64 * 1024;

/// Deepest nesting of brackets and string interpolations. Lexer, parser, checker and
/// compiler recurse once or more per level; hand-written mappings stay below twenty.
pub(crate) const MAX_NESTING: usize = 100;

/// Why a source is not even lexed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// More than [`MAX_SOURCE_BYTES`].
    TooLong,
    /// More than [`MAX_NESTING`] levels; the byte offset of the first one too many.
    TooDeep(usize),
}

/// Checks length and nesting without recursion.
///
/// Unbalanced brackets pass: the lexer reports them better.
pub(crate) fn limits(source: &str) -> Result<(), Unreadable> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(Unreadable::TooLong);
    }
    // What is open: brackets, and `"` for a string.
    let mut open: Vec<u8> = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if open.last() == Some(&b'"') {
            match (byte, bytes.get(at + 1)) {
                (b'\\', Some(b'(')) => {
                    open.push(b'(');
                    at += 1;
                }
                (b'\\', _) => at += 1,
                (b'"', _) => {
                    open.pop();
                }
                _ => {}
            }
        } else {
            match byte {
                b'#' => at += bytes[at..].iter().take_while(|b| **b != b'\n').count(),
                b'(' | b'[' | b'{' | b'"' => open.push(byte),
                b')' | b']' | b'}' => {
                    open.pop();
                }
                _ => {}
            }
        }
        if open.len() > MAX_NESTING {
            return Err(Unreadable::TooDeep(at));
        }
        at += 1;
    }
    Ok(())
}

/// The offset in characters of a byte offset.
pub(crate) fn characters(source: &str, byte: usize) -> u32 {
    let count = source
        .char_indices()
        .take_while(|(at, _)| *at < byte)
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_of_strings_and_comments() {
        let deep = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
        assert_eq!(limits(&deep(MAX_NESTING)), Ok(()));
        assert_eq!(limits(&deep(10_000)), Err(Unreadable::TooDeep(MAX_NESTING)));
        assert_eq!(limits(&format!("\"{}\"", "(".repeat(1000))), Ok(()));
        assert_eq!(limits(&format!("1 # {}", "(".repeat(1000))), Ok(()));
        assert_eq!(limits(&format!("\"{}\"", "\\\\((".repeat(1000))), Ok(()));
        let interpolated = format!("{}1{}", "\"\\(".repeat(60), ")\"".repeat(60));
        assert!(matches!(limits(&interpolated), Err(Unreadable::TooDeep(_))));
        assert_eq!(limits(&" ".repeat(70_000)), Err(Unreadable::TooLong));
    }
}
