//! What a host starts with.

use crate::args::Repository;
use crate::catalogue::InstalledConnectors;
use crate::loading;
use crate::wiring::{self, Compiled};
use anyhow::{Result, anyhow, bail};
use dowel_core::port::FlowSource;
use dowel_flow::environment::{Environment, Pins};
use dowel_flow::plan::Plan;
use dowel_flow::policy::Policy;
use dowel_flow::repository::load;
use dowel_mapping::Mapping;

/// What a host starts with, checked.
pub(crate) struct Start {
    pub(crate) environment: Environment,
    pub(crate) policy: Policy,
    pub(crate) plans: Vec<Plan>,
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
        Self::checked(environment, compiled, against)
    }

    fn checked(environment: Environment, compiled: Compiled, against: Against<'_>) -> Result<Self> {
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
        })
    }
}
