//! Puts adapters and engine together.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use anyhow::{Context as _, Result, anyhow};
use dowel_core::connection::Connection;
use dowel_core::{ConnectionName, Digest, FlowName};
use dowel_engine::{BlobArea, EngineOptions, Ports};
use dowel_flow::compile;
use dowel_flow::diagnostic::Diagnostic;
use dowel_flow::environment::Environment;
use dowel_flow::outline::Outlines;
use dowel_flow::plan::Plan;
use dowel_flow::policy::Policy;
use dowel_flow::source::{Context, FlowFolder};
use dowel_flow::validate::Validator;
use dowel_mapping::{Mapping, MappingOptions};
use dowel_wasm::ConnectorHost;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The expression engine, with its compiled form kept in the repository's work folder.
pub(crate) fn mapping(repository: &Repository) -> Result<Mapping> {
    let options = MappingOptions {
        cache_dir: Some(repository.work("cache")),
        ..MappingOptions::default()
    };
    Mapping::new(options).context("the expression engine cannot be started")
}

/// What came of compiling the flows of a repository.
#[derive(Default)]
pub(crate) struct Compiled {
    pub(crate) plans: Vec<Plan>,
    pub(crate) findings: Vec<Diagnostic>,
    pub(crate) has_errors: bool,
    /// Who is in which group.
    pub(crate) policy: Policy,
}

/// Compiles flows; every finding of every flow, and of the calendars, is collected.
pub(crate) fn compile_all(
    repository: &Repository,
    folders: &[FlowFolder],
    connectors: &InstalledConnectors,
    mapping: &Mapping,
) -> Result<Compiled> {
    let mut all = Compiled::default();
    let (calendars, findings) = repository.calendars()?;
    all.has_errors = !findings.is_empty();
    all.findings = findings;
    match repository.policy()? {
        Ok(policy) => all.policy = policy,
        Err(findings) => {
            all.has_errors = true;
            all.findings.extend(findings);
        }
    }
    let outlines = Outlines::of(&repository.flows(&[])?);
    for folder in folders {
        let context = Context {
            catalogue: connectors,
            checker: mapping,
            calendars: &calendars,
            policy: &all.policy,
            flows: &outlines,
            commit: None,
        };
        match compile(folder, context) {
            Ok(compiled) => {
                all.findings.extend(compiled.warnings);
                all.plans.push(compiled.plan);
            }
            Err(findings) => {
                all.has_errors = true;
                all.findings.extend(findings);
            }
        }
    }
    Ok(all)
}

/// Compiles the flows that a flow runs, and those that these run.
pub(crate) fn compile_reached(
    repository: &Repository,
    flow: &FlowName,
    connectors: &InstalledConnectors,
    mapping: &Mapping,
) -> Result<Compiled> {
    let mut folders = repository.flows(&[])?;
    let reached = Outlines::of(&folders).reachable(flow);
    if reached.is_empty() {
        return Ok(Compiled::default());
    }
    folders.retain(|folder| {
        let name = folder.path.rsplit('/').next().unwrap_or_default();
        reached.iter().any(|flow| flow.as_str() == name)
    });
    compile_all(repository, &folders, connectors, mapping)
}

/// The findings of a check as one error, for commands that need clean input.
pub(crate) fn as_error(findings: &[Diagnostic]) -> anyhow::Error {
    let text: Vec<String> = findings.iter().map(Diagnostic::render).collect();
    anyhow!("the repository has errors\n\n{}", text.join("\n"))
}

/// How often retention looks for finished runs to remove. A look that finds nothing is one
/// read for each flow.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// What the engine has to know of an environment.
pub(crate) fn engine_options(environment: &Environment) -> EngineOptions {
    let limit = |connection: &Connection| (connection.name.clone(), connection.limits);
    EngineOptions {
        environment: environment.name.to_string(),
        env: environment.values.clone(),
        disabled: environment.disabled_flows(),
        limits: environment.connections.iter().map(limit).collect(),
        retention: environment.retention.clone(),
        four_eyes: environment.four_eyes.clone(),
        rule: environment
            .promotion
            .as_ref()
            .map(Into::into)
            .unwrap_or_default(),
        sweep_every: Some(SWEEP_EVERY),
        ..EngineOptions::default()
    }
}

/// Checks each connection's configuration against the schema of the connector that the
/// plans fix for it.
pub(crate) fn check_configs(
    environment: &Environment,
    plans: &[Plan],
    connectors: &InstalledConnectors,
) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    for (name, digest) in pinned(plans) {
        let Some(connection) = environment
            .connections
            .iter()
            .find(|connection| connection.name == name)
        else {
            problems.push(format!(
                "the environment `{}` does not bind the connection `{name}`",
                environment.name
            ));
            continue;
        };
        let Some(manifest) = connectors.by_digest(digest) else {
            continue;
        };
        if manifest.name != connection.connector {
            problems.push(format!(
                "the connection `{name}` is bound to the connector `{}`, the flow needs `{}`",
                connection.connector, manifest.name
            ));
            continue;
        }
        match Validator::new(&manifest.config_schema) {
            Ok(schema) => problems.extend(schema.check(&connection.config).into_iter().map(
                |violation| {
                    format!(
                        "the config of the connection `{name}`, at `{}`: {}",
                        violation.pointer, violation.message
                    )
                },
            )),
            Err(error) => problems.push(format!(
                "the config schema of `{}` cannot be used: {error}",
                manifest.name
            )),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

fn pinned(plans: &[Plan]) -> BTreeMap<ConnectionName, Digest> {
    let connectors = plans.iter().flat_map(|plan| &plan.connectors);
    connectors
        .map(|(name, connector)| (name.clone(), connector.digest))
        .collect()
}

/// Lets calls of runs keep large bodies where the runs are.
pub(crate) fn keep_blobs(host: &ConnectorHost, ports: &Ports) {
    let (store, randomness) = (Arc::clone(&ports.store), Arc::clone(&ports.randomness));
    host.keep_blobs(Arc::new(BlobArea::new(store, randomness)));
}
