//! What is different between two states of a repository: flows by what they do, not by
//! their lines, and environments by what they grant.

mod environment;
mod facet;
mod flow;
mod grant;
mod markdown;
mod step;
mod text;

pub use flow::{ConnectorChange, Detail, FlowChange, Kind, compare_flow};
pub use grant::{Grant, Turn};

use crate::contract::Class;
use crate::environment::Environment;
use crate::plan::Plan;
use dowel_core::FlowName;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One state of a repository.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// Its flows.
    pub plans: &'a [Plan],
    /// Its environment, where one was chosen and is there.
    pub environment: Option<&'a Environment>,
}

/// What is different between two states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The gravest class of all changes of contracts.
    pub class: Class,
    /// Flows that are different, by name.
    pub flows: Vec<FlowChange>,
    /// What connections and flows may now do, or may no longer do.
    pub capabilities: Vec<Grant>,
    /// What else is different in the environment.
    pub environment: Vec<Detail>,
    /// Unfinished runs by flow and version, where a host told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub live_runs: BTreeMap<String, BTreeMap<String, u64>>,
    /// Decisions at run time that git does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// What could not be looked at, such as a host that does not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Changes {
    /// Compares two states.
    pub fn between(old: State<'_>, new: State<'_>) -> Self {
        let (before, after) = (by_name(old.plans), by_name(new.plans));
        let names: BTreeSet<&FlowName> = before.keys().chain(after.keys()).copied().collect();
        let flows: Vec<FlowChange> = names
            .into_iter()
            .filter_map(|name| {
                let pair = (before.get(name).copied(), after.get(name).copied());
                compare_flow(pair.0, pair.1)
            })
            .collect();
        Self {
            class: flows
                .iter()
                .map(|flow| flow.class)
                .max()
                .unwrap_or_default(),
            flows,
            capabilities: grant::compare(old, new),
            environment: environment::compare(old.environment, new.environment),
            ..Self::default()
        }
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty() && self.capabilities.is_empty() && self.environment.is_empty()
    }

    /// For terminals.
    pub fn text(&self) -> String {
        text::write(self)
    }

    /// For pull requests.
    pub fn markdown(&self) -> String {
        markdown::write(self)
    }
}

fn by_name(plans: &[Plan]) -> BTreeMap<&FlowName, &Plan> {
    plans.iter().map(|plan| (&plan.flow, plan)).collect()
}
