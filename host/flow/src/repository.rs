//! What the files of a repository are: flows, calendars, policy, environments; and what
//! an environment runs of them.

use crate::calendar;
use crate::diagnostic::Diagnostic;
use crate::environment::{self, Environment, Pin, Pins, Released};
use crate::outline::Outlines;
use crate::plan::Calendars;
use crate::policy::{self, POLICY_FILE, Policy};
use crate::releases::{self, LOCK_FILE, Releases};
use crate::source::FlowFolder;
use dowel_core::code::{Code, gitops as code};
use dowel_core::id::FlowName;
use dowel_core::port::{FlowSource, ReadScope, RepositoryError};
use dowel_core::repository::SourceTree;
use dowel_core::{CommitId, Digest};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Folders within a flow's folder that are read.
const MAX_DEPTH: usize = 8;

/// The flows of a repository, by name.
pub fn flows(tree: &SourceTree) -> Vec<FlowFolder> {
    let mut folders: BTreeMap<&str, FlowFolder> = BTreeMap::new();
    for (path, text) in &tree.files {
        let Some((name, inner)) = path.strip_prefix("flows/").and_then(|p| p.split_once('/'))
        else {
            continue;
        };
        if inner.split('/').count() > MAX_DEPTH {
            continue;
        }
        let folder = folders.entry(name).or_insert_with(|| FlowFolder {
            path: format!("flows/{name}"),
            files: BTreeMap::new(),
        });
        folder.files.insert(inner.to_owned(), text.clone());
    }
    let folders = folders.into_values();
    folders
        .filter(|folder| folder.files.contains_key("flow.yaml"))
        .collect()
}

/// The business calendars, and what is wrong with the others.
pub fn calendars(tree: &SourceTree) -> (Calendars, Vec<Diagnostic>) {
    let (mut calendars, mut findings) = (Calendars::new(), Vec::new());
    for (path, text) in &tree.files {
        let Some(name) = path.strip_prefix("calendars/") else {
            continue;
        };
        if name.contains('/') || !name.ends_with(".yaml") {
            continue;
        }
        match calendar::parse(path, text) {
            Ok((name, calendar)) => drop(calendars.insert(name, calendar)),
            Err(found) => findings.extend(found),
        }
    }
    (calendars, findings)
}

/// Who is in which group; nobody in any without the file.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn policy(tree: &SourceTree) -> Result<Policy, Vec<Diagnostic>> {
    let text = tree.files.get(POLICY_FILE);
    text.map_or_else(
        || Ok(Policy::default()),
        |text| policy::parse(POLICY_FILE, text),
    )
}

/// The released versions; none without the file.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn releases(tree: &SourceTree) -> Result<Releases, Vec<Diagnostic>> {
    let text = tree.files.get(LOCK_FILE);
    text.map_or_else(
        || Ok(Releases::default()),
        |text| releases::parse(LOCK_FILE, text),
    )
}

/// The version of a flow; `None` if its file cannot be read.
pub fn version(folder: &FlowFolder) -> Option<semver::Version> {
    let flow = FlowName::new(folder.name()).ok()?;
    let outlines = Outlines::of(std::slice::from_ref(folder));
    let outline = outlines.get(&flow).flatten()?;
    Some(outline.version.clone())
}

/// The path of an environment's file.
pub fn environment_path(name: &str) -> String {
    format!("environments/{name}.yaml")
}

/// What an environment runs, ready to be compiled.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The commit that environment and policy are of; `None` for a folder on disk.
    pub commit: Option<CommitId>,
    /// The environment.
    pub environment: Environment,
    /// Who is in which group.
    pub policy: Policy,
    /// The flows, by name.
    pub flows: Vec<LoadedFlow>,
    /// One digest over everything that would become active: the environment, the policy,
    /// and of each flow its files and its calendars. Commits are not part of it.
    pub digest: Digest,
}

