//! Guests' texts, made fit for logs and messages.

use std::borrow::Cow;

/// The beginning of a text, `bytes` at most.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Control characters could forge lines or drive a terminal: shown escaped.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_made_plain() {
        assert_eq!(cut("ééé", 3), "é");
        assert_eq!(cut("é", 10), "é");
        assert_eq!(plain("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert!(matches!(plain("as it is"), Cow::Borrowed(_)));
    }
}
