//! What a flow refers to: fields by schemas, steps and variables by their place.

mod fields;
mod known;
mod reference;
mod scope;

pub(crate) use fields::required;
pub(crate) use known::{Known, Leads};
pub(crate) use reference::{Reader, check};
pub(crate) use scope::{Dot, Scope, StepIndex, StepResult};

/// Every variable of the language that a checker is told about; whether one has a
/// value at its place is checked here, with a better message than *unknown*.
pub(crate) const VARIABLES: &[&str] = &[
    "trigger", "event", "steps", "vars", "env", "run", "now", "item", "index", "state", "error",
];