/// A flow that an environment runs.
#[derive(Clone, Debug)]
pub struct LoadedFlow {
    /// Its files.
    pub folder: FlowFolder,
    /// The commit that they are of.
    pub commit: Option<CommitId>,
    /// The calendars of that commit.
    pub calendars: Arc<Calendars>,
    /// The digest of their files.
    calendar_files: Digest,
}

impl Loaded {
    /// The files of all flows.
    pub fn folders(&self) -> Vec<FlowFolder> {
        self.flows.iter().map(|flow| flow.folder.clone()).collect()
    }
}

/// Why an environment cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The repository cannot be read.
    #[error(transparent)]
    Source(#[from] RepositoryError),
    /// A file has errors.
    #[error("{}", rendered(.0))]
    Findings(Vec<Diagnostic>),
    /// There is no file for the environment.
    #[error("there is no file `environments/{0}.yaml`")]
    NoEnvironment(String),
    /// The file is of another environment.
    #[error("the file `environments/{file}.yaml` is of the environment `{named}`")]
    OtherEnvironment {
        /// The name of the file.
        file: String,
        /// What stands in it.
        named: String,
    },
    /// A pinned flow is not what its pin says.
    #[error("the pin of the flow `{flow}` does not hold: {reason}")]
    Pin {
        /// The flow.
        flow: FlowName,
        /// Why.
        reason: String,
    },
}

impl LoadError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Source(error) => error.code,
            Self::Findings(found) => found.first().map_or(code::NO_ENVIRONMENT, |f| f.code),
            Self::NoEnvironment(_) | Self::OtherEnvironment { .. } => code::NO_ENVIRONMENT,
            Self::Pin { .. } => code::PIN_BROKEN,
        }
    }
}

fn rendered(findings: &[Diagnostic]) -> String {
    let texts: Vec<String> = findings.iter().map(Diagnostic::render).collect();
    texts.join("\n")
}

/// Loads what an environment runs at a commit.
///
/// # Errors
/// [`LoadError`]; the flows themselves are judged when they are compiled.
pub fn load_at(
    source: &dyn FlowSource,
    commit: &CommitId,
    environment: &str,
) -> Result<Loaded, LoadError> {
    let tree = source.read(commit, ReadScope::All)?;
    load(&tree, environment, Some(source))
}

/// Loads what an environment runs of files that were read already. Pinned versions are
/// read from `source`.
///
/// # Errors
/// [`LoadError`]; a pinned version without a source is one.
pub fn load(
    tree: &SourceTree,
    name: &str,
    source: Option<&dyn FlowSource>,
) -> Result<Loaded, LoadError> {
    let path = environment_path(name);
    let text = tree.files.get(&path);
    let text = text.ok_or_else(|| LoadError::NoEnvironment(name.to_owned()))?;
    let environment = environment::parse(&path, text).map_err(LoadError::Findings)?;
    if environment.name != name {
        return Err(LoadError::OtherEnvironment {
            file: name.to_owned(),
            named: environment.name,
        });
    }
    let policy = policy(tree).map_err(LoadError::Findings)?;
    let mut head = Head::new(tree);
    let flows = match &environment.pins {
        Pins::Head => head.all()?,
        Pins::Flows(pins) => {
            let mut found = Vec::new();
            for (flow, pin) in pins {
                found.push(match pin {
                    Pin::Head => head.one(flow)?,
                    Pin::Released(pin) => released(flow, pin, source)?,
                });
            }
            found
        }
    };
    Ok(Loaded {
        commit: tree.commit.clone(),
        digest: digest(tree, text, &flows),
        environment,
        policy,
        flows,
    })
}

/// The flows as the tree has them.
struct Head<'t> {
    tree: &'t SourceTree,
    calendars: Option<Arc<Calendars>>,
}

impl<'t> Head<'t> {
    const fn new(tree: &'t SourceTree) -> Self {
        Self {
            tree,
            calendars: None,
        }
    }

