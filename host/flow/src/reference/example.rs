//! Examples of keys, cut out of whole flows.

use super::Example;
use super::kind::reference;
use crate::diagnostic::Report;
use crate::shape::Definitions;
use crate::text::Source;
use crate::yaml::{self, Entry, Node, extent};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The first example of each key, by definition and key.
pub(super) type Found = BTreeMap<(String, String), String>;

/// Longer examples show their beginning.
const MAX_LINES: usize = 14;

/// Looks for every key.
pub(super) fn find(examples: &[Example], definitions: &Definitions, root: &str) -> Found {
    let mut found = Found::new();
    for example in examples {
        let source = Arc::new(Source::new(&example.path, &example.text));
        let mut report = Report::new(Arc::clone(&source));
        if let Some(tree) = yaml::parse(&example.text, &mut report) {
            let mut search = Search {
                file: source.chars(),
                definitions,
                found: &mut found,
            };
            search.record(&tree, root);
        }
    }
    found
}

struct Search<'a> {
    file: &'a [char],
    definitions: &'a Definitions,
    found: &'a mut Found,
}

impl Search<'_> {
    fn record(&mut self, node: &Node, name: &str) {
        let definitions = self.definitions;
        let (Node::Map(entries, _), Some(definition)) = (node, definitions.0.get(name)) else {
            return;
        };
        for entry in entries {
            let key = entry.key.text.as_str();
            let property = &definition["properties"][key];
            if property.is_object() {
                let place = (name.to_owned(), key.to_owned());
                let excerpt = self.excerpt(entry);
                self.found.entry(place).or_insert(excerpt);
                self.value(&entry.value, property);
            }
        }
    }

    fn value(&mut self, node: &Node, schema: &Value) {
        if let Some(name) = reference(schema) {
            self.record(node, name);
        }
        for form in schema["anyOf"].as_array().into_iter().flatten() {
            self.value(node, form);
        }
        match node {
            Node::List(items, _) if schema["items"].is_object() => {
                items
                    .iter()
                    .for_each(|item| self.value(item, &schema["items"]));
            }
            Node::Map(entries, _) if schema["additionalProperties"].is_object() => {
                let inner = &schema["additionalProperties"];
                entries
                    .iter()
                    .for_each(|entry| self.value(&entry.value, inner));
            }
            _ => {}
        }
    }

    /// The lines of a key and its value, moved to the left edge.
    fn excerpt(&self, entry: &Entry) -> String {
        let start = entry.key.span.start;
        let end = extent(self.file, &entry.value).end.max(entry.key.span.end);
        let before = self.file[..start].iter().rev();
        let column = before.take_while(|c| **c != '\n').count();
        let text: String = self.file[start..end].iter().collect();
        let mut lines: Vec<String> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let blank = line.chars().take_while(|c| *c == ' ').count();
            let cut = if index == 0 { 0 } else { blank.min(column) };
            lines.push(line.chars().skip(cut).collect());
        }
        if lines.len() > MAX_LINES {
            lines.truncate(MAX_LINES - 1);
            lines.push("# …".to_owned());
        }
        lines.join("\n")
    }
}
