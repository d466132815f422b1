//! A program in its compiled form, and its evaluation.

use crate::plain::{Found, Plain};
use crate::prelude::Data;
use crate::{error, read, write};
use bytes::Bytes;
use jaq_core::{Ctx, Filter, Vars};
use jaq_json::Val;

/// A program's text.
#[derive(Clone, Debug)]
pub struct Program {
    /// Unique for this content.
    pub id: String,
    /// The source of the condition.
    pub condition: Option<String>,
    /// The pieces of each output.
    pub outputs: Vec<Vec<Piece>>,
}

/// A part of an output.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Literal JSON text.
    Text(String),
    /// The source of an expression.
    Expression(String),
}

/// What a program yielded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The condition was `false` or `null`.
    Skipped,
    /// One JSON text per output.
    Values(Vec<String>),
}

/// Why a program yielded nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// Which expression, counted from 0 with the condition first.
    pub expression: u32,
    /// One sentence that names types, never values.
    pub message: String,
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// An expression raised an error, or cannot be compiled.
    Failed,
    /// An expression yielded no value, or several.
    NotOne,
    /// The program was not loaded, or is no longer remembered.
    UnknownProgram,
}

/// Why one expression yielded nothing.
pub(crate) type ExpressionFailure = (FailureKind, String);

/// A compiled program.
pub(crate) struct Compiled {
    pub(crate) condition: Option<Expression>,
    pub(crate) outputs: Vec<Vec<Part>>,
}

/// A part of an output, compiled.
pub(crate) enum Part {
    Text(String),
    Expression(Expression),
}

/// A compiled expression.
pub(crate) enum Expression {
    /// Read from the text directly.
    Plain(Plain),
    /// Evaluated by jaq.
    Filter(Box<FilterExpression>),
}

/// An expression that jaq evaluates.
pub(crate) struct FilterExpression {
    pub(crate) filter: Filter<Data>,
    /// The variables that it reads, in the order in which they were compiled.
    pub(crate) variables: Vec<Read>,
    /// What it reads of `.`.
    pub(crate) input: Option<Members>,
    /// Texts that it passes to `error("…")`.
    pub(crate) literals: Vec<String>,
}

/// A variable and how much of it is read.
pub(crate) struct Read {
    pub(crate) name: String,
    pub(crate) members: Members,
}

/// Which members of an object are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Members {
    All,
    Only(Vec<String>),
}

/// The values that one evaluation reads: texts, and what was parsed of them.
pub(crate) struct Scope {
    input: Slot,
    variables: Vec<(String, Slot)>,
}

struct Slot {
    text: Bytes,
    /// The whole value, once some expression needed all of it.
    whole: Option<Val>,
    /// The last partly read value, and of what.
    part: Option<(Members, Val)>,
}

impl Slot {
    fn new(text: String) -> Self {
        Self {
            text: text.into(),
            whole: None,
            part: None,
        }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    fn value(&mut self, members: &Members) -> Result<Val, read::NotJson> {
        if let Some(value) = &self.whole {
            return Ok(value.clone());
        }
        match (members, &self.part) {
            (_, Some((known, value))) if known == members => Ok(value.clone()),
            (Members::Only(keys), None) => {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                let value = read::members(&self.text, &keys)?;
                self.part = Some((members.clone(), value.clone()));
                Ok(value)
            }
            _ => {
                let value = read::value(&self.text)?;
                self.whole = Some(value.clone());
                Ok(value)
            }
        }
    }
}

impl Scope {
    pub(crate) fn new(input: String, variables: Vec<(String, String)>) -> Self {
        let slots = variables.into_iter().map(|(n, v)| (n, Slot::new(v)));
        Self {
            input: Slot::new(input),
            variables: slots.collect(),
        }
    }

    fn slot(&mut self, variable: Option<&str>) -> Result<&mut Slot, ExpressionFailure> {
        let Some(name) = variable else {
            return Ok(&mut self.input);
        };
        let slot = self.variables.iter_mut().find(|(n, _)| n == name);
        slot.map(|(_, slot)| slot).ok_or_else(|| {
            let message = format!("the variable `${name}` has no value here");
            (FailureKind::Failed, message)
        })
    }

