//! JSON values as people read them.

use dowel_core::JsonText;
use maud::{Markup, html};

/// Values up to this many bytes are open at once.
const OPEN_BYTES: usize = 600;

/// Spaces for one level.
const INDENT: usize = 2;

/// The same value with a line for each part. Numbers and texts stay as they are written.
pub(in crate::desk) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut chars = json.chars().filter(|c| !c.is_control()).peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * INDENT));
    };
    while let Some(c) = chars.next() {
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' => {}
            '"' => {
                in_text = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| *c == ' ').is_some() {}
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => out.push(c),
        }
    }
    out
}

/// A value, in full.
pub(in crate::desk) fn json(value: &JsonText) -> Markup {
    html! { pre tabindex="0" { (pretty(value.as_str())) } }
}

/// A value under its name; a long one is closed at first.
pub(in crate::desk) fn value(name: &str, value: &JsonText) -> Markup {
    let is_short = value.as_str().len() <= OPEN_BYTES;
    html! {
        details .value open[is_short] {
            summary { (name) }
            (json(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        assert_eq!(pretty(json), expected);
    }

    #[test]
    fn values_are_laid_out_and_not_changed() {
        check("1.10", "1.10");
        check("{}", "{}");
        check("[ ]", "[]");
        check(
            r#"{"a":[1,{"b":null}]}"#,
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ]\n}",
        );
        check(r#""a{,:\"[ b""#, r#""a{,:\"[ b""#);
        check(r#"["\\",1]"#, "[\n  \"\\\\\",\n  1\n]");
        check("{\n \"a\" : 1e5\n}", "{\n  \"a\": 1e5\n}");
    }
}
