//! `dowel promote` and `dowel rollback`: commits that pin another version. Only the pin
//! moves: files are never copied between environments.

use crate::args::{Format, Pinning, Promote, Rollback};
use crate::soak::{pin_of, still_soaks};
use crate::system::SystemClock;
use crate::{exit, output, wiring};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::port::{Clock as _, FlowSource as _, ReadScope};
use dowel_core::repository::SourceTree;
use dowel_core::{CommitId, FlowName};
use dowel_flow::environment::{self, Environment, Pin, Promotion, Released};
use dowel_flow::repository::{self, environment_path};
use dowel_gitops::{Access, Change, Repository};
use serde_json::json;
use std::process::ExitCode;

/// Texts of an environment file that are looked at for the pin before.
const MAX_PAST: usize = 500;

pub(crate) fn promote(promote: &Promote, format: Format) -> Result<ExitCode> {
    let (flow, version) = flow_at(&promote.flow)?;
    let clone = Clone::open(&promote.pinning)?;
    let releases = repository::releases(&clone.tree).map_err(|f| wiring::as_error(&f))?;
    let release = releases.get(&flow, &version).ok_or_else(|| {
        anyhow!(
            "{flow}@{version} is not in `flows.lock` of the commit {}: release it with `dowel flow release {flow}` and commit",
            clone.commit.short()
        )
    })?;
    let pin = Released {
        version,
        commit: release.commit.clone(),
        digest: release.digest,
    };
    let (text, environment) = clone.environment(&promote.pinning.env)?;
    let promotion = environment.promotion.as_ref();
    if let Some(from) = promotion.and_then(|promotion| promotion.from.as_ref()) {
        let (_, before) = clone.environment(from.as_str())?;
        if pin_of(&before, &flow) != Some(&Pin::Released(pin.clone())) {
            bail!(
                "{flow}@{} is not pinned in the environment `{from}`, which it has to be in before: `dowel promote {flow}@{} --env {from}`",
                pin.version,
                pin.version
            );
        }
    }
    if let Some(promotion) = promotion {
        clone.check_soak(promotion, &flow, &pin)?;
    }
    let message = format!("Promote {flow}@{} to {}", pin.version, environment.name);
    let step = Step {
        flow: &flow,
        pin: &pin,
        text: &text,
        message,
        verb: "promote",
    };
    clone.pin(&step, &environment, format)
}

pub(crate) fn rollback(rollback: &Rollback, format: Format) -> Result<ExitCode> {
    let flow = FlowName::new(&rollback.flow)?;
    let clone = Clone::open(&rollback.pinning)?;
    let (text, environment) = clone.environment(&rollback.pinning.env)?;
    let now = pin_of(&environment, &flow).cloned();
    let Some(Pin::Released(now)) = now else {
        bail!(
            "the environment `{}` does not pin a version of `{flow}`",
            environment.name
        );
    };
    let path = environment_path(&environment.name);
    let past = clone
        .git
        .past(&path, &clone.commit, MAX_PAST)
        .map_err(told)?;
    let before = past.iter().find_map(|past| {
        let old = environment::parse(&path, &past.text).ok()?;
        match pin_of(&old, &flow) {
            Some(Pin::Released(pin)) if pin.digest != now.digest => Some(pin.clone()),
            _ => None,
        }
    });
    let before = before.ok_or_else(|| {
        anyhow!(
            "the environment `{}` has never pinned another version of `{flow}`",
            environment.name
        )
    })?;
    let message = format!(
        "Roll {flow} back to {} in {} (from {})",
        before.version, environment.name, now.version
    );
    let step = Step {
        flow: &flow,
        pin: &before,
        text: &text,
        message,
        verb: "rollback",
    };
    clone.pin(&step, &environment, format)
}

/// `<flow>@<version>`.
fn flow_at(text: &str) -> Result<(FlowName, semver::Version)> {
    let (flow, version) = text
        .split_once('@')
        .with_context(|| format!("name the version as well: `{text}@1.4.0`"))?;
    let version = version
        .parse()
        .with_context(|| format!("`{version}` is not a version such as 1.4.0"))?;
    Ok((FlowName::new(flow)?, version))
}

