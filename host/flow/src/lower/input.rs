//! The `with` of a call or a run.

use super::Lowering;
use crate::check::{Known, Leads, required};
use crate::shape::{Any, did_you_mean};
use crate::text::{Source, Span};
use crate::yaml::Node;
use dowel_core::code::reference as code;
use dowel_core::expression::{Piece, Template};

impl Lowering<'_> {
    /// The input of a call, or the payload of another flow: a map, one expression, or an expression in a file.
    pub(super) fn input(
        &mut self,
        with: Option<&Any>,
        schema: Option<&Known>,
        step: Span,
        taker: &str,
    ) -> Option<Template> {
        let empty = Node::Map(Vec::new(), step);
        let node = with.map_or(&empty, |with| &with.0);
        if let Some((path, span)) = mapping_file(node) {
            return self.mapping(path, span);
        }
        let template = self.template(node, "with")?;
        let is_expression = matches!(template.pieces.as_slice(), [Piece::Expression(_)]);
        if matches!(node, Node::Map(..)) {
            if let Some(schema) = schema {
                self.check_input(node, schema, step, taker);
            }
        } else if !is_expression {
            let what = "a map, or an expression that yields one,";
            crate::shape::expected(what, node, &mut self.report);
            return None;
        }
        Some(template)
    }

    /// Compares the literal keys with the schema of whoever takes them.
    fn check_input(&mut self, node: &Node, schema: &Known, owner: Span, taker: &str) {
        let Node::Map(entries, _) = node else { return };
        for entry in entries {
            let name = entry.key.text.as_str();
            match schema.step_into(name) {
                Leads::Value(known) => {
                    self.check_input(&entry.value, &known, entry.key.span, taker);
                }
                Leads::Undeclared(_) => {}
                Leads::Excluded(names) => {
                    let message = format!("the {taker} takes no field `{name}`");
                    let found = self
                        .report
                        .error(code::UNKNOWN_INPUT, entry.key.span, message);
                    found.help = did_you_mean(name, names.iter().map(String::as_str));
                }
            }
        }
        let Known::Schema(root, pointer) = schema else {
            return;
        };
        for name in required(root, pointer) {
            if entries.iter().all(|entry| entry.key.text != name) {
                let message = format!("the {taker} requires the field `{name}`");
                self.report.error(code::MISSING_INPUT, owner, message);
            }
        }
    }

    /// A mapping in a file of its own: one expression, without `${` and `}`.
    fn mapping(&mut self, path: &str, span: Span) -> Option<Template> {
        let (path, text) = self.file(path, span)?;
        let file = Source::new(&self.path_of(&path), &text);
        let solid = |c: &char| !c.is_whitespace();
        let start = file.chars().iter().position(solid).unwrap_or_default();
        let source = text.trim().to_owned();
        let offsets: Vec<usize> = (start..=start + source.chars().count()).collect();
        let expression = self.check_expression(&file, &offsets, source, "with")?;
        Some(Template {
            pieces: vec![Piece::Expression(expression)],
        })
    }
}

/// `{ file: mappings/<name>.jq }` and nothing else.
fn mapping_file(node: &Node) -> Option<(&str, Span)> {
    let Node::Map(entries, _) = node else {
        return None;
    };
    match entries.as_slice() {
        [entry] if entry.key.text == "file" => match &entry.value {
            Node::Scalar(path) if path.text.ends_with(".jq") => Some((&path.text, path.span)),
            _ => None,
        },
        _ => None,
    }
}