    fn value(
        &mut self,
        variable: Option<&str>,
        members: &Members,
    ) -> Result<Val, ExpressionFailure> {
        self.slot(variable)?.value(members).map_err(|_| {
            let name = variable.map_or_else(|| ".".to_owned(), |name| format!("${name}"));
            let message = format!("the value of `{name}` is not JSON, or nested too deep");
            (FailureKind::Failed, message)
        })
    }
}

impl Compiled {
    pub(crate) fn evaluate(&self, scope: &mut Scope) -> Result<Outcome, Failure> {
        let mut index = 0;
        if let Some(condition) = &self.condition {
            let holds = condition.holds(scope).map_err(|e| failure(index, e))?;
            if !holds {
                return Ok(Outcome::Skipped);
            }
            index += 1;
        }
        let mut values = Vec::with_capacity(self.outputs.len());
        for output in &self.outputs {
            let mut text = String::new();
            for part in output {
                match part {
                    Part::Text(literal) => text.push_str(literal),
                    Part::Expression(expression) => {
                        let done = expression.append(scope, &mut text);
                        done.map_err(|e| failure(index, e))?;
                        index += 1;
                    }
                }
            }
            values.push(text);
        }
        Ok(Outcome::Values(values))
    }
}

fn failure(index: u32, (kind, message): ExpressionFailure) -> Failure {
    Failure {
        kind,
        expression: index,
        message,
    }
}

impl Expression {
    fn holds(&self, scope: &mut Scope) -> Result<bool, ExpressionFailure> {
        match self {
            Self::Plain(_) => {
                let mut text = String::new();
                self.append(scope, &mut text)?;
                Ok(!matches!(text.as_str(), "false" | "null"))
            }
            Self::Filter(filter) => {
                let value = filter.value(scope)?;
                Ok(!matches!(value, Val::Null | Val::Bool(false)))
            }
        }
    }

    fn append(&self, scope: &mut Scope, out: &mut String) -> Result<(), ExpressionFailure> {
        match self {
            Self::Plain(plain) => {
                let slot = scope.slot(plain.variable.as_deref())?;
                match plain.find(slot.text()) {
                    Ok(Found::Text(text)) => out.push_str(text),
                    Ok(Found::Nothing) => out.push_str("null"),
                    Err(message) => return Err((FailureKind::Failed, message)),
                }
                Ok(())
            }
            Self::Filter(filter) => {
                let value = filter.value(scope)?;
                write::value(&value, out).map_err(|message| {
                    // Dropping a very deep value recurses as deep: leave it to the end
                    // of the instance.
                    std::mem::forget(value);
                    (FailureKind::Failed, message.to_owned())
                })
            }
        }
    }
}

impl FilterExpression {
    fn value(&self, scope: &mut Scope) -> Result<Val, ExpressionFailure> {
        let mut variables = Vec::with_capacity(self.variables.len());
        for read in &self.variables {
            variables.push(scope.value(Some(&read.name), &read.members)?);
        }
        let input = match &self.input {
            Some(members) => scope.value(None, members)?,
            None => Val::Null,
        };
        let context = Ctx::<Data>::new(&self.filter.lut, Vars::new(variables));
        let mut values = self.filter.id.run((context, input));
        let Some(first) = values.next() else {
            return Err((
                FailureKind::NotOne,
                "the expression yielded no value".to_owned(),
            ));
        };
        let first = first.map_err(|e| self.failed(e))?;
        match values.next() {
            None => Ok(first),
            Some(Ok(_)) => {
                let message = "the expression yielded more than one value".to_owned();
                Err((FailureKind::NotOne, message))
            }
            Some(Err(error)) => Err(self.failed(error)),
        }
    }

    fn failed(&self, exception: jaq_core::Exn<'_, Val>) -> ExpressionFailure {
        let message = match exception.get_err() {
            Ok(error) => error::message(error, &self.literals),
            Err(_) => "the expression tried to end the engine".to_owned(),
        };
        (FailureKind::Failed, message)
    }
}
