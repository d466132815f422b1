//! A mapper for plain paths, and programs of them: `$name.a.b` and `.a.b`.

use dowel_core::expression::{
    Bindings, Evaluated, EvaluationError, Expression, Needs, Piece, Position, Program, StepNeeds,
    Template,
};
use dowel_core::port::{BoxFuture, EvaluationRequest, Mapper};
use dowel_core::{Digest, JsonText, code};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Evaluates paths.
pub(crate) struct Paths;

impl Mapper for Paths {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        Box::pin(std::future::ready(evaluate(&request)))
    }
}

fn evaluate(request: &EvaluationRequest) -> Result<Evaluated, EvaluationError> {
    let value = |expression: &Expression| path(&expression.source, &request.bindings);
    if let Some(condition) = &request.program.condition
        && matches!(value(condition).as_str(), "null" | "false")
    {
        return Ok(Evaluated::Skipped);
    }
    let outputs = request.program.outputs.iter().map(|template| {
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Expression(expression) => value(expression).as_str().to_owned(),
        });
        JsonText::parse(&pieces.collect::<String>()).map_err(|error| EvaluationError {
            code: code::run::EVALUATION_FAILED,
            place: request.program.id.to_string(),
            message: error.to_string(),
        })
    });
    Ok(Evaluated::Values(outputs.collect::<Result<_, _>>()?))
}

fn path(source: &str, bindings: &Bindings) -> JsonText {
    let mut parts = source.split('.');
    let root = match parts.next().and_then(|root| root.strip_prefix('$')) {
        Some(name) => bindings.variables.get(name).cloned(),
        None => Some(bindings.input.clone()),
    };
    let mut value = root.unwrap_or_else(JsonText::null);
    for field in parts.filter(|part| !part.is_empty()) {
        let inner = value.fields().and_then(|fields| {
            let mut named = fields.into_iter().filter(|(name, _)| *name == field);
            named.next().map(|(_, value)| value)
        });
        value = inner.unwrap_or_else(JsonText::null);
    }
    value
}

/// A place in a flow that is in no file.
pub(crate) fn position() -> Position {
    Position {
        file: "sim".into(),
        line: 1,
        column: 1,
    }
}

fn hole(source: &str) -> Expression {
    Expression {
        source: source.to_owned(),
        key: "with".to_owned(),
        position: position(),
    }
}

/// JSON text in which `<…>` stands for an expression.
fn template(text: &str) -> Template {
    let parts = text.split(['<', '>']).enumerate();
    let pieces = parts.map(|(index, part)| match index % 2 {
        0 => Piece::Text(part.to_owned()),
        _ => Piece::Expression(hole(part)),
    });
    Template {
        pieces: pieces.collect(),
    }
}

/// A program of these outputs.
pub(crate) fn program(condition: Option<&str>, outputs: &[&str]) -> Arc<Program> {
    let templates: Vec<Template> = outputs.iter().map(|text| template(text)).collect();
    let mut needs = Needs::default();
    let mut steps = BTreeSet::new();
    let condition = condition.map(hole);
    let inside = templates.iter().flat_map(Template::expressions);
    for expression in condition.iter().chain(inside) {
        let mut parts = expression.source.split('.');
        match parts.next().and_then(|root| root.strip_prefix('$')) {
            Some("steps") => {
                needs.variables.insert("steps".to_owned());
                steps.extend(parts.next().map(str::to_owned));
            }
            Some(name) => {
                needs.variables.insert(name.to_owned());
            }
            None => needs.input = true,
        }
    }
    needs.steps = StepNeeds::Only(steps);
    let content = format!("{condition:?}{outputs:?}");
    Arc::new(Program {
        id: Digest::of(content).hex().into(),
        condition,
        outputs: templates,
        needs,
    })
}

/// The texts that a program was made of.
pub(crate) fn sources(program: &Program) -> Vec<String> {
    let text = |template: &Template| {
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Expression(expression) => format!("<{}>", expression.source),
        });
        pieces.collect::<String>()
    };
    program.outputs.iter().map(text).collect()
}
