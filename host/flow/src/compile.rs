//! The way of a flow from its folder to its plan.

use crate::check::VARIABLES;
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::lower::{FLOW_FILE, Lowering, suggestion};
use crate::scalar::{self, Content};
use crate::shape::Shape;
use crate::source::{Compiled, Context, FlowFolder};
use crate::surface::flow::FlowFile;
use crate::text::{Source, Span};
use crate::yaml::{self, Node, Scalar, offsets};
use dowel_core::code::reference as code;
use dowel_core::expression::ExpressionReport;
use dowel_core::port::CheckRequest;
use std::collections::HashMap;
use std::sync::Arc;

/// Checks a flow and makes its plan.
///
/// # Errors
/// Everything that is wrong, in order of place, warnings included.
pub fn compile(folder: &FlowFolder, context: Context<'_>) -> Result<Compiled, Vec<Diagnostic>> {
    let path = path_in(folder, FLOW_FILE);
    let text = folder.files.get(FLOW_FILE).map_or("", String::as_str);
    let mut report = Report::new(Arc::new(Source::new(&path, text)));
    if !folder.files.contains_key(FLOW_FILE) {
        let message = "the flow's folder has no file `flow.yaml`";
        report.error(code::FILE_NOT_FOUND, Span::at(0), message);
        return Err(report.into_sorted());
    }
    let Some(tree) = yaml::parse(text, &mut report) else {
        return Err(report.into_sorted());
    };
    let mut found = Vec::new();
    expressions(&tree, &mut found);
    let checked = check_all(&found, context);
    let Some(file) = FlowFile::decode(&tree, &mut report) else {
        // The shape is wrong, but the syntax of the expressions can be judged all the same.
        add_findings(&found, &checked, &mut report);
        return Err(report.into_sorted());
    };
    let (plan, report) = Lowering::new(folder, context, report, checked).flow(&file);
    match plan {
        Some(plan) if !report.has_errors() => Ok(Compiled {
            plan,
            warnings: report.into_sorted(),
        }),
        _ => Err(report.into_sorted()),
    }
}

/// A file of a flow's folder as diagnostics name it.
pub(crate) fn path_in(folder: &FlowFolder, file: &str) -> String {
    match folder.path.trim_end_matches('/') {
        "" => file.to_owned(),
        path => format!("{path}/{file}"),
    }
}

struct Found<'n> {
    scalar: &'n Scalar,
    source: String,
    start: usize,
}

/// Lists every expression of a tree.
fn expressions<'n>(node: &'n Node, out: &mut Vec<Found<'n>>) {
    match node {
        Node::List(items, _) => items.iter().for_each(|item| expressions(item, out)),
        Node::Map(entries, _) => {
            for entry in entries {
                expressions(&entry.value, out);
            }
        }
        Node::Scalar(scalar) => {
            if let Some(Content::Expression { source, start }) = scalar::quiet(scalar) {
                out.push(Found {
                    scalar,
                    source,
                    start,
                });
            }
        }
    }
}

/// Asks the checker about all expressions in one go.
fn check_all(found: &[Found<'_>], context: Context<'_>) -> HashMap<String, ExpressionReport> {
    let request = |found: &Found<'_>| found.source.clone();
    let mut sources: Vec<String> = found.iter().map(request).collect();
    sources.sort();
    sources.dedup();
    let requests: Vec<CheckRequest<'_>> = sources
        .iter()
        .map(|source| CheckRequest {
            source,
            variables: VARIABLES,
        })
        .collect();
    let reports = context.checker.check(&requests);
    sources.into_iter().zip(reports).collect()
}

fn add_findings(
    found: &[Found<'_>],
    checked: &HashMap<String, ExpressionReport>,
    report: &mut Report,
) {
    let source = Arc::clone(report.source());
    for one in found {
        let Some(result) = checked.get(&one.source) else {
            continue;
        };
        if result.findings.is_empty() {
            continue;
        }
        let places = offsets(source.chars(), one.scalar);
        for finding in &result.findings {
            let place = places.get(one.start + finding.offset).or(places.last());
            let at = Span::at(place.copied().unwrap_or_default());
            let message = finding.message.clone();
            let added = report.add(Severity::Error, finding.code, &source, at, message);
            added.help = suggestion(finding);
        }
    }
}
