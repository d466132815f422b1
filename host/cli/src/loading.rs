//! From what an environment runs to plans that can be activated.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::wiring::{self, Compiled};
use anyhow::{Context as _, Result};
use dowel_core::CommitId;
use dowel_core::repository::{MAX_FILE_BYTES, Skipped, SourceTree, is_read};
use dowel_engine::Settings;
use dowel_flow::compile;
use dowel_flow::environment::Environment;
use dowel_flow::outline::Outlines;
use dowel_flow::plan::Plan;
use dowel_flow::repository::{self, Loaded};
use dowel_flow::source::Context;
use dowel_mapping::Mapping;
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Folders within each other that are read.
const MAX_DEPTH: usize = 10;

/// The files of a folder that Dowel reads, as they are on disk. Links are not followed.
pub(crate) fn tree_of(folder: &Path) -> Result<SourceTree> {
    let mut tree = SourceTree::default();
    let walk = WalkDir::new(folder)
        .max_depth(MAX_DEPTH)
        .follow_links(false);
    let relative = |path: &Path| {
        let path = path.strip_prefix(folder).unwrap_or(path);
        path.to_string_lossy().replace('\\', "/")
    };
    let is_wanted = |path: &Path| path == folder || is_read(&relative(path));
    for entry in walk
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|e| is_wanted(e.path()))
    {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = relative(entry.path());
        if entry.metadata()?.len() > MAX_FILE_BYTES {
            let reason = "is larger than 1 MiB";
            tree.skipped.push(Skipped { path, reason });
            continue;
        }
        match String::from_utf8(fs::read(entry.path())?) {
            Ok(text) => drop(tree.files.insert(path, text)),
            Err(_) => tree.skipped.push(Skipped {
                path,
                reason: "is not UTF-8 text",
            }),
        }
    }
    Ok(tree)
}

/// Compiles what an environment runs; every finding of every flow is collected.
pub(crate) fn compile_loaded(
    loaded: &Loaded,
    connectors: &InstalledConnectors,
    mapping: &Mapping,
) -> Compiled {
    let outlines = Outlines::of(&loaded.folders());
    let mut all = Compiled {
        policy: loaded.policy.clone(),
        ..Compiled::default()
    };
    for flow in &loaded.flows {
        let context = Context {
            catalogue: connectors,
            checker: mapping,
            calendars: &flow.calendars,
            policy: &loaded.policy,
            flows: &outlines,
            commit: flow.commit.as_ref().map(CommitId::as_str),
        };
        match compile(&flow.folder, context) {
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
    all
}

/// Compiles every flow of a tree, with its calendars and its policy.
pub(crate) fn compile_tree(
    tree: &SourceTree,
    connectors: &InstalledConnectors,
    mapping: &Mapping,
) -> Compiled {
    let mut all = Compiled::default();
    let (calendars, findings) = repository::calendars(tree);
    all.has_errors = !findings.is_empty();
    all.findings = findings;
    match repository::policy(tree) {
        Ok(policy) => all.policy = policy,
        Err(findings) => {
            all.has_errors = true;
            all.findings.extend(findings);
        }
    }
    let folders = repository::flows(tree);
    let outlines = Outlines::of(&folders);
    for folder in &folders {
        let context = Context {
            catalogue: connectors,
            checker: mapping,
            calendars: &calendars,
            policy: &all.policy,
            flows: &outlines,
            commit: tree.commit.as_ref().map(CommitId::as_str),
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
    all
}

/// The plans whose connections have to work: not those of disabled flows.
pub(crate) fn enabled(plans: &[Plan], environment: &Environment) -> Vec<Plan> {
    let disabled = environment.disabled_flows();
    let is_enabled = |plan: &&Plan| !disabled.contains(&plan.flow);
    plans.iter().filter(is_enabled).cloned().collect()
}

/// What the engine has to know of an environment.
pub(crate) fn settings(loaded: &Loaded) -> Settings {
    let options = wiring::engine_options(&loaded.environment);
    Settings {
        env: options.env,
        disabled: options.disabled,
        limits: options.limits,
        retention: options.retention,
        policy: loaded.policy.clone(),
        four_eyes: options.four_eyes,
        rule: options.rule,
    }
}

/// The clone that a folder is in, for the versions that its environments pin.
pub(crate) fn clone_of(repository: &Repository) -> Option<dowel_gitops::Repository> {
    dowel_gitops::Repository::open(&repository.repo).ok()
}
