//! A host follows a branch or a tag: it looks, checks everything, and activates all of it
//! or nothing.

use crate::catalogue::InstalledConnectors;
use crate::loading;
use crate::soak::{has_not_soaked, pin_of};
use crate::wiring;
use anyhow::{Result, anyhow};
use dowel_api::{ApiState, Senders};
use dowel_core::code::Code;
use dowel_core::code::change::SOAKING;
use dowel_core::code::gitops::COMMIT_REFUSED;
use dowel_core::code::secret::OF_THE_HOST;
use dowel_core::{CommitId, Digest, FlowName};
use dowel_engine::{Candidate, Engine, Look, LookFailure, Verdict};
use dowel_flow::diagnostic::{Diagnostic, Severity};
use dowel_flow::environment::{Environment, Pin, Pins, Released};
use dowel_flow::plan::Plan;
use dowel_flow::repository::{LoadError, Loaded, load_at};
use dowel_gitops::{AllowedSigners, GitError, Moved, Repository};
use dowel_mapping::Mapping;
use dowel_wasm::ConnectorHost;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The longest explanation that is kept of a commit that is refused.
const MAX_MESSAGE: usize = 8 << 10;

/// How long a look that is under way may take when the host stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is followed.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) mirror: Repository,
    /// A branch or a tag.
    pub(crate) revision: String,
    pub(crate) environment: String,
    pub(crate) poll: Duration,
    /// The list of the keys that commits have to be signed by, if they have to.
    pub(crate) signers: Option<PathBuf>,
}

/// What a tree is made active in.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) api: Arc<ApiState>,
    pub(crate) connections: ConnectorHost,
    pub(crate) connectors: InstalledConnectors,
    pub(crate) mapping: Mapping,
    pub(crate) secrets: SecretRule,
}

/// Who says which files and servers of the machine secrets are read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretRule {
    /// The host file; a section of the environment is for laptops.
    HostFile,
    /// Nobody: a section of the environment is refused.
    Nobody,
}

/// A tree that has passed every check.
struct Checked {
    loaded: Loaded,
    plans: Vec<Plan>,
}

/// Follows until it is told to stop.
pub(crate) struct Follower {
    followed: Followed,
    host: Host,
    /// The tree that is active, and what is said of it.
    active: Option<Active>,
    /// The commit that was looked at last, if nothing is left to do about it.
    done: Option<CommitId>,
}

/// A follower at work.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it before its next look.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // A look at a remote that hangs is not waited for.
        if tokio::time::timeout(PATIENCE, self.task).await.is_err() {
            tracing::warn!("a look at the repository is left unfinished");
        }
    }
}

#[derive(Clone)]
struct Active {
    commit: Option<CommitId>,
    digest: Digest,
    environment: Environment,
}

impl Followed {
    /// Loads the tree that is active by the record of the store, without the network.
    ///
    /// # Errors
    /// It cannot be read any more, or is not what was approved.
    pub(crate) async fn active(&self, commit: CommitId, digest: Digest) -> Result<Loaded> {
        let mut loaded = self.load(commit.clone()).await;
        if loaded.is_err() && self.fetch().await.is_ok() {
            // A data folder that was restored has no mirror yet.
            loaded = self.load(commit.clone()).await;
        }
        let loaded = loaded.map_err(|LookFailure { code, message }| {
            anyhow!("{code}: the active commit {commit} cannot be read: {message}")
        })?;
        if loaded.digest != digest {
            return Err(anyhow!(
                "the active commit {commit} is not the tree that was activated: remove nothing, and restore the data folder"
            ));
        }
        Ok(loaded)
    }

    async fn load(&self, commit: CommitId) -> Result<Loaded, LookFailure> {
        let (mirror, environment) = (self.mirror.clone(), self.environment.clone());
        let load = move || load_at(&mirror, &commit, &environment).map_err(|e| refused(&e));
        blocking(load).await
    }

    async fn fetch(&self) -> Result<Moved, LookFailure> {
        let (mirror, revision) = (self.mirror.clone(), self.revision.clone());
        let fetch = move || {
            mirror
                .fetch(&revision)
                .map_err(|e| failure(e.code(), e.to_string()))
        };
        blocking(fetch).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LookFailure> + Send + 'static,
) -> Result<T, LookFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(failure(COMMIT_REFUSED, error.to_string())))
}

fn refused(error: &LoadError) -> LookFailure {
    failure(error.code(), error.to_string())
}

fn failure(code: Code, mut message: String) -> LookFailure {
    if message.len() > MAX_MESSAGE {
        let cut = (0..=MAX_MESSAGE)
            .rev()
            .find(|at| message.is_char_boundary(*at));
        message.truncate(cut.unwrap_or_default());
        message.push('…');
    }
    LookFailure { code, message }
}

impl Follower {
    /// `active` is what the engine was started with.
    pub(crate) fn new(followed: Followed, host: Host, active: Option<&Loaded>) -> Self {
        Self {
            followed,
            host,
            active: active.map(Active::of),
            done: None,
        }
    }

