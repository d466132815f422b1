//! What a host starts with: the files of a folder, or the tree of a repository that is
//! active by its own record.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::follow::{Followed, Follower, Host, Running};
use crate::loading;
use crate::wiring::{self, Compiled};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::port::{FlowSource, Store};
use dowel_engine::active_tree;
use dowel_flow::environment::{self, Environment, Pins};
use dowel_flow::plan::Plan;
use dowel_flow::policy::Policy;
use dowel_flow::repository::{Loaded, load};
use dowel_mapping::Mapping;

/// What a host starts with, checked.
pub(crate) struct Start {
    pub(crate) environment: Environment,
    pub(crate) policy: Policy,
    pub(crate) plans: Vec<Plan>,
    /// Where a repository is followed: which, and the tree that is active.
    followed: Option<(Followed, Option<Loaded>)>,
}

/// What flows are compiled against.
#[derive(Clone, Copy)]
pub(crate) struct Against<'a> {
    pub(crate) connectors: &'a InstalledConnectors,
    pub(crate) mapping: &'a Mapping,
}

impl Start {
    /// From a folder as it is on disk. Pinned versions come from the clone that it is in.
    pub(crate) fn of_folder(repository: &Repository, against: Against<'_>) -> Result<Self> {
        let environment = match repository.environment()? {
            Some(Ok(environment)) => environment,
            Some(Err(findings)) => return Err(wiring::as_error(&findings)),
            None => bail!("name the environment: --env dev reads environments/dev.yaml"),
        };
        let Against {
            connectors,
            mapping,
        } = against;
        let compiled = match &environment.pins {
            Pins::Head => {
                let folders = repository.flows(&[])?;
                wiring::compile_all(repository, &folders, connectors, mapping)?
            }
            Pins::Flows(_) => {
                let tree = loading::tree_of(&repository.repo)?;
                let clone = loading::clone_of(repository);
                let source = clone.as_ref().map(|clone| clone as &dyn FlowSource);
                let loaded = load(&tree, &environment.name, source);
                let loaded = loaded.map_err(|error| anyhow!("{}: {error}", error.code()))?;
                loading::compile_loaded(&loaded, connectors, mapping)
            }
        };
        Self::checked(environment, compiled, against, None)
    }

    /// From the tree that is active by the record of the store; nothing runs before there
    /// is one.
    pub(crate) async fn of_repository(
        followed: Followed,
        store: &dyn Store,
        against: Against<'_>,
    ) -> Result<Self> {
        let Some(active) = active_tree(store).await? else {
            return Self::nothing(followed);
        };
        let commit = active.commit.context("the active tree has no commit")?;
        let loaded = followed.active(commit, active.digest).await?;
        let compiled = loading::compile_loaded(&loaded, against.connectors, against.mapping);
        let environment = loaded.environment.clone();
        Self::checked(
            environment,
            compiled,
            against,
            Some((followed, Some(loaded))),
        )
    }

    /// Follows what the host was started for, if it follows anything.
    pub(crate) fn follower(self, host: Host) -> Option<Running> {
        let (followed, active) = self.followed?;
        Some(Follower::new(followed, host, active.as_ref()).begin())
    }

    fn nothing(followed: Followed) -> Result<Self> {
        let name = &followed.environment;
        let environment = environment::parse("", &format!("environment: {name}\n"));
        Ok(Self {
            environment: environment.map_err(|findings| wiring::as_error(&findings))?,
            policy: Policy::default(),
            plans: Vec::new(),
            followed: Some((followed, None)),
        })
    }

    fn checked(
        environment: Environment,
        compiled: Compiled,
        against: Against<'_>,
        followed: Option<(Followed, Option<Loaded>)>,
    ) -> Result<Self> {
        if compiled.has_errors {
            return Err(wiring::as_error(&compiled.findings));
        }
        let enabled = loading::enabled(&compiled.plans, &environment);
        wiring::check_configs(&environment, &enabled, against.connectors)
            .map_err(|problems| anyhow!(problems.join("\n")))?;
        Ok(Self {
            environment,
            policy: compiled.policy,
            plans: compiled.plans,
            followed,
        })
    }
}
