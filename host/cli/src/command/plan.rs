//! `dowel plan`.

use crate::args::{Format, Plan};
use crate::{against, connectors, exit, output, wiring};
use anyhow::Result;
use dowel_flow::changes::{Changes, State};
use dowel_flow::contract::Bump;
use std::process::ExitCode;

pub(crate) fn run(plan: &Plan, format: Format) -> Result<ExitCode> {
    let repository = &plan.repository;
    let folders = repository.flows(&[])?;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let compiled = wiring::compile_all(repository, &folders, &connectors, &mapping)?;
    if compiled.has_errors {
        return Err(wiring::as_error(&compiled.findings));
    }
    let environment = match repository.environment()? {
        None => None,
        Some(Ok(environment)) => Some(environment),
        Some(Err(findings)) => return Err(wiring::as_error(&findings)),
    };
    let other = against::read(&plan.against, repository, &connectors, &mapping)?;
    let changes = Changes::between(
        State {
            plans: &other.compiled.plans,
            environment: other.environment.as_ref(),
        },
        State {
            plans: &compiled.plans,
            environment: environment.as_ref(),
        },
    );
    let text = match format {
        Format::Markdown => changes.markdown(),
        _ => changes.text(),
    };
    output::print(format, &changes, &text)?;
    Ok(exit::found(is_refused(&changes)))
}

/// Whether a contract breaks under a version that promises to keep it.
fn is_refused(changes: &Changes) -> bool {
    let promised = |flow: &dowel_flow::changes::FlowChange| {
        flow.due == Bump::Major && flow.raised.is_none_or(|raised| raised < Bump::Major)
    };
    changes.flows.iter().any(promised)
}
