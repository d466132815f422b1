//! Facets: what there is to say of a step or a flow, as texts by name, so that two of them
//! can be compared without knowing what they are.

use super::flow::{Detail, Kind};
use crate::picture::{expression_text, template_text};
use dowel_core::JsonText;
use dowel_core::expression::{Expression, Piece, Program, Template};
use std::collections::{BTreeMap, BTreeSet};

/// What there is to say, by name such as `with.customer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facets(BTreeMap<String, String>);

impl Facets {
    pub(super) fn put(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.insert(name.into(), text.into());
    }

    pub(super) fn put_some(&mut self, name: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.put(name, text);
        }
    }

    pub(super) fn condition(&mut self, expression: Option<&Expression>) {
        self.put_some("if", expression.map(expression_text));
    }

    /// A value with expressions: one facet for each key if it is written as a map.
    pub(super) fn value(&mut self, name: &str, template: Option<&Template>) {
        let Some(template) = template else {
            return;
        };
        match entries(template) {
            Some(entries) if !entries.is_empty() => {
                for (key, text) in entries {
                    self.put(format!("{name}.{key}"), text);
                }
            }
            _ => self.put(name, template_text(template)),
        }
    }

    pub(super) fn program(&mut self, name: &str, program: Option<&Program>) {
        self.value(name, program.and_then(|program| program.outputs.first()));
    }

    /// Takes over other facets under a name.
    pub(super) fn nest(&mut self, name: &str, other: Self) {
        for (key, text) in other.0 {
            self.put(format!("{name}.{key}"), text);
        }
    }

    /// What is different, as changes of `subject`.
    pub(super) fn compare(&self, new: &Self, subject: &str) -> Vec<Detail> {
        let names: BTreeSet<&String> = self.0.keys().chain(new.0.keys()).collect();
        let detail = |name: &String| {
            let (from, to) = (self.0.get(name), new.0.get(name));
            if from == to {
                return None;
            }
            Some(Detail {
                subject: subject.to_owned(),
                kind: match (from, to) {
                    (None, _) => Kind::Added,
                    (_, None) => Kind::Removed,
                    _ => Kind::Changed,
                },
                what: name.clone(),
                from: from.cloned(),
                to: to.cloned(),
            })
        };
        names.into_iter().filter_map(detail).collect()
    }
}

/// The entries of a map with holes.
fn entries(template: &Template) -> Option<Vec<(String, String)>> {
    // A hole becomes a text that cannot be written in a flow: JSON Text there has no
    // control characters but escaped ones, and this is found again as it was put.
    let mut skeleton = String::new();
    let mut holes = Vec::new();
    for piece in &template.pieces {
        match piece {
            Piece::Text(text) => skeleton.push_str(text),
            Piece::Expression(expression) => {
                skeleton.push_str(&mark(holes.len()));
                holes.push(expression_text(expression));
            }
        }
    }
    let fields = JsonText::parse_owned(skeleton).ok()?.fields()?;
    let filled = |value: &JsonText| {
        let mut text = value.as_str().to_owned();
        for (index, hole) in holes.iter().enumerate() {
            text = match text == mark(index) {
                true => hole.clone(),
                false => text.replace(&mark(index), &format!("${{ {hole} }}")),
            };
        }
        text
    };
    Some(
        fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value)))
            .collect(),
    )
}

fn mark(index: usize) -> String {
    format!("\"\\u0000dowel-hole-{index}\\u0000\"")
}
