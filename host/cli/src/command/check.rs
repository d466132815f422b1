//! `dowel check`.

use crate::args::{Check, Format};
use crate::next_fires::{self, NextFires};
use crate::system::SystemClock;
use crate::{connectors, exit, output, wiring};
use anyhow::Result;
use dowel_core::port::Clock;
use dowel_flow::diagnostic::{Diagnostic, Severity};
use serde_json::json;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) fn run(check: &Check, format: Format) -> Result<ExitCode> {
    let repository = &check.repository;
    let folders = repository.flows(&check.flows)?;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let mut compiled = wiring::compile_all(repository, &folders, &connectors, &mapping)?;
    let mut problems = Vec::new();
    match repository.environment()? {
        Some(Ok(environment)) => {
            problems = wiring::check_configs(&environment, &compiled.plans, &connectors)
                .err()
                .unwrap_or_default();
        }
        Some(Err(findings)) => compiled.findings.extend(findings),
        None => {}
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
