//! Checking and evaluating expressions in the sandbox.

use super::BoxFuture;
use crate::digest::Digest;
use crate::expression::{Bindings, Evaluated, EvaluationError, ExpressionReport, Program};
use std::sync::Arc;
use std::time::Duration;

/// One evaluation of one program.
#[derive(Clone, Debug)]
pub struct EvaluationRequest {
    /// The mapping guest that the plan pins.
    pub guest: Digest,
    /// What to evaluate.
    pub program: Arc<Program>,
    /// What it reads.
    pub bindings: Bindings,
    /// The longest time that its expressions may run; what else the machine does meanwhile
    /// does not count.
    pub deadline: Duration,
}

/// Evaluates programs. Never panics, and stops what runs for longer than it may.
pub trait Mapper: Send + Sync {
    /// Evaluates all expressions of a program in one call.
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>>;
}

/// One expression to check.
#[derive(Clone, Copy, Debug)]
pub struct CheckRequest<'a> {
    /// The jq source, without `${` and `}`.
    pub source: &'a str,
    /// Names of the variables in scope, without `$`.
    pub variables: &'a [&'a str],
}

/// Checks expressions before anything runs.
pub trait CheckExpressions: Send + Sync {
    /// One report per request, in order. A source that breaks the checker itself (ten
    /// thousand nested parentheses) is a finding like any other.
    fn check(&self, requests: &[CheckRequest<'_>]) -> Vec<ExpressionReport>;

    /// Digest of the guest that new plans pin.
    fn guest(&self) -> Digest;
}
