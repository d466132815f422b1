//! Values to JSON text, or an error where JSON has no such value.

use jaq_json::{Num, Val};
use std::fmt::Write as _;

/// Deepest nesting of a result. Below the 128 levels that JSON readers commonly
/// accept, so that the template around it has room.
pub(crate) const MAX_DEPTH: usize = 100;

/// Integers below this are written without `.0` when a calculation yielded them in
/// binary floating point: all of them are exact, as in jq.
const EXACT_INTEGERS: f64 = 1e17;

/// Appends a value. The error is a sentence without values.
pub(crate) fn value(value: &Val, out: &mut String) -> Result<(), &'static str> {
    nested(value, out, 0)
}

fn nested(value: &Val, out: &mut String, depth: usize) -> Result<(), &'static str> {
    if depth > MAX_DEPTH {
        return Err("the result is nested deeper than 100 levels");
    }
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(true) => out.push_str("true"),
        Val::Bool(false) => out.push_str("false"),
        Val::Num(number) => self::number(number, out)?,
        Val::TStr(bytes) => string(bytes, out)?,
        Val::BStr(_) => return Err("the result contains a byte string, which JSON does not have"),
        Val::Arr(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                nested(item, out, depth + 1)?;
            }
            out.push(']');
        }
        Val::Obj(map) => {
            out.push('{');
            for (index, (key, member)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let Val::TStr(key) = key else {
                    return Err("the result contains an object with a key that is not a string");
                };
                string(key, out)?;
                out.push(':');
                nested(member, out, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn number(number: &Num, out: &mut String) -> Result<(), &'static str> {
    // Writing to a String cannot fail.
    let _ = match number {
        Num::Float(f) if !f.is_finite() => {
            return Err("the result contains a number that is infinite or not a number");
        }
        Num::Float(f) if f.fract() == 0.0 && f.abs() < EXACT_INTEGERS => write!(out, "{f:.0}"),
        // Only what the reader or dnum accepted comes here, and jq literals.
        Num::Dec(text) if !is_json(text) => return fixed(text, out),
        other => write!(out, "{other}"),
    };
    Ok(())
}

/// jq accepts `1.` and `.5` and `007.1`, JSON does not.
fn is_json(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let leading_zero =
        digits.first() == Some(&b'0') && digits.get(1).is_some_and(u8::is_ascii_digit);
    digits.first().is_some_and(u8::is_ascii_digit) && !leading_zero
}

fn fixed(text: &str, out: &mut String) -> Result<(), &'static str> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let digits = digits.trim_start_matches('0');
    let zero = if digits.starts_with(|c: char| c.is_ascii_digit()) {
        ""
    } else {
        "0"
    };
    out.push_str(sign);
    out.push_str(zero);
    out.push_str(digits);
    Ok(())
}

fn string(bytes: &[u8], out: &mut String) -> Result<(), &'static str> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| "the result contains a string that is not UTF-8")?;
    out.push('"');
    let mut start = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0C => "\\f",
            0x00..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[start..at]);
        if short.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(short);
        }
        start = at + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
    Ok(())
}
