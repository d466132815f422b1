//! What is known about values that the flow itself makes.

use super::Lowering;
use crate::check::{Known, Leads};
use crate::scalar::{self, Content};
use crate::yaml::Node;

impl Lowering<'_> {
    /// What is known about a value with expressions in it.
    pub(super) fn known_value(&mut self, node: &Node) -> Known {
        match node {
            Node::List(..) => Known::Any,
            Node::Map(entries, _) => {
                let mut fields = std::collections::BTreeMap::new();
                for entry in entries {
                    let known = self.known_value(&entry.value);
                    fields.insert(entry.key.text.clone(), known);
                }
                Known::Object(std::sync::Arc::new(fields))
            }
            Node::Scalar(scalar) => match scalar::quiet(scalar) {
                Some(Content::Expression { source, .. }) => self.known_of(&source),
                _ => Known::Any,
            },
        }
    }

    /// What is known about the items of a list.
    pub(super) fn known_item(&mut self, list: &Node) -> Known {
        match self.known_value(list).step_into("[]") {
            Leads::Value(known) => known,
            Leads::Excluded(_) | Leads::Undeclared(_) => Known::Any,
        }
    }
}