    fn calendars(&mut self) -> Result<Arc<Calendars>, LoadError> {
        if let Some(known) = &self.calendars {
            return Ok(known.clone());
        }
        let calendars = good_calendars(self.tree)?;
        Ok(self.calendars.insert(calendars).clone())
    }

    fn all(&mut self) -> Result<Vec<LoadedFlow>, LoadError> {
        let folders = flows(self.tree);
        folders
            .into_iter()
            .map(|folder| self.loaded(folder))
            .collect()
    }

    fn one(&mut self, flow: &FlowName) -> Result<LoadedFlow, LoadError> {
        let folder = flows(self.tree)
            .into_iter()
            .find(|f| f.name() == flow.as_str());
        let missing = || broken(flow, "the repository has no such flow".to_owned());
        self.loaded(folder.ok_or_else(missing)?)
    }

    fn loaded(&mut self, folder: FlowFolder) -> Result<LoadedFlow, LoadError> {
        Ok(LoadedFlow {
            folder,
            commit: self.tree.commit.clone(),
            calendars: self.calendars()?,
            calendar_files: calendar_files(self.tree),
        })
    }
}

fn good_calendars(tree: &SourceTree) -> Result<Arc<Calendars>, LoadError> {
    let (calendars, findings) = calendars(tree);
    if findings.is_empty() {
        Ok(Arc::new(calendars))
    } else {
        Err(LoadError::Findings(findings))
    }
}

fn broken(flow: &FlowName, reason: String) -> LoadError {
    LoadError::Pin {
        flow: flow.clone(),
        reason,
    }
}

fn released(
    flow: &FlowName,
    pin: &Released,
    source: Option<&dyn FlowSource>,
) -> Result<LoadedFlow, LoadError> {
    let no_source = || {
        let reason = "the folder is no git repository that its commit could be read from";
        broken(flow, reason.to_owned())
    };
    let source = source.ok_or_else(no_source)?;
    let tree = source.read(&pin.commit, ReadScope::Flow(flow))?;
    let folder = flows(&tree).into_iter().find(|f| f.name() == flow.as_str());
    let commit = pin.commit.short();
    let missing = || broken(flow, format!("the commit {commit} has no such flow"));
    let folder = folder.ok_or_else(missing)?;
    let found = folder.digest();
    if found != pin.digest {
        let pinned = pin.digest.short();
        let reason = format!(
            "its files at the commit {commit} have the digest {}, the pin says {pinned}",
            found.short()
        );
        return Err(broken(flow, reason));
    }
    let outlines = Outlines::of(std::slice::from_ref(&folder));
    let version = outlines
        .get(flow)
        .flatten()
        .map(|outline| outline.version.clone());
    if version.as_ref() != Some(&pin.version) {
        let there = version.map_or_else(|| "no version".to_owned(), |version| version.to_string());
        let reason = format!(
            "the commit {commit} has {there}, the pin says {}",
            pin.version
        );
        return Err(broken(flow, reason));
    }
    Ok(LoadedFlow {
        folder,
        commit: Some(pin.commit.clone()),
        calendars: good_calendars(&tree)?,
        calendar_files: calendar_files(&tree),
    })
}

/// Everything that would become active.
fn digest(tree: &SourceTree, environment: &str, flows: &[LoadedFlow]) -> Digest {
    let mut bytes = Vec::new();
    let mut add = |part: &str| {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    };
    add(environment);
    add(tree.files.get(POLICY_FILE).map_or("", String::as_str));
    for flow in flows {
        add(flow.folder.name());
        add(&flow.folder.digest().to_string());
        add(&flow.calendar_files.to_string());
    }
    Digest::of(bytes)
}

fn calendar_files(tree: &SourceTree) -> Digest {
    let mut bytes = Vec::new();
    let files = tree.files.iter();
    for (path, text) in files.filter(|(path, _)| path.starts_with("calendars/")) {
        for part in [path, text] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    Digest::of(bytes)
}
