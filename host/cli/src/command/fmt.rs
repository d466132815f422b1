//! `dowel fmt`: the layout of the files of a repository.

use crate::args::{Fmt, Format, Repository};
use crate::command::flow_release;
use crate::{exit, loading, output, wiring};
use anyhow::{Context as _, Result, bail};
use dowel_flow::layout::lay_out;
use dowel_flow::releases::Releases;
use dowel_flow::repository;
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What became of a file.
enum Outcome {
    /// It was laid out already.
    Unchanged,
    /// It is laid out otherwise now, or would be.
    Changed,
    /// It stays as it is, because a version is released with this content.
    Released(String),
}

pub(crate) fn run(arguments: &Fmt, format: Format) -> Result<ExitCode> {
    let repo = &arguments.repo;
    let releases = flow_release::lock(&Repository::at(repo))?;
    let (mut changed, mut released, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for path in files(arguments)? {
        match one(repo, &path, &releases, arguments) {
            Ok(Outcome::Unchanged) => {}
            Ok(Outcome::Changed) => changed.push(path),
            Ok(Outcome::Released(version)) => released.push((path, version)),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    let mut text = String::new();
    let verb = if arguments.check {
        "would change"
    } else {
        "changed"
    };
    for path in &changed {
        let _ = writeln!(text, "{verb} {path}");
    }
    for (path, version) in &released {
        let _ = writeln!(text, "left {path}: {version} is released with this layout");
    }
    for problem in &problems {
        let _ = writeln!(text, "{problem}");
    }
    if text.is_empty() {
        text.push_str("all files are laid out well");
    }
    let value = json!({
        "changed": changed,
        "released": released.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        "problems": problems,
    });
    output::print(format, &value, &text)?;
    let is_found = arguments.check && !changed.is_empty();
    Ok(exit::found(is_found || !problems.is_empty()))
}

/// The files in YAML that Dowel reads, or those that were named.
fn files(arguments: &Fmt) -> Result<Vec<String>> {
    if !arguments.files.is_empty() {
        let shown = |path: &PathBuf| path.display().to_string();
        return Ok(arguments.files.iter().map(shown).collect());
    }
    let tree = loading::tree_of(&arguments.repo)?;
    let is_yaml = |path: &&String| path.ends_with(".yaml");
    let found: Vec<String> = tree.files.keys().filter(is_yaml).cloned().collect();
    if found.is_empty() {
        bail!("{} has no files to lay out", arguments.repo.display());
    }
    Ok(found)
}

fn one(repo: &Path, path: &str, releases: &Releases, arguments: &Fmt) -> Result<Outcome> {
    let file = match arguments.files.is_empty() {
        true => repo.join(path),
        false => PathBuf::from(path),
    };
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
    let new = lay_out(path, &text).map_err(|findings| wiring::as_error(&findings))?;
    if new == text {
        return Ok(Outcome::Unchanged);
    }
    if let Some(version) = released(repo, path, releases)? {
        return Ok(Outcome::Released(version));
    }
    if !arguments.check {
        fs::write(&file, new).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(Outcome::Changed)
}

/// The version that is released with the content that a flow's file has now: its digest
/// would be another one.
fn released(repo: &Path, path: &str, releases: &Releases) -> Result<Option<String>> {
    let Some(flow) = path
        .strip_prefix("flows/")
        .and_then(|rest| rest.split_once('/'))
    else {
        return Ok(None);
    };
    if path.ends_with("/flow.test.yaml") {
        return Ok(None);
    }
    let folders = repository::flows(&loading::tree_of(repo)?);
    let folder = folders.iter().find(|folder| folder.name() == flow.0);
    let Some(folder) = folder else {
        return Ok(None);
    };
    let mut known = releases.iter();
    let found = known
        .find(|(name, _, release)| name.as_str() == flow.0 && release.digest == folder.digest());
    Ok(found.map(|(name, version, _)| format!("{name}@{version}")))
}
