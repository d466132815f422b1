//! `dowel flow release` and `dowel flow releases`: which content a version is.

use crate::args::{Format, Release, Repository};
use crate::{exit, output, wiring};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::FlowName;
use dowel_core::port::{FlowSource as _, ReadScope};
use dowel_flow::releases::{self, LOCK_FILE, Release as Released, Releases};
use dowel_flow::repository;
use serde_json::json;
use std::fmt::Write;
use std::fs;
use std::process::ExitCode;

pub(crate) fn run(release: &Release, format: Format) -> Result<ExitCode> {
    let flow = FlowName::new(&release.flow)?;
    let folder = &release.repo.repo;
    let git = dowel_gitops::Repository::open(folder)
        .map_err(|error| anyhow!("{}: {error}", error.code()))?;
    let commit = git.resolve("HEAD").map_err(|error| anyhow!("{error}"))?;
    let tree = git
        .read(&commit, ReadScope::All)
        .map_err(|error| anyhow!("{error}"))?;
    let committed = repository::flows(&tree);
    let committed = committed
        .iter()
        .find(|folder| folder.name() == flow.as_str());
    let committed =
        committed.ok_or_else(|| anyhow!("the commit {} has no flow `{flow}`", commit.short()))?;
    let here = release.repo.flows(&[flow.to_string()])?;
    if here[0].digest() != committed.digest() {
        bail!("the flow `{flow}` has changes that are not committed: a release is of a commit");
    }
    let version = repository::version(committed)
        .ok_or_else(|| anyhow!("`flows/{flow}/flow.yaml` cannot be read: run `dowel check`"))?;
    let path = folder.join(LOCK_FILE);
    let mut releases = lock(&release.repo)?;
    let known = releases.get(&flow, &version).cloned();
    let new = Released {
        digest: committed.digest(),
        commit,
    };
    if !releases.add(flow.clone(), version.clone(), new) {
        let code = dowel_core::code::gitops::RELEASE_CHANGED;
        bail!(
            "{code}: {flow}@{version} is released with another content: give the flow a new version"
        );
    }
    fs::write(&path, releases.render())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let Some(made) = releases.get(&flow, &version) else {
        bail!("{flow}@{version} was not written");
    };
    let word = if known.is_some() {
        "was released before"
    } else {
        "is released"
    };
    let text = format!(
        "{flow}@{version} {word}: commit {}, digest {}\nnext: git add {LOCK_FILE} && git commit --message 'Release {flow}@{version}'",
        made.commit.short(),
        made.digest.short()
    );
    let value = json!({
        "flow": flow, "version": version.to_string(),
        "commit": made.commit, "digest": made.digest, "new": known.is_none(),
    });
    output::print(format, &value, &text)?;
    Ok(exit::found(false))
}

pub(crate) fn list(repository: &Repository, format: Format) -> Result<ExitCode> {
    let releases = lock(repository)?;
    let mut text = format!("{:<40}  {:<10}  {}\n", "VERSION", "COMMIT", "DIGEST");
    let mut rows = Vec::new();
    for (flow, version, release) in releases.iter() {
        let name = format!("{flow}@{version}");
        let (commit, digest) = (release.commit.short(), release.digest.short());
        let _ = writeln!(text, "{name:<40}  {commit:<10}  {digest}");
        rows.push(json!({
            "flow": flow, "version": version.to_string(),
            "commit": release.commit, "digest": release.digest,
        }));
    }
    if rows.is_empty() {
        "nothing is released; `dowel flow release <flow>` releases".clone_into(&mut text);
    }
    output::print(format, &json!({ "releases": rows }), &text)?;
    Ok(exit::found(false))
}

/// The released versions of a folder; none without the file.
pub(crate) fn lock(repository: &Repository) -> Result<Releases> {
    let path = repository.repo.join(LOCK_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => {
            releases::parse(LOCK_FILE, &text).map_err(|findings| wiring::as_error(&findings))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Releases::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