    /// Follows in a task of its own.
    pub(crate) fn begin(self) -> Running {
        let stop = watch::Sender::new(false);
        let task = tokio::spawn(self.work(stop.subscribe()));
        Running { stop, task }
    }

    /// Looks, waits, and looks again.
    async fn work(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let look = self.look().await;
            self.host.engine.looked(&look);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = self.host.engine.look_wanted() => {}
                () = tokio::time::sleep(self.followed.poll) => {}
            }
        }
    }

    async fn look(&mut self) -> Look {
        let at = self.host.engine.time();
        let moved = match self.followed.fetch().await {
            Ok(moved) => moved,
            Err(failure) => {
                return Look {
                    at,
                    commit: None,
                    rewritten: false,
                    outcome: Err(failure),
                };
            }
        };
        let outcome = if self.done.as_ref() == Some(&moved.to) {
            Ok(Verdict::Unchanged)
        } else {
            self.take_up(&moved.to).await
        };
        let is_done = matches!(outcome, Ok(Verdict::Active | Verdict::Unchanged));
        self.done = is_done.then(|| moved.to.clone());
        Look {
            at,
            commit: Some(moved.to),
            rewritten: moved.rewritten,
            outcome,
        }
    }

    async fn take_up(&mut self, commit: &CommitId) -> Result<Verdict, LookFailure> {
        // Before anything of it is read.
        let signers = self.signers(commit).await?;
        let loaded = self.followed.load(commit.clone()).await?;
        if self.active.as_ref().map(|active| active.digest) == Some(loaded.digest) {
            return Ok(Verdict::Unchanged);
        }
        self.check_soak(commit, &loaded.environment).await?;
        let host = self.host.clone();
        let checked = blocking(move || check(&host, loaded)).await?;
        let candidate = self.candidate(commit, &checked.loaded, signers).await?;
        let environment = checked.loaded.environment.clone();
        let apply = || self.host.apply(&environment);
        let settings = loading::settings(&checked.loaded);
        let rolled = self
            .host
            .engine
            .roll_out(candidate, checked.plans, settings, apply);
        let verdict = rolled
            .await
            .map_err(|error| failure(error.code(), error.to_string()))?;
        if verdict == Verdict::Active {
            self.active = Some(Active::of(&checked.loaded));
            self.keep(commit);
        }
        Ok(verdict)
    }

    /// A version that is new here has been in the environment before for as long as the
    /// environment asks that is active now, whoever wrote the pin: one that this host has
    /// had before, such as after a rollback, need not soak again.
    async fn check_soak(&self, commit: &CommitId, new: &Environment) -> Result<(), LookFailure> {
        let active = self.active.as_ref().map(|active| &active.environment);
        let Some(promotion) = active.and_then(|active| active.promotion.clone()) else {
            return Ok(());
        };
        let Pins::Flows(pins) = &new.pins else {
            return Ok(());
        };
        let mut wanted = Vec::new();
        for (flow, pin) in pins {
            let Pin::Released(released) = pin else {
                continue;
            };
            let is_same = active.is_some_and(|active| pin_of(active, flow) == Some(pin));
            if !is_same && !self.has_had(flow, released).await? {
                wanted.push((flow.clone(), released.clone()));
            }
        }
        let (mirror, commit) = (self.followed.mirror.clone(), commit.clone());
        let now = self.host.engine.time();
        let check = move || {
            for (flow, pin) in wanted {
                let at = (&mirror, &commit);
                let reason = has_not_soaked(at, &promotion, (&flow, &pin), now)
                    .map_err(|error| failure(error.code, error.to_string()))?;
                if let Some(reason) = reason {
                    return Err(failure(SOAKING, reason));
                }
            }
            Ok(())
        };
        blocking(check).await
    }

    /// Whether this host has kept the version, content and all.
    async fn has_had(&self, flow: &FlowName, pin: &Released) -> Result<bool, LookFailure> {
        let known = self.host.engine.known_plans(flow).await;
        let known = known.map_err(|error| failure(error.code(), error.to_string()))?;
        Ok(known
            .iter()
            .any(|plan| plan.version == pin.version && plan.source == pin.digest))
    }

    /// An active commit stays readable, whatever becomes of its branch.
    fn keep(&self, commit: &CommitId) {
        if let Err(error) = self.followed.mirror.keep(commit) {
            tracing::warn!(%commit, %error, "the active commit cannot be kept in the mirror");
        }
    }

    fn active_commit(&self) -> Option<CommitId> {
        let active = self.active.as_ref();
        active.and_then(|active| active.commit.clone())
    }

    /// Who signed what is new; nobody where that is not asked for. The list is read at each
    /// look, so that a key that is struck out counts no more.
    async fn signers(&self, commit: &CommitId) -> Result<BTreeSet<String>, LookFailure> {
        let Some(path) = self.followed.signers.clone() else {
            return Ok(BTreeSet::new());
        };
        let (mirror, since) = (self.followed.mirror.clone(), self.active_commit());
        let to = commit.clone();
        let verify = move || {
            let allowed = AllowedSigners::read(&path)?;
            mirror.signers(since.as_ref(), &to, &allowed)
        };
        blocking(move || verify().map_err(|e: GitError| failure(e.code(), e.to_string()))).await
    }

    async fn candidate(
        &self,
        commit: &CommitId,
        loaded: &Loaded,
        signers: BTreeSet<String>,
    ) -> Result<Candidate, LookFailure> {
        let since = self.active_commit();
        let (mirror, to) = (self.followed.mirror.clone(), commit.clone());
        let authors = move || {
            let authors = mirror.authors(since.as_ref(), &to);
            authors.map_err(|e| failure(e.code(), e.to_string()))
        };
        let authors = blocking(authors).await?;
        // Who signed is an author, whatever name the commit bears.
        let authors: BTreeSet<String> = authors
            .into_iter()
            .map(|author| author.email)
            .chain(signers)
            .collect();
        let before = self.active.as_ref().map(|active| &active.environment);
        Ok(Candidate {
            digest: loaded.digest,
            commit: Some(commit.clone()),
            authors: authors.into_iter().collect(),
            summary: summary(before, &loaded.environment),
        })
    }
}

