//! What the tests share: one sandbox, and short ways to make requests.

#![allow(dead_code, reason = "each test program uses its own part")]

use dowel_core::expression::{
    Bindings, Evaluated, EvaluationError, Expression, Needs, Piece, Position, Program, Template,
};
use dowel_core::port::{CheckExpressions as _, CheckRequest, EvaluationRequest, Mapper as _};
use dowel_core::{Digest, JsonText};
use dowel_mapping::{Mapping, MappingOptions};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Generous: machines that run tests are slow. Only runaway expressions reach it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

static SHARED: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::new(MappingOptions::default()).expect("the sandbox starts"));

/// One sandbox for all tests of a program: compiling the guest takes seconds.
pub(crate) fn mapping() -> Mapping {
    SHARED.clone()
}

pub(crate) fn expression(source: &str, key: &str) -> Expression {
    Expression {
        source: source.to_owned(),
        key: key.to_owned(),
        position: Position {
            file: "flow.yaml".into(),
            line: 3,
            column: 7,
        },
    }
}

pub(crate) fn program(condition: Option<&str>, outputs: Vec<Template>) -> Arc<Program> {
    let id = Digest::of(format!("{condition:?} {outputs:?}")).hex();
    Arc::new(Program {
        id: id.into(),
        condition: condition.map(|source| expression(source, "if")),
        outputs,
        needs: Needs::default(),
    })
}

pub(crate) fn single(source: &str) -> Arc<Program> {
    let piece = Piece::Expression(expression(source, "with.value"));
    program(
        None,
        vec![Template {
            pieces: vec![piece],
        }],
    )
}

pub(crate) async fn evaluate(
    mapping: &Mapping,
    program: Arc<Program>,
    bindings: Bindings,
    deadline: Duration,
) -> Result<Evaluated, EvaluationError> {
    let request = EvaluationRequest {
        guest: mapping.guest(),
        program,
        bindings,
        deadline,
    };
    mapping.evaluate(request).await
}

/// The result of one expression over `.`.
pub(crate) async fn one(
    mapping: &Mapping,
    source: &str,
    input: &str,
) -> Result<String, EvaluationError> {
    let input = Bindings::input(JsonText::parse(input).expect("the test's input is JSON"));
    match evaluate(mapping, single(source), input, DEADLINE).await? {
        Evaluated::Values(values) => Ok(values[0].as_str().to_owned()),
        Evaluated::Skipped => unreachable!("there is no condition"),
    }
}

/// The codes of the findings for one source.
pub(crate) fn findings(source: &str, variables: &[&str]) -> Vec<String> {
    let reports = mapping().check(&[CheckRequest { source, variables }]);
    let findings = reports[0].findings.iter();
    findings
        .map(|f| format!("{} {}: {}", f.code, f.offset, f.message))
        .collect()
}
