//! Messages that name types and never values.

use jaq_json::{Num, Val};
use std::fmt;

/// jq's name for the type of a value.
pub(crate) fn type_name(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Num(Num::Float(f)) if !f.is_finite() => "number that is not finite",
        Val::Num(_) => "number",
        Val::BStr(_) => "byte string",
        Val::TStr(_) => "string",
        Val::Arr(_) => "array",
        Val::Obj(_) => "object",
    }
}

/// What a failed filter may say: `literals` are the texts that the expression itself
/// passes to `error("…")`.
pub(crate) fn message(error: jaq_json::Error, literals: &[String]) -> String {
    let mut types = Types::default();
    // The sink stops the formatting once it has seen enough: that is no failure.
    let _ = fmt::write(&mut types, format_args!("{error:?}"));
    if !types.raised {
        return types.out;
    }
    match error.into_val() {
        Val::TStr(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if literals.contains(&text) {
                return text;
            }
            own(&text).map_or_else(
                || "an error was raised with a string".to_owned(),
                str::to_owned,
            )
        }
        other => format!(
            "an error was raised with {}",
            with_article(type_name(&other))
        ),
    }
}

fn with_article(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}

/// Messages of the engine's own filters: fixed texts that contain no values.
fn own(text: &str) -> Option<&'static str> {
    const FIXED: &[&str] = &[
        "cannot parse as number",
        "cannot parse as boolean",
        "split input and separator must be strings",
        "@csv takes an array of strings, numbers, booleans and nulls",
        "@tsv takes an array of strings, numbers, booleans and nulls",
    ];
    // jaq writes values into these; the beginning and the end tell which one it is.
    const BEGINNINGS: &[(&str, &str, &str)] = &[
        ("cannot parse ", " as JSON: ", "a string is not JSON"),
        ("invalid regex: ", "", "a regular expression is not valid"),
        (
            "invalid regex flag: ",
            "",
            "a flag of a regular expression is not known",
        ),
        (
            "cannot convert ",
            " to time",
            "a value cannot be converted to a time",
        ),
        (
            "cannot convert ",
            " to bytes",
            "a value cannot be converted to bytes",
        ),
        (
            "cannot use ",
            " as character",
            "a number is not a character's code",
        ),
        (
            "index ",
            " out of bounds",
            "an index is out of the array's bounds",
        ),
        ("true", " has no length", "a boolean has no length"),
        ("false", " has no length", "a boolean has no length"),
        ("Invalid ", "", "a text could not be decoded"),
    ];
    let fixed = FIXED
        .iter()
        .chain(crate::decimal::MESSAGES)
        .chain(crate::date::MESSAGES)
        .find(|fixed| **fixed == text);
    fixed.copied().or_else(|| {
        let known = BEGINNINGS
            .iter()
            .find(|(start, part, _)| text.starts_with(start) && text.contains(part));
        known.map(|(.., message)| *message)
    })
}

/// Reads the derived `Debug` form of jaq's error, whose fields are private, and keeps
/// its fixed words and the types of its values. It needs no memory for the values.
#[derive(Default)]
struct Types {
    out: String,
    /// The error is a value that the expression raised.
    raised: bool,
    /// The word that is being read outside of strings.
    word: String,
    in_string: bool,
    escaped: bool,
    /// Brackets that are open inside of a value; 0 outside of values.
    value_depth: usize,
    /// The name of the value's variant is still to come.
    expect_variant: bool,
    /// Brackets that are open outside of values.
    depth: usize,
}

impl Types {
    fn character(&mut self, c: char) -> fmt::Result {
        if self.in_string {
            match c {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => self.in_string = false,
                _ if self.value_depth == 0 => self.out.push(c),
                _ => {}
            }
            return Ok(());
        }
        match c {
            '"' => self.in_string = true,
            '(' | '[' | '{' => self.open()?,
            ')' | ']' | '}' => {
                self.variant();
                if self.value_depth > 0 {
                    self.value_depth -= 1;
                } else {
                    self.depth = self.depth.saturating_sub(1);
                }
                self.word.clear();
            }
            c if c.is_alphanumeric() => self.word.push(c),
            _ => self.word.clear(),
        }
        Ok(())
    }

    fn open(&mut self) -> fmt::Result {
        if self.value_depth > 0 {
            self.variant();
            self.value_depth += 1;
        } else if self.word == "Val" {
            if self.depth == 1 {
                self.raised = true;
                return Err(fmt::Error);
            }
            self.value_depth = 1;
            self.expect_variant = true;
        } else {
            self.depth += 1;
        }
        self.word.clear();
        Ok(())
    }

    fn variant(&mut self) {
        if std::mem::take(&mut self.expect_variant) {
            self.out.push_str(match self.word.as_str() {
                "Null" => "null",
                "Bool" => "boolean",
                "Num" => "number",
                "BStr" => "byte string",
                "TStr" => "string",
                "Arr" => "array",
                "Obj" => "object",
                _ => "value",
            });
        }
    }
}

impl fmt::Write for Types {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.character(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_take_the_place_of_values() {
        let secret = || Val::from("s\"3)cr]et".to_owned());
        let list: Val = [
            secret(),
            Val::obj([(secret(), Val::Null)].into_iter().collect()),
        ]
        .into_iter()
        .collect();
        let index = jaq_json::Error::index(list.clone(), secret());
        assert_eq!(message(index, &[]), "cannot index array with string");
        let math = jaq_json::Error::math(Val::Null, jaq_core::ops::Math::Sub, list);
        assert_eq!(message(math, &[]), "cannot calculate null - array");
        let typ = jaq_json::Error::typ(Val::from(1.5), "string");
        assert_eq!(message(typ, &[]), "cannot use number as string");
        let path = jaq_json::Error::path_expr(secret());
        assert_eq!(
            message(path, &[]),
            "invalid path expression with input string"
        );
    }

    #[test]
    fn a_raised_value_is_named_by_its_type_unless_it_is_a_literal() {
        let raised = |text: &str| jaq_json::Error::new(Val::from(text.to_owned()));
        assert_eq!(
            message(raised("s3cret"), &[]),
            "an error was raised with a string"
        );
        assert_eq!(
            message(raised("too much"), &["too much".into()]),
            "too much"
        );
        let parse = "cannot parse s3cret as JSON: byte 1";
        assert_eq!(message(raised(parse), &[]), "a string is not JSON");
        let list: Val = [Val::Null].into_iter().collect();
        assert_eq!(
            message(jaq_json::Error::new(list), &[]),
            "an error was raised with an array"
        );
    }
}
