//! Where a JSON pointer (RFC 6901) leads in a text, so that people find the place in what
//! they have written.

/// The deepest value that is looked into.
const DEEPEST: usize = 64;

/// The line of the value that a pointer names, counted from one; none if the text is no JSON
/// or has no such value.
pub(super) fn line(text: &str, pointer: &str) -> Option<usize> {
    let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let mut parts: Vec<String> = pointer.split('/').skip(1).map(unescaped).collect();
    parts.reverse();
    let mut reader = Reader { text, at: 0 };
    let place = reader.find(&mut parts, 0)?;
    Some(text.get(..place)?.matches('\n').count() + 1)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        let space = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += space.count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    /// A text in quotes, as it is written.
    fn quoted(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let begin = self.at;
        loop {
            match self.text.as_bytes().get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return self.text.get(begin..self.at - 1);
                }
                _ => self.at += 1,
            }
        }
    }

    /// Steps over a value that is not looked into.
    fn skip(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.peek()? {
            b'"' => self.quoted().map(|_| ()),
            open @ (b'{' | b'[') => {
                let close = if open == b'{' { b'}' } else { b']' };
                self.at += 1;
                while self.peek()? != close {
                    if open == b'{' {
                        self.quoted()?;
                        self.take(b':')?;
                    }
                    self.skip(depth + 1)?;
                    if self.peek()? == b',' {
                        self.at += 1;
                    }
                }
                self.at += 1;
                Some(())
            }
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let literal = rest
                    .iter()
                    .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
                let length = literal.count();
                self.at += length;
                (length > 0).then_some(())
            }
        }
    }

    /// Where the value begins to which the parts lead, the last one first. What a missing
    /// member belongs to stands for it.
    fn find(&mut self, parts: &mut Vec<String>, depth: usize) -> Option<usize> {
        let first = self.peek()?;
        let begin = self.at;
        if depth > DEEPEST {
            return None;
        }
        let Some(part) = parts.pop() else {
            return Some(begin);
        };
        let close = match first {
            b'{' => b'}',
            b'[' => b']',
            _ => return Some(begin),
        };
        self.at += 1;
        let mut index = 0_usize;
        while self.peek()? != close {
            let is_it = match first {
                b'{' => {
                    let name = self.quoted()?;
                    self.take(b':')?;
                    is_name(name, &part)
                }
                _ => part.parse() == Ok(index),
            };
            if is_it {
                return self.find(parts, depth + 1);
            }
            self.skip(depth + 1)?;
            if self.peek()? == b',' {
                self.at += 1;
            }
            index += 1;
        }
        Some(begin)
    }
}

/// Whether a name as it is written stands for this one.
fn is_name(written: &str, name: &str) -> bool {
    written == name
        || serde_json::from_str::<String>(&format!("\"{written}\"")).is_ok_and(|read| read == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"id\": 7,\n  \"lines\": [\n    { \"sku\": \"}\\\"\" },\n    {\n      \"a/b\": null\n    }\n  ]\n}";

    #[test]
    fn values_are_found_in_their_lines() {
        for (pointer, expected) in [
            ("", 1),
            ("/id", 2),
            ("/lines", 3),
            ("/lines/0/sku", 4),
            ("/lines/1", 5),
            ("/lines/1/a~1b", 6),
            // Of what is missing, the line of what it is missing in.
            ("/lines/1/price", 5),
            ("/nothing", 1),
        ] {
            assert_eq!(line(TEXT, pointer), Some(expected), "{pointer}");
        }
    }

    #[test]
    fn what_is_no_json_has_no_lines() {
        for text in ["", "{", "{\"a\"", "[1,", "nonsense }", &"[".repeat(1_000)] {
            assert_eq!(
                line(text, "/a/b/c").filter(|line| *line > 1),
                None,
                "{text}"
            );
        }
    }
}
