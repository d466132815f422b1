//! Plain paths such as `$trigger.order.id`: cut out of the JSON text as it stands,
//! without building values for the rest of the document.

use crate::scan::{item, member};
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;
use jaq_core::path::{Opt, Part};

/// An expression that only names a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// The variable without `$`, or `None` for `.`.
    pub(crate) variable: Option<String>,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

/// What a plain path leads to.
pub(crate) enum Found<'a> {
    /// This text.
    Text(&'a str),
    /// Nothing: `null`.
    Nothing,
}

impl Plain {
    /// The plain path that a term is, if it is one.
    pub(crate) fn of(term: &Term<&str>) -> Option<Self> {
        let (head, parts) = match term {
            Term::Path(head, path) => (&**head, path.0.as_slice()),
            head => (head, &[][..]),
        };
        let variable = match head {
            Term::Id => None,
            Term::Var(name) => Some(name.strip_prefix('$')?.to_owned()),
            _ => return None,
        };
        let step = |(part, opt): &(Part<Term<&str>>, Opt)| match (part, opt) {
            (Part::Index(Term::Str(None, text)), Opt::Essential) => match text.as_slice() {
                [StrPart::Str(field)] => Some(Step::Field((*field).to_owned())),
                _ => None,
            },
            (Part::Index(Term::Num(text)), Opt::Essential) => text.parse().ok().map(Step::Index),
            _ => None,
        };
        let steps = parts.iter().map(step).collect::<Option<_>>()?;
        Some(Self { variable, steps })
    }

    /// Follows the path through a text. The error is a message without values.
    pub(crate) fn find<'a>(&self, text: &'a str) -> Result<Found<'a>, String> {
        let mut text = text.trim_matches([' ', '\n', '\t', '\r']);
        for step in &self.steps {
            let next = match (step, text.as_bytes().first()) {
                (_, Some(b'n')) => None,
                (Step::Field(field), Some(b'{')) => member(text, field),
                (Step::Index(index), Some(b'[')) => item(text, *index),
                // jaq finds nothing under a number in an object.
                (Step::Index(_), Some(b'{')) => None,
                (step, first) => return Err(mismatch(first.copied(), step)),
            };
            match next {
                Some(found) => text = found,
                None => return Ok(Found::Nothing),
            }
        }
        Ok(Found::Text(text))
    }
}

fn mismatch(first: Option<u8>, step: &Step) -> String {
    let with = match step {
        Step::Field(_) => "string",
        Step::Index(_) => "number",
    };
    let input = match first {
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        _ => "number",
    };
    format!("cannot index {input} with {with}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(source: &str) -> Option<Plain> {
        Plain::of(&jaq_core::load::parse(source, |p| p.term())?)
    }

    fn check(source: &str, text: &str, expected: &str) {
        let out = match plain(source).unwrap().find(text) {
            Ok(Found::Text(found)) => found.to_owned(),
            Ok(Found::Nothing) => "null".to_owned(),
            Err(message) => message,
        };
        assert_eq!(out, expected, "{source}");
    }

    #[test]
    fn texts_are_cut_out_as_they_stand() {
        let text =
            r#" { "a\u0062": {"x": [ 1.10 , {"y":"]}"} ]}, "n": null, "ab2": 1e5, "d":1, "d":2 } "#;
        check(".ab.x[0]", text, "1.10");
        check("$t.ab.x[1]", text, r#"{"y":"]}"}"#);
        check("$t.ab.x[2].z", text, "null");
        check(".ab2", text, "1e5");
        check(".d", text, "2");
        check(".n.x[0].y", text, "null");
        check(".ab2.x", text, "cannot index number with string");
        check(".ab.x.y", text, "cannot index array with string");
        check(".", " 12345678901234567890 ", "12345678901234567890");
        check(".\"a b\"", r#"{"a b":true}"#, "true");
    }

    #[test]
    fn what_is_not_plain() {
        for source in [
            ".a?",
            ".[]",
            ".a | .b",
            ".a[1:]",
            "..",
            "f.a",
            ".[-1]",
            ".[\"\\(.a)\"]",
        ] {
            assert_eq!(plain(source), None, "{source}");
        }
    }
}
