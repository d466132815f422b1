//! States of a repository, to compare with each other: the folder that one works in, a
//! folder elsewhere, a commit, and what would be after a promotion.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::loading;
use crate::wiring::{self, Compiled};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::FlowName;
use dowel_core::code::change::{NOTHING_TO_COMPARE, NOTHING_TO_PROMOTE};
use dowel_core::port::{FlowSource, ReadScope, RepositoryError};
use dowel_core::repository::SourceTree;
use dowel_flow::changes::State;
use dowel_flow::environment::{self, Environment, Pin, Pins, Released};
use dowel_flow::plan::Plan;
use dowel_flow::repository::{environment_path, load, releases};
use dowel_mapping::Mapping;
use std::fs;
use std::path::Path;

/// Flows and an environment, compiled with the connectors that are installed here.
pub(crate) struct KnownState {
    pub(crate) plans: Vec<Plan>,
    /// The environment, if one was chosen and is there.
    pub(crate) environment: Option<Environment>,
}

impl KnownState {
    pub(crate) fn as_state(&self) -> State<'_> {
        State {
            plans: &self.plans,
            environment: self.environment.as_ref(),
        }
    }
}

/// What states are read and compiled with.
pub(crate) struct States<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) connectors: &'a InstalledConnectors,
    pub(crate) mapping: &'a Mapping,
}

