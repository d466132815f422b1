//! What `dowel check --against` says about a flow's version.

use super::{Bump, Class, ContractChange, actual, due};
use crate::compile::path_in;
use crate::diagnostic::{Diagnostic, Report};
use crate::lower::FLOW_FILE;
use crate::plan::Plan;
use crate::source::FlowFolder;
use crate::text::{Source, Span};
use dowel_core::code::change as code;
use std::sync::Arc;

/// What is wrong with the version of a flow, judged by what has changed in it. Findings
/// stand at the flow's `version`.
pub fn version_findings(
    folder: &FlowFolder,
    old: &Plan,
    new: &Plan,
    contract: &[ContractChange],
) -> Vec<Diagnostic> {
    let text = folder.files.get(FLOW_FILE).map_or("", String::as_str);
    let source = Source::new(&path_in(folder, FLOW_FILE), text);
    let mut report = Report::new(Arc::new(source));
    let span = version_span(text);
    let (before, after) = (&old.version, &new.version);
    let due = due(old, new, contract);
    match actual(before, after) {
        None => {
            let message =
                format!("the version {after} is lower than {before}, which it is compared with");
            report
                .error(code::VERSION_LOWER, span, message)
                .help(format!("write a version above {before}"));
        }
        Some(raised) if raised >= due => {}
        Some(_) if due == Bump::Major => {
            let breaking = contract.iter().filter(|one| one.class == Class::Breaking);
            let reasons: Vec<String> = breaking
                .map(|one| format!("{}: {}", one.part, one.message))
                .collect();
            let message = format!(
                "the contract of version {before} is broken, but {after} is no new major version: {}",
                reasons.join("; ")
            );
            report
                .error(code::BREAKING_CHANGE, span, message)
                .help(format!("keep the contract, or write {}", next(before, due)));
        }
        Some(_) => {
            let message = format!(
                "the flow is not what it was in version {before}: a new {due} version is due"
            );
            report
                .warning(code::VERSION_DUE, span, message)
                .help(format!("write {} when it is released", next(before, due)));
        }
    }
    report.into_sorted()
}

/// The version that is due after this one.
pub fn next(version: &semver::Version, due: Bump) -> semver::Version {
    let (major, minor, patch) = (version.major, version.minor, version.patch);
    match (due, major) {
        (Bump::None, _) => version.clone(),
        (Bump::Patch, _) | (Bump::Minor, 0) => semver::Version::new(major, minor, patch + 1),
        (Bump::Minor, _) | (Bump::Major, 0) => semver::Version::new(major, minor + 1, 0),
        (Bump::Major, _) => semver::Version::new(major + 1, 0, 0),
    }
}

/// Where the flow's version stands.
fn version_span(text: &str) -> Span {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let length = line.trim_end().chars().count();
        if line.starts_with("version:") {
            return Span {
                start,
                end: start + length,
            };
        }
        start += line.chars().count();
    }
    Span::at(0)
}
