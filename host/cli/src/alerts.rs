//! Rules for Prometheus, made from what flows promise. Every rule names who answers for it
//! and the runbook that tells what to do.

mod flow;
mod host;
mod rules;

pub(crate) use rules::{Rule, Rules};

use dowel_flow::plan::Plan;
use rules::Group;
use std::collections::{BTreeMap, BTreeSet};

/// What the plans do not say.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Who answers for the host, and for flows without an owner.
    pub(crate) owner: String,
    /// The address of the repository's files: what comes before the path of a runbook.
    pub(crate) runbooks: String,
    /// The address of this project's documentation.
    pub(crate) docs: String,
    /// Open exceptions of one flow from which on there are too many.
    pub(crate) desk_depth: u64,
}

impl Options {
    fn doc(&self, page: &str) -> String {
        format!("{}{page}", self.docs)
    }

    fn owner_of(&self, plan: &Plan) -> String {
        plan.owner.clone().unwrap_or_else(|| self.owner.clone())
    }

    /// The flow's own runbook, or else this page.
    fn runbook_of(&self, plan: &Plan, page: &str) -> String {
        match &plan.runbook {
            Some(address) if address.contains("://") => address.clone(),
            Some(path) => {
                let path = path.trim_start_matches("./");
                format!("{}flows/{}/{path}", self.runbooks, plan.flow)
            }
            None => self.doc(page),
        }
    }
}

/// The rules for these flows and for the host that runs them.
pub(crate) fn rules(plans: &[Plan], options: &Options) -> Rules {
    let mut groups = vec![Group {
        name: "dowel-host".to_owned(),
        rules: host::rules(options),
    }];
    groups.push(Group {
        name: "dowel-connections".to_owned(),
        rules: connections(plans, options),
    });
    groups.extend(plans.iter().map(|plan| Group {
        name: format!("dowel-flow-{}", plan.flow),
        rules: flow::rules(plan, options),
    }));
    groups.retain(|group| !group.rules.is_empty());
    Rules { groups }
}

/// One rule for each connection: who answers for a flow that uses it is told.
fn connections(plans: &[Plan], options: &Options) -> Vec<Rule> {
    let mut users: BTreeMap<&str, Vec<&Plan>> = BTreeMap::new();
    for plan in plans {
        for connection in plan.connectors.keys() {
            users.entry(connection.as_str()).or_default().push(plan);
        }
    }
    let rules = users.into_iter().map(|(connection, plans)| {
        let owners: BTreeSet<String> = plans.iter().map(|plan| options.owner_of(plan)).collect();
        let owners: Vec<String> = owners.into_iter().collect();
        let flows: Vec<&str> = plans.iter().map(|plan| plan.flow.as_str()).collect();
        let flows = flows.join(", ");
        let expr = format!("max(dowel_connection_breaker_state{{connection=\"{connection}\"}}) == 2");
        Rule::page("DowelBreakerOpen", expr)
            .lasting("2m")
            .about("connection", connection)
            .owned_by(&owners.join(", "))
            .summary(&format!(
                "No calls are made over the connection {connection}: its breaker is open. Runs of {flows} wait."
            ))
            .runbook(&options.doc("docs/runbooks/breaker-open.md"))
    });
    rules.collect()
}
