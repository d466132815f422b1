//! The reference of the language, as a page: every key with its type, its default, its
//! meaning and an example, made from the types that read the files.

mod defaults;
mod example;
mod kind;

use crate::shape::{Definitions, Shape};
use crate::surface::flow::FlowFile;
use crate::surface::test::TestFile;
use example::Found;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A flow that the page takes its examples from.
#[derive(Clone, Debug)]
pub struct Example {
    /// The flow's file, relative to the page.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The page, and the keys that no example shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// Markdown.
    pub text: String,
    /// `<definition>.<key>`.
    pub without_example: Vec<String>,
}

const HEAD: &str = "\
# The flow language `dowel/v1`

This page is made from the program by `cargo xtask docs`. A flow is one file, `flows/<name>/flow.yaml`. Its schema is
closed: a key that is not on this page is an error, except for `x-…` keys, which are the user's own. Durations are written
`500ms`, `2s`, `5m`, `1h` or `2d`, and an expression is the whole value: `'${ … }'`, in jq
([Expressions](../guide/flow-author.md#expressions)). Where \"any value\" is written, expressions may stand anywhere in it.

The examples are parts of whole flows that have tests: [place-order](examples/flows/place-order/flow.yaml),
[branches](examples/flows/branches/flow.yaml), [decide](examples/flows/decide/flow.yaml),
[delegate](examples/flows/delegate/flow.yaml) and [listen](examples/flows/listen/flow.yaml). `dowel test --repo docs/reference/examples --connectors .dowel/connectors` runs
them.
";

/// The beginning of the page about tests.
const TESTS_HEAD: &str = "\
# The tests of a flow

This page is made from the program by `cargo xtask docs`. Tests stand beside their flow, in
`flows/<name>/flow.test.yaml`, and `dowel test` runs them: the real engine on a store in memory, a virtual clock, and mocks
in the place of everything outside ([Test it](../guide/flow-author.md#test-it)). Maps are compared by the keys that are
named, lists as a whole, numbers by their text. A mock's name is `<connection>.<operation>`, or the id of an `approve` step.

The examples are parts of whole files that are run: [tested](examples/flows/tested/flow.test.yaml) and its neighbours.
";

/// The reference of `flow.yaml`.
pub fn flow(examples: &[Example]) -> Page {
    page::<FlowFile>("FlowFile", HEAD, examples)
}

/// The reference of `flow.test.yaml`.
pub fn flow_test(examples: &[Example]) -> Page {
    page::<TestFile>("TestFile", TESTS_HEAD, examples)
}

/// The page about files of a type; `root` is the type's name.
fn page<T: Shape>(root: &str, head: &str, examples: &[Example]) -> Page {
    let mut definitions = Definitions::default();
    T::schema(&mut definitions);
    let found = example::find(examples, &definitions, root);
    let places = places(&definitions);
    let mut page = Page {
        text: head.to_owned(),
        without_example: Vec::new(),
    };
    for (name, keys) in definitions.keys() {
        let Some(definition) = definitions.0.get(name) else {
            continue;
        };
        let place = places.get(name.as_str()).map_or("", String::as_str);
        section(&mut page, name, definition, place);
        for key in keys {
            key_text(&mut page, name, key, definition, &found);
        }
    }
    page
}

fn section(page: &mut Page, name: &str, definition: &Value, place: &str) {
    let title = title(name);
    let text = definition["description"].as_str().unwrap_or_default();
    // Writing to a text cannot fail.
    let _ = write!(page.text, "\n## {title}\n\n{text}\n");
    if !place.is_empty() {
        let _ = write!(page.text, "\nStands at: `{place}`\n");
    }
}

fn key_text(page: &mut Page, name: &str, key: &str, definition: &Value, found: &Found) {
    let property = &definition["properties"][key];
    let required = definition["required"].as_array();
    let is_required = required.is_some_and(|all| all.iter().any(|one| one == key));
    let default = match defaults::of(name, key) {
        _ if is_required => "required".to_owned(),
        Some(default) => format!("default: {default}"),
        None => "optional".to_owned(),
    };
    let meaning = property["description"].as_str().unwrap_or_default();
    let kind = kind::of(property);
    let _ = write!(
        page.text,
        "\n### `{key}` in {}\n\n{meaning}\n\n- {kind}\n- {default}\n",
        title(name)
    );
    match found.get(&(name.to_owned(), key.to_owned())) {
        Some(excerpt) => {
            let _ = write!(page.text, "\n```yaml\n{excerpt}\n```\n");
        }
        None => page.without_example.push(format!("{name}.{key}")),
    }
}

/// `EscalateTo` becomes `Escalate to`.
fn title(name: &str) -> String {
    let name = name.strip_suffix("File").unwrap_or(name);
    let mut title = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !title.is_empty() {
            title.push(' ');
            title.extend(c.to_lowercase());
        } else {
            title.push(c);
        }
    }
    title
}

/// The anchor of a definition's section.
fn anchor(name: &str) -> String {
    title(name).to_lowercase().replace(' ', "-")
}

/// Where each definition is used first, as a way of keys.
fn places(definitions: &Definitions) -> BTreeMap<String, String> {
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (name, keys) in definitions.keys() {
        let Some(definition) = definitions.0.get(name) else {
            continue;
        };
        for key in keys {
            let mut used = Vec::new();
            kind::references(&definition["properties"][key], "", &mut used);
            for (inner, way) in used {
                let around = places.get(name).cloned().unwrap_or_default();
                let dot = if around.is_empty() { "" } else { "." };
                let place = format!("{around}{dot}{key}{way}");
                places.entry(inner).or_insert(place);
            }
        }
    }
    places
}
