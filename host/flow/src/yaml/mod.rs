//! YAML 1.2 (core schema) as a tree with places. What is a trap in YAML is refused here.

pub(crate) mod emit;
mod extent;
mod locate;
mod parse;
mod plain;
mod prescan;

pub(crate) use extent::extent;
pub(crate) use locate::offsets;
pub(crate) use parse::parse;
pub(crate) use plain::Plain;

use crate::text::Span;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// A `|` block.
    Literal,
    /// A `>` block.
    Folded,
}

/// A scalar.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// Its value, with quotes and escapes resolved.
    pub(crate) text: String,
    /// How it is written.
    pub(crate) style: Style,
    /// Where it stands, quotes included.
    pub(crate) span: Span,
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>, Span),
    /// A map; no key twice.
    Map(Vec<Entry>, Span),
}

/// One key of a map.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: Scalar,
    /// Its value.
    pub(crate) value: Node,
}

impl Node {
    /// Where the value stands; of a list or map only its beginning.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Scalar(scalar) => scalar.span,
            Self::List(_, span) | Self::Map(_, span) => *span,
        }
    }

    /// What it is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::List(..) => "a list",
            Self::Map(..) => "a map",
            Self::Scalar(scalar) => match scalar.resolve() {
                Plain::Null => "nothing",
                Plain::Bool(_) => "a truth value",
                Plain::Number | Plain::ForeignNumber => "a number",
                Plain::Text | Plain::BooleanWord => "a text",
            },
        }
    }
}

impl Scalar {
    /// The type of the scalar in the core schema (YAML 1.2.2, section 10.3.2).
    pub(crate) fn resolve(&self) -> Plain {
        match self.style {
            Style::Plain => Plain::of(&self.text),
            _ => Plain::Text,
        }
    }
}