impl States<'_> {
    /// The folder that the command is about, as it is on disk.
    pub(crate) fn here(&self) -> Result<SourceTree> {
        let mut tree = loading::tree_of(&self.repository.repo)?;
        if let Some(path) = &self.repository.env_file {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            if let Some(name) = self.environment_name()? {
                tree.files.insert(environment_path(&name), text);
            }
        }
        Ok(tree)
    }

    /// The chosen environment; that of a file elsewhere is what stands in it.
    fn environment_name(&self) -> Result<Option<String>> {
        if self.repository.env_file.is_none() {
            return self.repository.environment_name();
        }
        match self.repository.environment()? {
            None => Ok(None),
            Some(Ok(environment)) => Ok(Some(environment.name)),
            Some(Err(findings)) => Err(wiring::as_error(&findings)),
        }
    }

    /// What `--against` names: a folder, or a branch, tag or commit of the repository.
    /// Nothing is checked out.
    pub(crate) fn against(&self, name: &str) -> Result<SourceTree> {
        let folder = Path::new(name);
        let is_path = name.contains(['/', '\\']) || name.starts_with('.');
        let clone = loading::clone_of(self.repository);
        let commit = clone.as_ref().map(|clone| clone.resolve(name));
        match commit {
            Some(Ok(_)) if folder.is_dir() && !is_path => bail!(
                "{NOTHING_TO_COMPARE}: `{name}` is a folder and a branch or tag: write `./{name}` for the folder, `refs/heads/{name}` for the branch"
            ),
            _ if folder.is_dir() => loading::tree_of(folder),
            Some(Ok(commit)) => {
                let clone = clone.as_ref().filter(|clone| self.is_top(clone));
                let clone = clone.ok_or_else(|| {
                    anyhow!(
                        "{NOTHING_TO_COMPARE}: {} is not the top folder of its git repository, so `{name}` cannot be compared with it",
                        self.repository.repo.display()
                    )
                })?;
                clone
                    .read(&commit, ReadScope::All)
                    .map_err(|error| told(&error))
            }
            _ => bail!(
                "{NOTHING_TO_COMPARE}: there is no folder, branch, tag or commit `{name}` to compare with"
            ),
        }
    }

    fn is_top(&self, clone: &dowel_gitops::Repository) -> bool {
        let here = self.repository.repo.canonicalize().ok();
        let top = clone.work_folder().and_then(|top| top.canonicalize().ok());
        here.is_some() && here == top
    }

    /// Every flow of a tree, whatever an environment pins.
    pub(crate) fn flows(&self, tree: &SourceTree) -> Result<Vec<Plan>> {
        plans(loading::compile_tree(tree, self.connectors, self.mapping))
    }

    /// What the chosen environment runs of a tree: the versions that it pins, and every flow
    /// where it pins none or where none is chosen.
    pub(crate) fn running(&self, tree: &SourceTree) -> Result<KnownState> {
        let name = self.environment_name()?;
        let name = name.filter(|name| tree.files.contains_key(&environment_path(name)));
        let Some(name) = name else {
            let environment = None;
            let plans = self.flows(tree)?;
            return Ok(KnownState { plans, environment });
        };
        let clone = loading::clone_of(self.repository);
        let source = clone.as_ref().map(|clone| clone as &dyn FlowSource);
        let loaded = load(tree, &name, source).map_err(|error| coded(&error))?;
        let compiled = loading::compile_loaded(&loaded, self.connectors, self.mapping);
        Ok(KnownState {
            plans: plans(compiled)?,
            environment: Some(loaded.environment),
        })
    }

    /// The same tree after a released version was pinned in the chosen environment.
    pub(crate) fn pinning(
        &self,
        tree: &SourceTree,
        flow: &FlowName,
        version: &semver::Version,
    ) -> Result<SourceTree> {
        let name = self.environment_name()?;
        let name = name.context("name the environment that would pin it with --env")?;
        let releases = releases(tree).map_err(|f| wiring::as_error(&f))?;
        let release = releases.get(flow, version).ok_or_else(|| {
            anyhow!("{flow}@{version} is not in `flows.lock`: release it with `dowel flow release {flow}`")
        })?;
        let pin = Released {
            version: version.clone(),
            commit: release.commit.clone(),
            digest: release.digest,
        };
        let (text, _) = environment_of(tree, &name)?;
        let mut pinning = tree.clone();
        let text = environment::set_pin(&text, flow, &pin)?;
        pinning.files.insert(environment_path(&name), text);
        Ok(pinning)
    }

    /// The same tree after everything that another environment pins was promoted to the
    /// chosen one, and what is to be said of pins that nothing would come of.
    pub(crate) fn promoted(
        &self,
        tree: &SourceTree,
        from: &str,
    ) -> Result<(SourceTree, Vec<String>)> {
        let name = self.environment_name()?;
        let name = name.context("name the environment that would be promoted to with --env")?;
        let (_, before) = environment_of(tree, from)?;
        let (mut text, here) = environment_of(tree, &name)?;
        let Pins::Flows(pins) = &before.pins else {
            bail!(
                "{NOTHING_TO_PROMOTE}: the environment `{from}` pins no versions, so none of them could be promoted"
            );
        };
        let mut notes = Vec::new();
        for (flow, pin) in pins {
            match pin {
                Pin::Released(pin) => text = environment::set_pin(&text, flow, pin)?,
                Pin::Head => notes.push(format!(
                    "{flow} stands at the head in {from}: only a released version is promoted"
                )),
            }
        }
        if let Pins::Flows(here) = &here.pins {
            let only_here = here.keys().filter(|flow| !pins.contains_key(*flow));
            notes.extend(
                only_here.map(|flow| format!("{flow} is pinned in {name} and not in {from}")),
            );
        }
        let mut promoted = tree.clone();
        promoted.files.insert(environment_path(&name), text);
        Ok((promoted, notes))
    }
}

fn plans(compiled: Compiled) -> Result<Vec<Plan>> {
    if compiled.has_errors {
        return Err(wiring::as_error(&compiled.findings));
    }
    Ok(compiled.plans)
}

fn environment_of(tree: &SourceTree, name: &str) -> Result<(String, Environment)> {
    let path = environment_path(name);
    let text = tree.files.get(&path);
    let text = text.ok_or_else(|| anyhow!("there is no file `{path}`"))?;
    let environment = environment::parse(&path, text).map_err(|f| wiring::as_error(&f))?;
    Ok((text.clone(), environment))
}

fn told(error: &RepositoryError) -> anyhow::Error {
    anyhow!("{}: {error}", error.code)
}

fn coded(error: &dowel_flow::repository::LoadError) -> anyhow::Error {
    anyhow!("{}: {error}", error.code())
}