fn told(error: impl Into<dowel_core::port::RepositoryError>) -> anyhow::Error {
    anyhow!("{}", error.into())
}

/// A clone, at its head.
struct Clone<'a> {
    git: Repository,
    commit: CommitId,
    tree: SourceTree,
    pinning: &'a Pinning,
}

/// A pin to be written.
struct Step<'a> {
    flow: &'a FlowName,
    pin: &'a Released,
    text: &'a str,
    message: String,
    verb: &'a str,
}

impl<'a> Clone<'a> {
    fn open(pinning: &'a Pinning) -> Result<Self> {
        let git = Repository::open(&pinning.repo).map_err(told)?;
        let commit = git.resolve("HEAD").map_err(told)?;
        let tree = git.read(&commit, ReadScope::All).map_err(told)?;
        Ok(Self {
            git,
            commit,
            tree,
            pinning,
        })
    }

    fn environment(&self, name: &str) -> Result<(String, Environment)> {
        let path = environment_path(name);
        let text =
            self.tree.files.get(&path).ok_or_else(|| {
                anyhow!("the commit {} has no file `{path}`", self.commit.short())
            })?;
        let environment = environment::parse(&path, text).map_err(|f| wiring::as_error(&f))?;
        Ok((text.clone(), environment))
    }

    /// A version has to be pinned in the environment before for as long as is asked for, by
    /// the times of the commits on the branch.
    fn check_soak(&self, promotion: &Promotion, flow: &FlowName, pin: &Released) -> Result<()> {
        let now = SystemClock.now();
        let reason = still_soaks((&self.git, &self.commit), promotion, (flow, pin), now);
        match reason.map_err(told)? {
            Some(reason) => bail!(reason),
            None => Ok(()),
        }
    }

    fn pin(&self, step: &Step<'_>, environment: &Environment, format: Format) -> Result<ExitCode> {
        let Step { flow, pin, .. } = step;
        let path = environment_path(&environment.name);
        if pin_of(environment, flow) == Some(&Pin::Released((*pin).clone())) {
            let text = format!("{path} pins {flow}@{} already", pin.version);
            output::print(format, &json!({ "changed": false }), &text)?;
            return Ok(exit::found(false));
        }
        let text = environment::set_pin(step.text, flow, pin)?;
        // The pin has to hold before anybody is asked about it.
        let mut tree = self.tree.clone();
        tree.files.insert(path.clone(), text.clone());
        repository::load(&tree, &environment.name, Some(&self.git))
            .map_err(|error| anyhow!("{}: {error}", error.code()))?;
        let branch = self.branch(step, environment)?;
        let change = Change { path, text };
        let written = self
            .git
            .commit(&self.commit, &branch, &[change], &step.message)
            .map_err(told)?;
        let mut text = format!(
            "{}: commit {} on `{branch}`",
            step.message,
            written.commit.short()
        );
        if self.pinning.push {
            self.git.push(&branch, &Access::default()).map_err(told)?;
            text.push_str(", pushed to `origin`");
        }
        let value = json!({
            "changed": true, "flow": flow, "version": pin.version.to_string(),
            "environment": environment.name, "commit": written.commit, "branch": branch,
            "pushed": self.pinning.push,
        });
        output::print(format, &value, &text)?;
        Ok(exit::found(false))
    }

    /// A branch for a pull request, unless the one that is checked out was asked for.
    fn branch(&self, step: &Step<'_>, environment: &Environment) -> Result<String> {
        if !self.pinning.direct {
            let Step {
                verb, flow, pin, ..
            } = step;
            return Ok(self
                .pinning
                .branch
                .clone()
                .unwrap_or_else(|| format!("{verb}/{}/{flow}-{}", environment.name, pin.version)));
        }
        let branch = self.git.branch().map_err(told)?;
        branch.ok_or_else(|| anyhow!("no branch is checked out: name one with --branch"))
    }
}
