//! Reads flows and the environment file from a folder.

use crate::args::Repository;
use crate::hostfile::HostFile;
use anyhow::{Context as _, Result, bail};
use dowel_flow::calendar;
use dowel_flow::diagnostic::Diagnostic;
use dowel_flow::environment::{self, Environment};
use dowel_flow::plan::Calendars;
use dowel_flow::policy::{self, POLICY_FILE, Policy};
use dowel_flow::source::FlowFolder;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The largest file that can belong to a flow, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The deepest folder below a flow that is looked at.
const MAX_DEPTH: usize = 8;

impl Repository {
    /// A folder, and nothing else that is said about it.
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            repo: folder.to_owned(),
            env: None,
            env_file: None,
            connectors: None,
            secrets_dir: None,
            host_file: None,
        }
    }

    /// A path of the repository's own working folder.
    pub(crate) fn work(&self, name: &str) -> PathBuf {
        self.repo.join(".dowel").join(name)
    }

    /// The folder with built connectors.
    pub(crate) fn connectors_dir(&self) -> PathBuf {
        self.connectors
            .clone()
            .unwrap_or_else(|| self.work("connectors"))
    }

    /// The environment that was chosen by its name, on the command line or in the host file.
    pub(crate) fn environment_name(&self) -> Result<Option<String>> {
        match &self.env {
            Some(name) => Ok(Some(name.clone())),
            None => Ok(HostFile::of(self)?.environment),
        }
    }

    /// The environment file that was chosen, on the command line or in the host file.
    pub(crate) fn environment_file(&self) -> Result<Option<PathBuf>> {
        if let Some(path) = &self.env_file {
            return Ok(Some(path.clone()));
        }
        let folder = self.repo.join("environments");
        let name = self.environment_name()?;
        Ok(name.map(|name| folder.join(format!("{name}.yaml"))))
    }

    /// Folders of flows, sorted by name; only the given ones if there are any.
    pub(crate) fn flows(&self, only: &[String]) -> Result<Vec<FlowFolder>> {
        let root = self.repo.join("flows");
        let entries = fs::read_dir(&root)
            .with_context(|| format!("cannot read the folder {}", root.display()))?;
        let mut folders = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let wanted = only.is_empty() || only.contains(&name);
            if wanted && entry.path().join("flow.yaml").is_file() {
                folders.push(read_folder(&entry.path(), &name)?);
            }
        }
        folders.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(missing) = only
            .iter()
            .find(|name| !folders.iter().any(|f| f.path.ends_with(name.as_str())))
        {
            bail!(
                "there is no flow `{missing}`: {} does not exist",
                root.join(missing).join("flow.yaml").display()
            );
        }
        Ok(folders)
    }

    /// The business calendars, and what is wrong with the others.
    pub(crate) fn calendars(&self) -> Result<(Calendars, Vec<Diagnostic>)> {
        let root = self.repo.join("calendars");
        let (mut calendars, mut findings) = (Calendars::new(), Vec::new());
        let entries = match fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((calendars, findings)),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot read the folder {}", root.display()));
            }
        };
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match calendar::parse(&format!("calendars/{name}"), &text) {
                Ok((name, calendar)) => {
                    calendars.insert(name, calendar);
                }
                Err(found) => findings.extend(found),
            }
        }
        Ok((calendars, findings))
    }

    /// Who is in which group; nobody in any without the file. `Err` inside means that it
    /// has findings.
    pub(crate) fn policy(&self) -> Result<Result<Policy, Vec<Diagnostic>>> {
        let path = self.repo.join(POLICY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(policy::parse(POLICY_FILE, &text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Ok(Policy::default())),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The environment that was chosen; `Err` inside means that it has findings.
    pub(crate) fn environment(&self) -> Result<Option<Result<Environment, Vec<Diagnostic>>>> {
        let Some(path) = self.environment_file()? else {
            return Ok(None);
        };
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let shown = path
            .strip_prefix(&self.repo)
            .unwrap_or(&path)
            .display()
            .to_string();
        Ok(Some(environment::parse(&shown, &text)))
    }
}

fn read_folder(path: &Path, name: &str) -> Result<FlowFolder> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(path)
        .max_depth(MAX_DEPTH)
        .follow_links(false)
        .sort_by_file_name()
    {
        let entry = entry?;
        let is_small = entry
            .metadata()
            .is_ok_and(|data| data.len() <= MAX_FILE_BYTES);
        if !entry.file_type().is_file() || !is_small {
            continue;
        }
        // What is not text cannot be referred to by a flow.
        if let (Ok(text), Ok(relative)) = (
            fs::read_to_string(entry.path()),
            entry.path().strip_prefix(path),
        ) {
            files.insert(relative.to_string_lossy().into_owned(), text);
        }
    }
    Ok(FlowFolder {
        path: format!("flows/{name}"),
        files,
    })
}
