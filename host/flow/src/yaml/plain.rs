//! What an unquoted scalar means.

/// The type of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that JSON can hold, in the same text.
    Number,
    /// A number of YAML, 1.1 or 1.2, that JSON writes otherwise or not at all.
    ForeignNumber,
    /// A truth value of YAML 1.1.
    BooleanWord,
    /// Anything else.
    Text,
}

impl Plain {
    /// The type of an unquoted scalar.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_boolean_word(text) => Self::BooleanWord,
            _ if is_json_number(text) => Self::Number,
            _ if is_foreign_number(text) => Self::ForeignNumber,
            _ => Self::Text,
        }
    }
}

fn is_boolean_word(text: &str) -> bool {
    ["yes", "no", "on", "off"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// The grammar of RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = split_exponent(unsigned);
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    is_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(is_exponent)
}

fn is_foreign_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if lower == ".inf" || lower == ".nan" {
        return true;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix) || c == '_');
        }
    }
    let (mantissa, exponent) = split_exponent(&lower);
    let grouped = |c: char| c.is_ascii_digit() || c == '_';
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    whole.chars().all(grouped)
        && !whole.starts_with('_')
        && fraction.chars().all(grouped)
        && mantissa.contains(|c: char| c.is_ascii_digit())
        && exponent.is_none_or(is_exponent)
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    }
}

fn is_exponent(text: &str) -> bool {
    is_digits(text.strip_prefix(['-', '+']).unwrap_or(text))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: Plain, texts: &[&str]) {
        for text in texts {
            assert_eq!(Plain::of(text), expected, "{text}");
        }
    }

    #[test]
    fn scalars() {
        check(Plain::Null, &["", "~", "null"]);
        check(
            Plain::Number,
            &["0", "-1", "1.10", "12345678901234567890", "1e5", "1E-5"],
        );
        check(
            Plain::ForeignNumber,
            &[
                "0x1F", "0o17", "1_000", ".5", "5.", "+1", "007", ".inf", "-.Inf", ".nan", "0b1",
            ],
        );
        check(
            Plain::Text,
            &[
                "",
                "1.4.0",
                "2026-01-01",
                "5m",
                "12:30",
                "_1",
                ".",
                "-",
                "e5",
                "0xZZ",
                "1-2",
            ][1..],
        );
        check(Plain::BooleanWord, &["no", "No", "YES", "on", "off"]);
        check(Plain::Bool(true), &["true", "True"]);
    }
}
