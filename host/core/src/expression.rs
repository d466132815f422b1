//! Expressions as the plan holds them, and what the checker reports about them.
//!
//! A flow's text never reaches a native parser of expressions: these types carry
//! source text to the sandboxed jq engine and its findings back.

use crate::code::Code;
use crate::json::JsonText;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A place in a file, both numbers counted from 1. Columns count characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The file, relative to the repository.
    pub file: Arc<str>,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One `${ … }`: jq source that yields exactly one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expression {
    /// The jq source, without `${` and `}`.
    pub source: String,
    /// The key in the flow, such as `with.lines`.
    pub key: String,
    /// Where the source begins.
    pub position: Position,
}

/// A JSON document with holes: pieces of literal JSON text and expressions whose
/// results are put between them. A plain value is a single text piece.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Template {
    /// The pieces in order; put together they are one JSON value.
    pub pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Literal JSON text.
    Text(String),
    /// The result of an expression.
    Expression(Expression),
}

impl Template {
    /// A template without holes.
    pub fn constant(json: &JsonText) -> Self {
        Self {
            pieces: vec![Piece::Text(json.as_str().to_owned())],
        }
    }

    /// The value, if there are no holes.
    pub fn as_constant(&self) -> Option<JsonText> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Expression(_) => return None,
            }
        }
        JsonText::parse(&text).ok()
    }

    /// The expressions in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(expression) => Some(expression),
            Piece::Text(_) => None,
        })
    }
}

/// Everything that is evaluated in one call into the sandbox.
///
/// The guest evaluates `condition` first; unless it is `null` or `false`, the outputs
/// follow in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Unique within the process for this content: warm guests cache the compiled
    /// form under it. Made from a digest of the content.
    pub id: Arc<str>,
    /// The step's `if`.
    pub condition: Option<Expression>,
    /// What to produce.
    pub outputs: Vec<Template>,
    /// What the expressions read.
    pub needs: Needs,
}

/// Which variables a program reads, so that only those are passed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// Whether `.` is read.
    pub input: bool,
    /// Names of variables without `$`, such as `trigger`; `steps` only if some step
    /// is read.
    pub variables: BTreeSet<String>,
    /// The step ids that are read through `$steps`, or all of them.
    pub steps: StepNeeds,
}

impl Needs {
    /// Adds what another program reads.
    pub fn add(&mut self, other: &Self) {
        self.input |= other.input;
        self.variables.extend(other.variables.iter().cloned());
        match (&mut self.steps, &other.steps) {
            (StepNeeds::Only(ours), StepNeeds::Only(theirs)) => ours.extend(theirs.iter().cloned()),
            (ours, _) => *ours = StepNeeds::All,
        }
    }
}

/// Which members of `$steps` a program reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepNeeds {
    /// Only these.
    Only(BTreeSet<String>),
    /// `$steps` is used as a whole.
    All,
}

impl Default for StepNeeds {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

/// The values that a program reads.
#[derive(Clone, Debug)]
pub struct Bindings {
    /// The value of `.`.
    pub input: JsonText,
    /// Values of the variables, by name without `$`.
    pub variables: BTreeMap<&'static str, JsonText>,
}

impl Bindings {
    /// Only `.`.
    pub fn input(input: JsonText) -> Self {
        Self {
            input,
            variables: BTreeMap::new(),
        }
    }
}

/// What a program yielded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluated {
    /// The condition was `false` or `null`.
    Skipped,
    /// One value per output.
    Values(Vec<JsonText>),
}

/// Why a program yielded nothing. The message names types, never values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {place}: {message}")]
pub struct EvaluationError {
    /// A code of the `DWL-20…` group.
    pub code: Code,
    /// `file:line:column` and the key of the expression, or of the step's first one.
    pub place: String,
    /// One sentence.
    pub message: String,
}

/// What the checker found in one expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpressionReport {
    /// Syntax errors, unknown filters and variables, forbidden filters.
    pub findings: Vec<ExpressionFinding>,
    /// Every variable use and `.` path, with the field path that follows it
    /// literally (`$steps.customer.erp_id`), for checks against schemas.
    pub references: Vec<Reference>,
}

/// One finding of the checker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionFinding {
    /// A code of the `DWL-11…` group.
    pub code: Code,
    /// Offset into the source, in characters.
    pub offset: usize,
    /// One sentence.
    pub message: String,
    /// What to write instead, where the checker knows.
    pub suggestion: Option<String>,
}

/// A read of a variable or of `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Name without `$`; `None` for the expression's own input `.` (not for a `.`
    /// that is the input of a later filter).
    pub variable: Option<String>,
    /// Literal field names that follow directly. A step into an array (`[]`, `[0]`)
    /// is written `[]`.
    pub path: Vec<String>,
    /// Whether the value is given a fallback by `//` or `?`.
    pub optional: bool,
    /// Whether the value is an operand of `+ - * /` or `%`, for the finding about
    /// plain arithmetic on decimals.
    pub arithmetic: bool,
    /// Offset into the source, in characters.
    pub offset: usize,
}
