//! What flows have to know of each other: of each flow of a repository its name, its
//! version, what its `manual` trigger takes, what it yields, and which flows it runs.

use crate::check::Known;
use crate::diagnostic::Report;
use crate::lower::{FLOW_FILE, flow_and_range};
use crate::shape::{Any, Shape};
use crate::source::FlowFolder;
use crate::surface::flow::FlowFile;
use crate::surface::step::Step;
use crate::text::Source;
use crate::yaml::{self, Node};
use dowel_core::JsonText;
use dowel_core::deprecation::Deprecation;
use dowel_core::id::FlowName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The flows of a repository. A flow whose file cannot be read is there by its name
/// alone, and nothing is said about it.
#[derive(Clone, Debug, Default)]
pub struct Outlines(BTreeMap<FlowName, Option<Outline>>);

/// What others have to know of a flow.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    pub(crate) version: semver::Version,
    /// What its `manual` trigger takes; `None` without such a trigger.
    pub(crate) manual: Option<Known>,
    /// What is known about its output.
    pub(crate) output: Known,
    /// That it will go, if it will.
    pub(crate) deprecated: Option<Deprecation>,
    runs: BTreeSet<FlowName>,
}

impl Outlines {
    /// Reads the flows of a repository.
    pub fn of(folders: &[FlowFolder]) -> Self {
        Self(folders.iter().filter_map(read).collect())
    }

    /// The flows that a flow runs, and those that these run, and so on.
    pub fn reachable(&self, from: &FlowName) -> BTreeSet<FlowName> {
        let mut found = BTreeSet::new();
        let mut next = vec![from];
        while let Some(flow) = next.pop() {
            let runs = self.get(flow).flatten().map(|outline| &outline.runs);
            for target in runs.into_iter().flatten() {
                if target != from && found.insert(target.clone()) {
                    next.push(target);
                }
            }
        }
        found
    }

    /// A flow: `None` if there is none, `Some(None)` if it cannot be read.
    pub(crate) fn get(&self, flow: &FlowName) -> Option<Option<&Outline>> {
        self.0.get(flow).map(Option::as_ref)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(FlowName::as_str)
    }

    /// The way by which a flow comes to run another one, both ends included.
    pub(crate) fn way<'o>(
        &'o self,
        from: &'o FlowName,
        to: &FlowName,
    ) -> Option<Vec<&'o FlowName>> {
        let mut before: BTreeMap<&FlowName, &FlowName> = BTreeMap::new();
        let mut next = vec![from];
        while let Some(flow) = next.pop() {
            if flow == to {
                let mut way = vec![flow];
                let mut at = flow;
                while at != from {
                    at = before.get(at)?;
                    way.push(at);
                }
                way.reverse();
                return Some(way);
            }
            let runs = self.get(flow).flatten().map(|outline| &outline.runs);
            for target in runs.into_iter().flatten() {
                if target != from && !before.contains_key(target) {
                    before.insert(target, flow);
                    next.push(target);
                }
            }
        }
        None
    }
}

fn read(folder: &FlowFolder) -> Option<(FlowName, Option<Outline>)> {
    let text = folder.files.get(FLOW_FILE)?;
    let mut unheard = Report::new(Arc::new(Source::new(FLOW_FILE, text)));
    let tree = yaml::parse(text, &mut unheard);
    let file = tree.and_then(|tree| FlowFile::decode(&tree, &mut unheard));
    let Some(file) = file else {
        let name = folder.path.rsplit('/').next().unwrap_or_default();
        return Some((FlowName::new(name).ok()?, None));
    };
    let mut steps = Vec::new();
    collect(&file.steps.value, &mut steps);
    let targets = steps.iter().filter_map(|step| step.run.as_ref());
    let runs = targets.filter_map(|run| Some(flow_and_range(&run.value.0)?.0));
    let outline = Outline {
        version: file.version.clone(),
        manual: manual(folder, &file),
        deprecated: file.deprecated.as_ref().map(|one| one.value.read()),
        runs: runs.collect(),
        output: output(&file, &steps),
    };
    Some((file.flow.value.clone(), Some(outline)))
}

/// Every step, those in blocks included.
pub(crate) fn collect<'s>(steps: &'s [Step], out: &mut Vec<&'s Step>) {
    for step in steps {
        out.push(step);
        for block in step.blocks() {
            collect(block, out);
        }
    }
}

/// What the flow's first `manual` trigger takes.
fn manual(folder: &FlowFolder, file: &FlowFile) -> Option<Known> {
    let several = file.triggers.iter().flat_map(|all| &all.0);
    let triggers = file.trigger.iter().chain(several.map(|(_, one)| one));
    let manual = triggers
        .filter_map(|trigger| trigger.manual.as_ref())
        .next()?;
    let Some(schema) = &manual.schema else {
        return Some(Known::Any);
    };
    let path = schema.value.0.trim_start_matches("./");
    let text = folder.files.get(path).map(String::as_str);
    let schema = text.and_then(|text| JsonText::parse_strict(text).ok());
    // What is wrong with the file is said where the other flow is checked.
    Some(schema.as_ref().map_or(Known::Any, Known::schema))
}

/// The names of the output's fields, where the file lists them and nothing else can come.
fn output(file: &FlowFile, steps: &[&Step]) -> Known {
    let returns = steps.iter().any(|step| step.ends_with.is_some());
    match &file.output {
        Some(Any(Node::Map(entries, _))) if !returns => {
            let names = entries.iter().map(|entry| entry.key.text.as_str());
            Known::object(&names.collect::<Vec<_>>())
        }
        _ => Known::Any,
    }
}
