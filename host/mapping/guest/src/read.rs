//! JSON text to values, keeping every number's text.
//!
//! The host has validated the text already; what is still wrong is an error, never a
//! panic. Strings without escapes share the input's memory.

use crate::scan::{skip, skip_scalar, skip_string, unescape};
use bytes::Bytes;
use jaq_json::{Map, Num, Val};

/// Deepest nesting that is read; the host's own parser stops at the same depth.
pub(crate) const MAX_DEPTH: usize = 128;

/// The text is not one JSON value, or nested too deep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotJson;

/// Reads one value.
pub(crate) fn value(text: &Bytes) -> Result<Val, NotJson> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(value).ok_or(NotJson)
}

/// Reads an object, but only those of its members that are named in `keys`. Anything
/// else than an object is read as a whole.
pub(crate) fn members(text: &Bytes, keys: &[&str]) -> Result<Val, NotJson> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    if reader.peek() != Some(b'{') {
        return value(text);
    }
    reader.at += 1;
    let mut map = Map::default();
    let mut first = true;
    while reader.next_item(b'}', &mut first)? {
        let key = reader.key()?;
        if keys.iter().any(|k| k.as_bytes() == &key[..]) {
            let member = reader.value(1)?;
            map.insert(Val::utf8_str(key), member);
        } else {
            reader.at = skip(text, reader.at).ok_or(NotJson)?;
        }
    }
    Ok(Val::obj(map))
}

/// The number that a text writes; its text is kept.
pub(crate) fn number(text: &str) -> Val {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let integer = digits.bytes().all(|b| b.is_ascii_digit());
    // `-0` is not an integer's own text.
    if integer
        && text != "-0"
        && let Some(number) = Num::from_str_radix(text, 10)
    {
        return Val::Num(number);
    }
    Val::Num(Num::Dec(text.to_owned().into()))
}

struct Reader<'a> {
    text: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &[u8], value: Val) -> Result<Val, NotJson> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(NotJson)
        }
    }

    /// Moves to the next item of an array or object; `false` at its end.
    fn next_item(&mut self, close: u8, first: &mut bool) -> Result<bool, NotJson> {
        self.space();
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !*first => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(_) if *first => {
                *first = false;
                Ok(true)
            }
            _ => Err(NotJson),
        }
    }

    /// A key and the colon after it.
    fn key(&mut self) -> Result<Bytes, NotJson> {
        if self.peek() != Some(b'"') {
            return Err(NotJson);
        }
        let key = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(NotJson);
        }
        self.at += 1;
        self.space();
        Ok(key)
    }

    fn value(&mut self, depth: usize) -> Result<Val, NotJson> {
        if depth > MAX_DEPTH {
            return Err(NotJson);
        }
        self.space();
        match self.peek().ok_or(NotJson)? {
            b'n' => self.literal(b"null", Val::Null),
            b't' => self.literal(b"true", Val::Bool(true)),
            b'f' => self.literal(b"false", Val::Bool(false)),
            b'"' => self.string().map(Val::utf8_str),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                let mut first = true;
                while self.next_item(b']', &mut first)? {
                    items.push(self.value(depth + 1)?);
                }
                Ok(Val::Arr(items.into()))
            }
            b'{' => {
                self.at += 1;
                let mut map = Map::default();
                let mut first = true;
                while self.next_item(b'}', &mut first)? {
                    let key = self.key()?;
                    let member = self.value(depth + 1)?;
                    map.insert(Val::utf8_str(key), member);
                }
                Ok(Val::obj(map))
            }
            b'-' | b'0'..=b'9' => {
                let end = skip_scalar(self.text, self.at);
                let text = std::str::from_utf8(&self.text[self.at..end]).map_err(|_| NotJson)?;
                self.at = end;
                Ok(number(text))
            }
            _ => Err(NotJson),
        }
    }

    /// The content of the string that begins here.
    fn string(&mut self) -> Result<Bytes, NotJson> {
        let start = self.at + 1;
        let run = self.text[start..]
            .iter()
            .position(|b| matches!(b, b'"' | b'\\'))
            .ok_or(NotJson)?;
        if self.text[start + run] == b'"' {
            self.at = start + run + 1;
            return Ok(self.text.slice(start..start + run));
        }
        let end = skip_string(self.text, self.at).ok_or(NotJson)?;
        let out = unescape(&self.text[start..end - 1]).ok_or(NotJson)?;
        self.at = end;
        Ok(out.into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let value = value(&Bytes::copy_from_slice(text.as_bytes())).unwrap();
        let mut out = String::new();
        crate::write::value(&value, &mut out).unwrap();
        assert_eq!(out, expected);
        assert_eq!(skip(text.as_bytes(), 0), Some(text.trim_end().len()));
    }

    #[test]
    fn numbers_and_order_stay() {
        for text in [
            "1.10",
            "12345678901234567890",
            "1e5",
            "1E400",
            "-0.0",
            "-0",
            "0",
            "-7",
            r#"{"b":1.10,"a":[12345678901234567890,1e5,{}],"c":[]}"#,
        ] {
            check(text, text);
        }
        check("{ \"a\" : [ 1 , 2 ] } ", r#"{"a":[1,2]}"#);
    }

    #[test]
    fn escapes() {
        check(r#""a\u00e9\n\ud83d\ude00\/\\\"""#, "\"aé\\n😀/\\\\\\\"\"");
        check(r#""\ud83d!""#, "\"\u{FFFD}!\"");
    }

    #[test]
    fn broken_text_is_an_error() {
        for text in [
            "",
            "{",
            "[1,]x",
            "\"a",
            "{\"a\"}",
            "nul",
            "1 2",
            "[1 2]",
            "\"\\u12\"",
        ] {
            assert!(
                value(&Bytes::copy_from_slice(text.as_bytes())).is_err(),
                "{text}"
            );
        }
        let deep = Bytes::from("[".repeat(100_000));
        assert!(value(&deep).is_err());
    }

    #[test]
    fn only_the_named_members_are_read() {
        let text = Bytes::from_static(br#"{"a":1,"b":{"x":[1,"}"]},"a\u0062":3}"#);
        let mut out = String::new();
        crate::write::value(&members(&text, &["ab", "b"]).unwrap(), &mut out).unwrap();
        assert_eq!(out, r#"{"b":{"x":[1,"}"]},"ab":3}"#);
    }
}
