//! Walks over JSON text without reading it into values, and without recursion.
//!
//! The host cuts simple paths out of small documents with this same file (`direct` in the
//! crate `dowel-mapping`), so it knows nothing but text.

fn space(text: &[u8], at: usize) -> usize {
    let run = text[at..]
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\n' | b'\t' | b'\r'));
    at + run.count()
}

/// The last member of that name, as a parser would keep it.
pub(crate) fn member<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let bytes = text.as_bytes();
    let mut found = None;
    let mut at = space(bytes, 1);
    while bytes.get(at) == Some(&b'"') {
        let key_end = skip_string(bytes, at)?;
        let key = &bytes[at + 1..key_end - 1];
        let colon = space(bytes, key_end);
        let start = space(bytes, colon + 1);
        let end = skip(bytes, start)?;
        let same = if key.contains(&b'\\') {
            unescape(key).as_deref() == Some(field)
        } else {
            key == field.as_bytes()
        };
        if same {
            found = text.get(start..end);
        }
        at = space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = space(bytes, at + 1);
        }
    }
    found
}

/// The item at that position.
pub(crate) fn item(text: &str, index: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut at = space(bytes, 1);
    let mut left = index;
    while bytes.get(at).is_some_and(|b| *b != b']') {
        let end = skip(bytes, at)?;
        if left == 0 {
            return text.get(at..end);
        }
        left -= 1;
        at = space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = space(bytes, at + 1);
        }
    }
    None
}

/// The offset behind the string that begins at `at`.
pub(crate) fn skip_string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The offset behind the number or word that begins at `at`.
pub(crate) fn skip_scalar(text: &[u8], at: usize) -> usize {
    let end = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\n' | b'\t' | b'\r');
    text[at..]
        .iter()
        .position(end)
        .map_or(text.len(), |n| at + n)
}

/// The offset behind the value that begins at `at`, without recursion.
pub(crate) fn skip(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = at;
    loop {
        match *text.get(at)? {
            b'"' => at = skip_string(text, at)?,
            b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\t' | b'\r' if depth > 0 => at += 1,
            _ => at = skip_scalar(text, at + 1),
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The text of a string's content (RFC 8259, section 7).
pub(crate) fn unescape(raw: &[u8]) -> Option<String> {
    let mut rest = std::str::from_utf8(raw).ok()?;
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        out.push(match escape {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let (character, after) = code_point(rest)?;
                rest = after;
                character
            }
            byte => char::from(byte),
        });
    }
    out.push_str(rest);
    Some(out)
}

/// Four hexadecimal digits, or two such units that form a pair; a lone surrogate is
/// the replacement character, as in jq.
fn code_point(rest: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let high = unit(rest)?;
    let after = &rest[4..];
    if (0xD800..0xDC00).contains(&high)
        && let Some(low) = after.strip_prefix("\\u").and_then(unit)
        && (0xDC00..0xE000).contains(&low)
    {
        let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return Some((char::from_u32(code)?, &after[6..]));
    }
    Some((char::from_u32(high).unwrap_or('\u{FFFD}'), after))
}
