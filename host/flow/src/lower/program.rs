//! Programs: all expressions that are evaluated in one call.

use super::Lowering;
use crate::scalar::{self, Content};
use crate::shape::Formula;
use crate::template::{FillHoles, Hole, template};
use crate::yaml::Node;
use dowel_core::Digest;
use dowel_core::expression::{Expression, Needs, Piece, Program, Template};
use std::sync::Arc;

impl Lowering<'_> {
    /// Begins a program.
    pub(super) fn begin_program(&mut self) {
        self.needs = Needs::default();
    }

    /// Ends the program in hand.
    pub(super) fn end_program(
        &mut self,
        condition: Option<Expression>,
        outputs: Vec<Template>,
    ) -> Arc<Program> {
        let needs = std::mem::take(&mut self.needs);
        let mut content = String::new();
        let conditions = condition.iter().map(|expression| ("if", expression));
        let holes = outputs.iter().flat_map(|output| &output.pieces);
        for (tag, expression) in conditions {
            push(&mut content, tag, &expression.source);
            push(&mut content, "at", &expression.position.to_string());
        }
        for piece in holes {
            match piece {
                Piece::Text(text) => push(&mut content, "text", text),
                Piece::Expression(expression) => {
                    push(&mut content, "expression", &expression.source);
                    // Errors name the place, so it belongs to what is cached.
                    push(&mut content, "at", &expression.position.to_string());
                    push(&mut content, "key", &expression.key);
                }
            }
        }
        push(&mut content, "outputs", &outputs.len().to_string());
        for output in &outputs {
            push(&mut content, "pieces", &output.pieces.len().to_string());
        }
        Arc::new(Program {
            id: Digest::of(content).hex().into(),
            condition,
            outputs,
            needs,
        })
    }

    /// A value with expressions in it.
    pub(super) fn template(&mut self, node: &Node, key: &str) -> Option<Template> {
        template(node, key, self)
    }

    /// A scalar that is an expression.
    pub(super) fn formula(&mut self, formula: &Formula, key: &str) -> Option<Expression> {
        match scalar::read(&formula.0, &mut self.report)? {
            Content::Expression { source, start } => {
                let scalar = &formula.0;
                let hole = Hole {
                    scalar,
                    source,
                    start,
                    key,
                };
                self.expression(hole)
            }
            Content::Literal(_) => None,
        }
    }

    /// An expression as an output of its own.
    pub(super) fn formula_output(&mut self, formula: &Formula, key: &str) -> Option<Template> {
        let expression = self.formula(formula, key)?;
        Some(Template {
            pieces: vec![Piece::Expression(expression)],
        })
    }

    /// The step's `if`; `Some(None)` if it has none.
    pub(super) fn condition(&mut self, formula: Option<&Formula>) -> Option<Option<Expression>> {
        match formula {
            None => Some(None),
            Some(formula) => self.formula(formula, "if").map(Some),
        }
    }
}

/// Appends a part so that no two lists of parts give the same text.
fn push(content: &mut String, tag: &str, part: &str) {
    content.push_str(&format!("{tag}:{}:{part};", part.len()));
}
