//! Lists, maps, numbers, and values that are read later.

use super::{Definitions, FromText, Shape};
use crate::diagnostic::Report;
use crate::scalar::{self, Content};
use crate::text::Span;
use crate::yaml::{Node, Plain, Scalar};
use dowel_core::code::flow as code;
use serde_json::{Value, json};

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T: Shape> Shape for Located<T> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        let value = T::decode(node, report)?;
        Some(Self {
            value,
            span: node.span(),
        })
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }
}

impl<T: Shape> Shape for Option<T> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        T::decode(node, report).map(Some)
    }

    fn schema(definitions: &mut Definitions) -> Value {
        T::schema(definitions)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        let Node::List(items, _) = node else {
            expected("a list", node, report);
            return None;
        };
        let decoded: Vec<Option<T>> = items.iter().map(|item| T::decode(item, report)).collect();
        decoded.into_iter().collect()
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "type": "array", "items": T::schema(definitions) })
    }
}

/// A map with names of the user's own, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct MapOf<K, V>(pub(crate) Vec<(Located<K>, V)>);

impl<K, V> Default for MapOf<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: FromText, V: Shape> Shape for MapOf<K, V> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        let Node::Map(entries, _) = node else {
            expected("a map", node, report);
            return None;
        };
        let mut out = Some(Vec::new());
        for entry in entries {
            let key = super::word::read::<K>(&entry.key.text, entry.key.span, report);
            let value = V::decode(&entry.value, report);
            match (key, value, &mut out) {
                (Some(value_of_key), Some(value), Some(out)) => {
                    let key = Located {
                        value: value_of_key,
                        span: entry.key.span,
                    };
                    out.push((key, value));
                }
                _ => out = None,
            }
        }
        out.map(Self)
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({
            "type": "object",
            "propertyNames": K::schema(),
            "additionalProperties": V::schema(definitions),
        })
    }
}

/// Any value, read later.
#[derive(Clone, Debug)]
pub(crate) struct Any(pub(crate) Node);

impl Shape for Any {
    fn decode(node: &Node, _: &mut Report) -> Option<Self> {
        Some(Self(node.clone()))
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({})
    }
}

/// One, or a list of them.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Shape> Shape for OneOrMany<T> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        match node {
            Node::List(items, span) if items.is_empty() => {
                report.error(code::BAD_FORM, *span, "the list is empty");
                None
            }
            Node::List(..) => Vec::decode(node, report).map(Self),
            _ => T::decode(node, report).map(|one| Self(vec![one])),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        let one = T::schema(definitions);
        json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

/// One form that is a map, and another one that is not.
#[derive(Clone, Debug)]
pub(crate) enum Either<A, B> {
    /// The form that is not a map.
    Plain(A),
    /// The form that is a map.
    Map(B),
}

impl<A: Shape, B: Shape> Shape for Either<A, B> {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        match node {
            Node::Map(..) => B::decode(node, report).map(Self::Map),
            _ => A::decode(node, report).map(Self::Plain),
        }
    }

    fn schema(definitions: &mut Definitions) -> Value {
        json!({ "anyOf": [A::schema(definitions), B::schema(definitions)] })
    }
}

/// A scalar that is an expression.
#[derive(Clone, Debug)]
pub(crate) struct Formula(pub(crate) Scalar);

impl Shape for Formula {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        if let Node::Scalar(scalar) = node {
            match scalar::read(scalar, report)? {
                Content::Expression { .. } => return Some(Self(scalar.clone())),
                Content::Literal(_) => {}
            }
        }
        let message = format!("an expression is expected here, not {}", node.describe());
        let found = report.error(code::EXPRESSION_EXPECTED, node.span(), message);
        found.help("write '${ … }'");
        None
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "string", "pattern": r"^\s*\$\{[\s\S]*\}\s*$" })
    }
}

impl Shape for u32 {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        number(node, "a whole number", report)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl Shape for f64 {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        number(node, "a number", report)
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "number" })
    }
}

fn number<T: std::str::FromStr>(node: &Node, what: &'static str, report: &mut Report) -> Option<T> {
    if let Node::Scalar(scalar) = node
        && scalar.resolve() == Plain::Number
        && let Ok(number) = scalar.text.parse()
    {
        return Some(number);
    }
    expected(what, node, report);
    None
}

impl Shape for bool {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        if let Node::Scalar(scalar) = node {
            match scalar.resolve() {
                Plain::Bool(value) => return Some(value),
                Plain::BooleanWord => {
                    boolean_word(scalar, report);
                    return None;
                }
                _ => {}
            }
        }
        expected("`true` or `false`", node, report);
        None
    }

    fn schema(_: &mut Definitions) -> Value {
        json!({ "type": "boolean" })
    }
}

/// Reports a value of the wrong type.
pub(crate) fn expected(what: &str, node: &Node, report: &mut Report) {
    let message = format!("{what} is expected here, not {}", node.describe());
    report.error(code::WRONG_TYPE, node.span(), message);
}

/// Reports `no` and its like.
pub(crate) fn boolean_word(scalar: &Scalar, report: &mut Report) {
    let word = &scalar.text;
    let message = format!("some YAML readers take the word `{word}` for a truth value");
    let found = report.error(code::BOOLEAN_WORD, scalar.span, message);
    let is_true = ["yes", "on"]
        .iter()
        .any(|yes| word.eq_ignore_ascii_case(yes));
    found.help(format!(
        "write '{word}' in quotes if it is a text, `{is_true}` if it is a truth value"
    ));
}