impl Active {
    fn of(loaded: &Loaded) -> Self {
        Self {
            commit: loaded.commit.clone(),
            digest: loaded.digest,
            environment: loaded.environment.clone(),
        }
    }
}

impl Host {
    /// Binds connections and senders to another environment, all of them or none.
    fn apply(&self, environment: &Environment) -> Result<(), String> {
        let bound = self.connections.bind(environment.connections.clone());
        bound.map_err(|errors| {
            let lines = errors
                .iter()
                .map(|error| format!("{}: {error}", error.code()));
            lines.collect::<Vec<_>>().join("\n")
        })?;
        self.api.change_senders(Senders {
            hook_secrets: environment.hook_secrets.clone(),
            events: environment.events.clone(),
        });
        Ok(())
    }
}

/// Compiles everything, and checks that it fits what is installed here.
fn check(host: &Host, loaded: Loaded) -> Result<Checked, LookFailure> {
    let compiled = loading::compile_loaded(&loaded, &host.connectors, &host.mapping);
    if compiled.has_errors {
        let errors = compiled.findings.iter();
        let errors: Vec<&Diagnostic> = errors.filter(|f| f.severity == Severity::Error).collect();
        let code = errors
            .first()
            .map_or(COMMIT_REFUSED, |finding| finding.code);
        let texts: Vec<String> = errors.iter().map(|finding| finding.render()).collect();
        return Err(failure(code, texts.join("\n")));
    }
    if host.secrets == SecretRule::Nobody && loaded.environment.secrets.is_some() {
        let message = "the environment file has `secrets`, and the host file has none: what is read \
                       on this machine is said by its host file";
        return Err(failure(OF_THE_HOST, message.to_owned()));
    }
    let enabled = loading::enabled(&compiled.plans, &loaded.environment);
    wiring::check_configs(&loaded.environment, &enabled, &host.connectors)
        .map_err(|problems| failure(COMMIT_REFUSED, problems.join("\n")))?;
    Ok(Checked {
        loaded,
        plans: compiled.plans,
    })
}

/// What changes, for those who are asked to approve it.
fn summary(before: Option<&Environment>, now: &Environment) -> Vec<String> {
    let Some(before) = before else {
        return vec!["the first tree of this host".to_owned()];
    };
    let (old, new) = (pins(before), pins(now));
    let mut lines = Vec::new();
    for (flow, version) in &new {
        match old.iter().find(|(other, _)| other == flow) {
            Some((_, known)) if known == version => {}
            Some((_, known)) => lines.push(format!("{flow}: {known} -> {version}")),
            None => lines.push(format!("{flow}: new, {version}")),
        }
    }
    let gone = old
        .iter()
        .filter(|(flow, _)| !new.iter().any(|(other, _)| other == flow));
    lines.extend(gone.map(|(flow, _)| format!("{flow}: removed")));
    if before.connections != now.connections {
        lines.push("connections or what they may reach".to_owned());
    }
    if before.promotion != now.promotion {
        lines.push("who has to approve changes".to_owned());
    }
    if lines.is_empty() {
        lines.push("other files of the environment, see `dowel plan`".to_owned());
    }
    lines
}

fn pins(environment: &Environment) -> Vec<(String, String)> {
    let Pins::Flows(pins) = &environment.pins else {
        return Vec::new();
    };
    let shown = pins.iter().map(|(flow, pin)| {
        let version = match pin {
            Pin::Head => "head".to_owned(),
            Pin::Released(pin) => format!("{} at {}", pin.version, pin.commit.short()),
        };
        (flow.to_string(), version)
    });
    shown.collect()
}
