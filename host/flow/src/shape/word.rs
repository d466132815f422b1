//! Values that are written as one text.

use super::basic::{boolean_word, expected};
use super::{Definitions, Shape};
use crate::diagnostic::Report;
use crate::scalar::{self, Content};
use crate::text::Span;
use crate::yaml::{Node, Plain};
use dowel_core::code::{Code, flow as code};
use dowel_core::connection::{EgressRule, Rate};
use dowel_core::id::{CalendarName, ConnectionName, ConnectorName, FlowName, GroupName, StepId};
use dowel_core::units::Share;
use dowel_core::{ErrorKind, units};
use serde_json::{Value, json};
use std::time::Duration;

/// A type that is written as one text.
pub(crate) trait FromText: Sized {
    /// The code of an error in it.
    const CODE: Code = code::BAD_FORM;

    /// Whether what is written in its place may be a secret by mistake.
    const MAY_BE_SECRET: bool = false;

    /// Reads it; the error says what is accepted.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Its JSON Schema.
    fn schema() -> Value;
}

/// Reads a word and reports what is wrong with it.
pub(crate) fn read<T: FromText>(text: &str, span: Span, report: &mut Report) -> Option<T> {
    match T::from_text(text) {
        Ok(value) => Some(value),
        Err(message) => {
            report.error(T::CODE, span, message);
            if T::MAY_BE_SECRET {
                report.hide(span);
            }
            None
        }
    }
}

impl<T: FromText> Shape for T {
    fn decode(node: &Node, report: &mut Report) -> Option<Self> {
        let text = text::<Self>(node, report)?;
        read(&text, node.span(), report)
    }

    fn schema(_: &mut Definitions) -> Value {
        T::schema()
    }
}

/// The text of a scalar that YAML reads as a text and that is no expression.
fn text<T: FromText>(node: &Node, report: &mut Report) -> Option<String> {
    let Node::Scalar(scalar) = node else {
        expected("a text", node, report);
        return None;
    };
    match scalar.resolve() {
        Plain::Text => {}
        Plain::BooleanWord => {
            boolean_word(scalar, report);
            return None;
        }
        Plain::Null => {
            expected("a text", node, report);
            return None;
        }
        Plain::Bool(_) | Plain::Number | Plain::ForeignNumber => {
            // Quotes alone would not make it right.
            read::<T>(&scalar.text, scalar.span, report)?;
            let message = format!(
                "a text is expected here, and YAML reads {}",
                node.describe()
            );
            let found = report.error(code::UNQUOTED_TEXT, scalar.span, message);
            found.help(format!("write '{}' in quotes", scalar.text));
            return None;
        }
    }
    match scalar::read(scalar, report)? {
        Content::Literal(text) => Some(text),
        Content::Expression { .. } => {
            let message = "a fixed text is expected here, not an expression";
            report.error(code::EXPRESSION_REFUSED, scalar.span, message);
            None
        }
    }
}

/// Any text.
#[derive(Clone, Debug)]
pub(crate) struct Text(pub(crate) String);

impl FromText for Text {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    fn schema() -> Value {
        json!({ "type": "string" })
    }
}

/// A key of the user's own: not empty.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) String);

impl FromText for Key {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("a name cannot be empty".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    fn schema() -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

const KEBAB_PATTERN: &str = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";
const SNAKE_PATTERN: &str = "^[a-z][a-z0-9_]*$";

macro_rules! names {
    ($($name:ident: $pattern:ident),*) => {
        $(impl FromText for $name {
            const CODE: Code = code::BAD_NAME;

            fn from_text(text: &str) -> Result<Self, String> {
                Self::new(text).map_err(|error| error.to_string())
            }

            fn schema() -> Value {
                json!({ "type": "string", "pattern": $pattern, "maxLength": dowel_core::id::MAX_NAME_LENGTH })
            }
        })*
    };
}
names!(FlowName: KEBAB_PATTERN, ConnectorName: KEBAB_PATTERN, ConnectionName: KEBAB_PATTERN, CalendarName: KEBAB_PATTERN, GroupName: KEBAB_PATTERN, StepId: SNAKE_PATTERN);

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        units::parse_duration(text).map_err(|error| error.to_string())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size(pub(crate) u64);

impl FromText for Size {
    fn from_text(text: &str) -> Result<Self, String> {
        let bytes = units::parse_size(text).map_err(|error| error.to_string())?;
        Ok(Self(bytes))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" })
    }
}

/// A share such as `99.5%`, checked for its form only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Percent(pub(crate) Share);

impl FromText for Percent {
    fn from_text(text: &str) -> Result<Self, String> {
        let what = "a share is written as a number from 0 to 100 and %: 99.5%";
        Share::parse(text).map(Self).ok_or_else(|| what.to_owned())
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?%$" })
    }
}

impl FromText for semver::Version {
    fn from_text(text: &str) -> Result<Self, String> {
        let invalid = |_| "a version has three numbers: 1.4.0 (SemVer 2.0)".to_owned();
        Self::parse(text).map_err(invalid)
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+([-+].+)?$" })
    }
}

impl FromText for ErrorKind {
    const CODE: Code = code::UNKNOWN_VALUE;

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| {
            let names = Self::ALL.map(Self::name);
            let help = super::did_you_mean(text, names).unwrap_or_default();
            format!("unknown error kind `{text}`; {help}")
        })
    }

    fn schema() -> Value {
        json!({ "enum": Self::ALL.map(Self::name) })
    }
}

impl FromText for Rate {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error| format!("{error}"))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[1-9][0-9]{0,6}/[smhd]$" })
    }
}

impl FromText for EgressRule {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error| format!("{error}"))
    }

    fn schema() -> Value {
        json!({ "type": "string", "pattern": r"^(\*|[A-Z]+(,[A-Z]+)*) \S+$" })
    }
}
