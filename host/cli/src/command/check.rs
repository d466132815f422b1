//! `dowel check`.

use crate::args::{Check, Format, Repository};
use crate::catalogue::InstalledConnectors;
use crate::command::flow_release;
use crate::next_fires::{self, NextFires};
use crate::state::States;
use crate::system::SystemClock;
use crate::wiring::Compiled;
use crate::{connectors, exit, loading, output, wiring};
use anyhow::{Context as _, Result};
use dowel_core::code::gitops::RELEASE_CHANGED;
use dowel_core::deprecation::Date;
use dowel_core::port::{Clock, FlowSource};
use dowel_flow::contract::{compare_contracts, version_findings};
use dowel_flow::diagnostic::{Diagnostic, Severity};
use dowel_flow::environment::{Environment, Pins};
use dowel_flow::lint::{LintContext, lint};
use dowel_flow::outline::Outlines;
use dowel_flow::plan::Plan;
use dowel_flow::policy::Policy;
use dowel_flow::releases::Changed;
use dowel_flow::repository::load;
use dowel_flow::source::FlowFolder;
use dowel_mapping::Mapping;
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) fn run(check: &Check, format: Format) -> Result<ExitCode> {
    let repository = &check.repository;
    let folders = repository.flows(&check.flows)?;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let mut compiled = wiring::compile_all(repository, &folders, &connectors, &mapping)?;
    let mut problems = released(repository, &folders)?;
    match repository.environment()? {
        Some(Ok(environment)) => {
            let judged = Judged {
                repository,
                connectors: &connectors,
                mapping: &mapping,
            };
            problems.extend(judged.environment(&environment, &mut compiled)?);
        }
        Some(Err(findings)) => compiled.findings.extend(findings),
        None => {}
    }
    compiled
        .findings
        .extend(lints(repository, &folders, &connectors, &compiled.policy)?);
    if let Some(against) = &check.against {
        let states = States {
            repository,
            connectors: &connectors,
            mapping: &mapping,
        };
        let other = states.flows(&states.against(against)?);
        let other =
            other.with_context(|| format!("the state in `{against}` cannot be compared with"))?;
        let found = versions(&folders, &compiled.plans, &other);
        compiled.findings.extend(found);
    }
    let errors = count(&compiled.findings, Severity::Error) + problems.len();
    let warnings = count(&compiled.findings, Severity::Warning);
    let fires = match check.next {
        0 => Vec::new(),
        count => next_fires::next_fires(&compiled.plans, SystemClock.now(), count),
    };
    let value = json!({
        "flows": folders.len(),
        "findings": compiled.findings,
        "problems": problems,
        "schedules": fires,
    });
    let mut text = human(&compiled.findings, &problems, &fires);
    let _ = write!(
        text,
        "{} flow(s) checked: {errors} error(s), {warnings} warning(s)",
        folders.len()
    );
    output::print(format, &value, &text)?;
    Ok(exit::found(errors > 0))
}

/// What stops no flow and matters all the same.
fn lints(
    repository: &Repository,
    folders: &[FlowFolder],
    connectors: &InstalledConnectors,
    policy: &Policy,
) -> Result<Vec<Diagnostic>> {
    let context = LintContext {
        policy,
        flows: &Outlines::of(&repository.flows(&[])?),
        catalogue: connectors,
        today: Date::of(SystemClock.now()),
    };
    let found = folders.iter().flat_map(|folder| lint(folder, context));
    Ok(found.collect())
}

/// Versions that are released with another content.
fn released(repository: &Repository, folders: &[FlowFolder]) -> Result<Vec<String>> {
    let changed = flow_release::lock(repository)?.changed(folders);
    let problem = |changed: Changed| {
        let Changed { flow, version, .. } = changed;
        format!(
            "{RELEASE_CHANGED}: {flow}@{version} was released with another content; give the flow a new version"
        )
    };
    Ok(changed.into_iter().map(problem).collect())
}

/// What an environment is judged with.
struct Judged<'a> {
    repository: &'a Repository,
    connectors: &'a InstalledConnectors,
    mapping: &'a Mapping,
}

impl Judged<'_> {
    /// What does not fit. Where versions are pinned, those are looked at, and not what the
    /// folder holds.
    fn environment(
        &self,
        environment: &Environment,
        compiled: &mut Compiled,
    ) -> Result<Vec<String>> {
        let pinned;
        let plans = match &environment.pins {
            Pins::Head => &compiled.plans,
            Pins::Flows(_) => {
                let tree = loading::tree_of(&self.repository.repo)?;
                let clone = loading::clone_of(self.repository);
                let source = clone.as_ref().map(|clone| clone as &dyn FlowSource);
                let loaded = match load(&tree, &environment.name, source) {
                    Ok(loaded) => loaded,
                    Err(error) => return Ok(vec![format!("{}: {error}", error.code())]),
                };
                let found = loading::compile_loaded(&loaded, self.connectors, self.mapping);
                compiled.findings.extend(found.findings);
                pinned = found.plans;
                &pinned
            }
        };
        let fits = wiring::check_configs(environment, plans, self.connectors);
        Ok(fits.err().unwrap_or_default())
    }
}

/// What is to be said of the versions of flows that are in both states.
fn versions(folders: &[FlowFolder], plans: &[Plan], other: &[Plan]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for new in plans {
        let mut before = other.iter();
        let old = before.find(|old| old.flow == new.flow);
        let path = format!("flows/{}", new.flow);
        let folder = folders.iter().find(|folder| folder.path == path);
        if let (Some(old), Some(folder)) = (old, folder) {
            let contract = compare_contracts(old, new);
            findings.extend(version_findings(folder, old, new, &contract));
        }
    }
    findings
}

fn count(findings: &[Diagnostic], severity: Severity) -> usize {
    findings
        .iter()
        .filter(|finding| finding.severity == severity)
        .count()
}

fn human(findings: &[Diagnostic], problems: &[String], fires: &[NextFires]) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "{}", finding.render());
    }
    for problem in problems {
        let _ = writeln!(text, "error: {problem}");
    }
    text.push_str(&next_fires::human(fires));
    text
}
