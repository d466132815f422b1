//! Flows and environments that a page shows.

use crate::markdown::Block;
use std::fs;
use std::path::Path;

/// Begins a flow that is wrong on purpose: a command below it shows the findings.
const WRONG: &str = "# wrong on purpose";

/// What a fragment needs above it to be a flow, besides its connections.
const AROUND: &str = "\
language: dowel/v1
flow: fragment
version: 1.0.0
trigger: { webhook: { path: /fragment, verify: token } }
";

/// What a block of YAML was, and how to check it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A flow or an environment that has to be clean, by the arguments of `dowel check`.
    Clean(Vec<String>),
    /// Only written: a command of the page tells what is wrong.
    Written,
    /// A part of a file that does not stand alone.
    Part,
}

/// Writes the file that a block of YAML shows.
pub(crate) fn write(folder: &Path, block: &Block) -> Shown {
    let text = &block.text;
    let first = text
        .lines()
        .find(|line| !line.starts_with('#'))
        .unwrap_or_default();
    // Tests do not name their flow: the page says where they stand.
    if let Some(path) = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# flows/"))
    {
        put(&folder.join("flows").join(path), text);
        return Shown::Written;
    }
    let named = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(|rest| rest.split('#').next().unwrap_or_default().trim().to_owned())
    };
    if first.starts_with("language:") {
        let flow = named("flow:").unwrap();
        put(&folder.join("flows").join(&flow).join("flow.yaml"), text);
        return match text.starts_with(WRONG) {
            true => Shown::Written,
            false => Shown::Clean(vec![flow]),
        };
    }
    if let Some(calendar) = named("calendar:") {
        put(&folder.join(format!("calendars/{calendar}.yaml")), text);
        return Shown::Written;
    }
    if let Some(environment) = named("environment:") {
        put(
            &folder.join(format!("environments/{environment}.yaml")),
            text,
        );
        return Shown::Clean(["--env".to_owned(), environment].into());
    }
    if first.starts_with("steps:") {
        let used = ["crm", "erp"]
            .into_iter()
            .filter(|name| text.contains(&format!("call: {name}.")));
        let used: Vec<String> = used.map(|name| format!("{name}: {name}@^0.1")).collect();
        let flow = format!("{AROUND}connections: {{ {} }}\n{text}", used.join(", "));
        put(&folder.join("flows/fragment/flow.yaml"), &flow);
        return Shown::Clean(vec!["fragment".to_owned()]);
    }
    Shown::Part
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
