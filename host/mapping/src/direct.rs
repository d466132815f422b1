//! Programs that only put values together, without the sandbox.
//!
//! Most of what flows say is a path such as `$trigger.customer_id`: jq's engine has
//! nothing to do for it but to find a text in a text. For small documents the host does
//! that itself, with the walker that the guest uses for the same paths (`scan`), which
//! neither recurses nor allocates. Everything that could behave differently is left to
//! the sandbox, errors included: this answers or it declines.

use crate::scan;
use dowel_core::JsonText;
use dowel_core::expression::{Bindings, Evaluated, Expression, Piece, Program};

/// The largest document that is searched, and the largest value that is put together,
/// in bytes. Beyond it the time and memory of the sandbox are bounded and the host's
/// would not be.
const MAX_BYTES: usize = 64 * 1024;

/// The most steps of a path.
const MAX_STEPS: usize = 16;

/// What the program yields, or nothing if the sandbox has to find out.
pub(crate) fn evaluate(program: &Program, bindings: &Bindings) -> Option<Evaluated> {
    if let Some(condition) = &program.condition
        && matches!(find(condition, bindings)?, "false" | "null")
    {
        return Some(Evaluated::Skipped);
    }
    let mut values = Vec::with_capacity(program.outputs.len());
    for output in &program.outputs {
        let mut text = String::new();
        for piece in &output.pieces {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Expression(expression) => find(expression, bindings)?,
            });
            if text.len() > MAX_BYTES {
                return None;
            }
        }
        values.push(JsonText::parse_owned(text).ok()?);
    }
    Some(Evaluated::Values(values))
}

fn find<'a>(expression: &Expression, bindings: &'a Bindings) -> Option<&'a str> {
    let source = expression.source.trim_matches([' ', '\n', '\t', '\r']);
    let (value, path) = match source.strip_prefix('$') {
        None => (&bindings.input, source),
        Some(rest) => {
            let end = rest.find('.').unwrap_or(rest.len());
            (bindings.variables.get(&rest[..end])?, &rest[end..])
        }
    };
    let mut text = value.as_str();
    if text.len() > MAX_BYTES {
        return None;
    }
    if path.is_empty() || path == "." {
        return is_path(source).then_some(text);
    }
    for (count, field) in path.strip_prefix('.')?.split('.').enumerate() {
        if count == MAX_STEPS || !is_name(field) {
            return None;
        }
        text = match text.as_bytes().first() {
            Some(b'{') => scan::member(text, field).unwrap_or("null"),
            Some(b'n') => "null",
            // An error, which the guest words.
            _ => return None,
        };
    }
    Some(text)
}

/// `.` alone, or a variable alone: `$trigger.` would be neither.
fn is_path(source: &str) -> bool {
    source == "." || source.strip_prefix('$').is_some_and(is_name)
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::expression::{Needs, Position, Template};
    use dowel_mapping_guest as guest;

    const DOCUMENT: &str = r#"{"a\u0062":{"x":[1.10]},"n":null,"s":"]}\"","d":1,"d":12345678901234567890,"and":{"_1":false}}"#;

    fn expression(source: &str) -> Expression {
        Expression {
            source: source.to_owned(),
            key: "with".to_owned(),
            position: Position {
                file: "flow.yaml".into(),
                line: 1,
                column: 1,
            },
        }
    }

    fn program(condition: Option<&str>, source: &str) -> Program {
        let text = |text: &str| Piece::Text(text.to_owned());
        Program {
            id: "p".into(),
            condition: condition.map(expression),
            outputs: vec![Template {
                pieces: vec![
                    text("{\"v\": "),
                    Piece::Expression(expression(source)),
                    text("}"),
                ],
            }],
            needs: Needs::default(),
        }
    }

    fn bindings() -> Bindings {
        let document = JsonText::parse(DOCUMENT).unwrap();
        let mut bindings = Bindings::input(document.clone());
        bindings.variables.insert("t", document);
        bindings
    }

    fn direct(condition: Option<&str>, source: &str) -> Option<Evaluated> {
        evaluate(&program(condition, source), &bindings())
    }

    /// What the guest's engine yields for the same.
    fn in_the_guest(condition: Option<&str>, source: &str) -> Option<Evaluated> {
        let mut engine = guest::Engine::new();
        let text = |text: &str| guest::Piece::Text(text.to_owned());
        let loaded = engine.load(guest::Program {
            id: "p".to_owned(),
            condition: condition.map(str::to_owned),
            outputs: vec![vec![
                text("{\"v\": "),
                guest::Piece::Expression(source.to_owned()),
                text("}"),
            ]],
        });
        loaded.ok()?;
        let variables = vec![("t".to_owned(), DOCUMENT.to_owned())];
        Some(
            match engine.eval("p", DOCUMENT.to_owned(), variables).ok()? {
                guest::Outcome::Skipped => Evaluated::Skipped,
                guest::Outcome::Values(values) => {
                    let values = values.iter().map(|v| JsonText::parse(v).unwrap());
                    Evaluated::Values(values.collect())
                }
            },
        )
    }

    #[test]
    fn an_answer_is_the_guests() {
        for source in [
            ".",
            "$t",
            ".ab",
            " $t.ab.x\n",
            ".n",
            ".n.x.y",
            ".missing",
            "$t.missing.x",
            ".s",
            ".d",
            "$t.and._1",
        ] {
            let found = direct(None, source);
            assert!(found.is_some(), "{source}");
            assert_eq!(found, in_the_guest(None, source), "{source}");
        }
        for condition in [".n", ".and._1", ".missing", ".s", "$t.d"] {
            let found = direct(Some(condition), ".");
            assert!(found.is_some(), "{condition}");
            assert_eq!(found, in_the_guest(Some(condition), "."), "{condition}");
        }
    }

    #[test]
    fn everything_else_is_declined() {
        for source in [
            "", "..", "$t.", "$t..ab", ".ab.x[0]", ".ab.x.y", ".d.x", ".\"ab\"", ".ab?",
            ".ab | .x", "$other", "$t | .ab", "1", "now", ".a-b", "$__loc__", ".ab.x[]", ". x",
        ] {
            assert_eq!(direct(None, source), None, "{source}");
        }
        let long = format!("${}", "t".to_owned() + &".n".repeat(MAX_STEPS + 1));
        assert_eq!(direct(None, &long), None);
        assert_eq!(direct(Some(".d | . > 1"), "."), None);
    }

    #[test]
    fn large_documents_are_declined() {
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BYTES / 2));
        let document = JsonText::parse(&text).unwrap();
        let mut once = program(None, ".a");
        assert!(evaluate(&once, &Bindings::input(document.clone())).is_some());
        let twice = [
            once.outputs[0].pieces.clone(),
            once.outputs[0].pieces.clone(),
        ];
        once.outputs[0].pieces = twice.concat();
        assert_eq!(evaluate(&once, &Bindings::input(document)), None);
        let text = format!("[\"{}\"]", "x".repeat(MAX_BYTES));
        let document = JsonText::parse(&text).unwrap();
        assert_eq!(
            evaluate(&program(None, "."), &Bindings::input(document)),
            None
        );
    }
}
