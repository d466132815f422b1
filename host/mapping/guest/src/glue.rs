//! The component's exports: translates between the WIT types and the engine's.

// Generated code has no documentation and does as it likes.
#[allow(
    missing_docs,
    unsafe_op_in_unsafe_fn,
    unreachable_pub,
    unused_qualifications,
    clippy::all
)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit/dowel-mapping@0.1.0",
        world: "mapping",
    });
}

use crate::program::{Failure, FailureKind, Outcome, Piece, Program};
use crate::{Engine, FindingKind, Report};
use bindings::dowel::mapping::types;
use bindings::exports::dowel::mapping::engine::Guest;
use std::cell::RefCell;

thread_local! {
    // One instance of the component is one engine.
    static ENGINE: RefCell<Engine> = RefCell::new(Engine::new());
}

struct Component;

impl Guest for Component {
    fn check(requests: Vec<types::CheckRequest>) -> Vec<types::Report> {
        ENGINE.with_borrow(|engine| {
            let reports = requests.iter().map(|request| {
                let names: Vec<&str> = request.variables.iter().map(String::as_str).collect();
                report(engine.check(&request.source, &names))
            });
            reports.collect()
        })
    }

    fn load(program: types::Program) -> Result<(), types::Failure> {
        let pieces = |pieces: Vec<types::Piece>| {
            let pieces = pieces.into_iter().map(|piece| match piece {
                types::Piece::Text(text) => Piece::Text(text),
                types::Piece::Expression(source) => Piece::Expression(source),
            });
            pieces.collect()
        };
        let program = Program {
            id: program.id,
            condition: program.condition,
            outputs: program.outputs.into_iter().map(pieces).collect(),
        };
        ENGINE.with_borrow_mut(|engine| engine.load(program).map_err(failure))
    }

    fn eval(
        id: String,
        input: String,
        bindings: Vec<types::Binding>,
    ) -> Result<types::Outcome, types::Failure> {
        let variables = bindings.into_iter().map(|b| (b.name, b.value)).collect();
        let outcome = ENGINE.with_borrow_mut(|engine| engine.eval(&id, input, variables));
        outcome.map_err(failure).map(|outcome| match outcome {
            Outcome::Skipped => types::Outcome::Skipped,
            Outcome::Values(values) => types::Outcome::Values(values),
        })
    }
}

fn failure(failure: Failure) -> types::Failure {
    types::Failure {
        kind: match failure.kind {
            FailureKind::Failed => types::FailureKind::Failed,
            FailureKind::NotOne => types::FailureKind::NotOne,
            FailureKind::UnknownProgram => types::FailureKind::UnknownProgram,
        },
        expression: failure.expression,
        message: failure.message,
    }
}

fn report(report: Report) -> types::Report {
    let findings = report.findings.into_iter().map(|finding| types::Finding {
        kind: match finding.kind {
            FindingKind::Syntax => types::FindingKind::Syntax,
            FindingKind::TooLong => types::FindingKind::TooLong,
            FindingKind::TooDeep => types::FindingKind::TooDeep,
            FindingKind::UnknownFilter => types::FindingKind::UnknownFilter,
            FindingKind::WrongArity => types::FindingKind::WrongArity,
            FindingKind::UnknownVariable => types::FindingKind::UnknownVariable,
            FindingKind::UnknownLabel => types::FindingKind::UnknownLabel,
            FindingKind::Refused => types::FindingKind::Refused,
        },
        offset: finding.offset,
        message: finding.message,
        suggestion: finding.suggestion,
    });
    let references = report.references.into_iter().map(|r| types::Reference {
        variable: r.variable,
        path: r.path,
        optional: r.optional,
        arithmetic: r.arithmetic,
        offset: r.offset,
    });
    types::Report {
        findings: findings.collect(),
        references: references.collect(),
    }
}

bindings::export!(Component with_types_in bindings);
