//! Which flow feeds which.

use super::field::{FieldLink, links};
use crate::contract::emitted;
use crate::plan::{Plan, StepKind, TriggerKind};
use dowel_core::FlowName;
use dowel_core::cloud_event::TypePattern;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Which flow feeds which, and where fields come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// From flow to flow, and from and to what is outside.
    pub links: Vec<Link>,
    /// By flow: fields that are copies of others.
    pub fields: BTreeMap<String, Vec<FieldLink>>,
}

/// One flow feeds another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Link {
    /// The flow that feeds; nothing for events from outside.
    pub from: Option<String>,
    /// The flow that is fed; nothing for events that no flow takes.
    pub to: Option<String>,
    /// By what.
    pub kind: LinkKind,
    /// The event's type, or the range of versions that is run.
    pub by: String,
}

/// By what a flow feeds another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// An event that begins a run.
    Event,
    /// An event that a run waits for.
    Receive,
    /// A `run` step.
    Run,
}

impl Lineage {
    /// The lineage of these flows.
    pub fn of(plans: &[&Plan]) -> Self {
        let mut links = BTreeSet::new();
        for to in plans {
            for (pattern, kind) in wanted(to) {
                link_events(&mut links, plans, to, &pattern, kind);
            }
        }
        for from in plans {
            unclaimed(&mut links, plans, from);
            for step in from.all_steps() {
                if let StepKind::Run(run) = &step.kind {
                    links.insert(Link {
                        from: Some(from.flow.to_string()),
                        to: Some(run.flow.to_string()),
                        kind: LinkKind::Run,
                        by: run.range.to_string(),
                    });
                }
            }
        }
        let fields = plans
            .iter()
            .map(|plan| (plan.flow.to_string(), self::links(plan)));
        Self {
            links: links.into_iter().collect(),
            fields: fields.filter(|(_, links)| !links.is_empty()).collect(),
        }
    }

    /// What is about one flow: everything that feeds it and that it feeds, however far.
    pub fn around(&self, flow: &FlowName) -> Self {
        let name = flow.as_str();
        let mut near = BTreeSet::from([name.to_owned()]);
        near.extend(self.reached(name, |link| (link.from.as_deref(), link.to.as_deref())));
        near.extend(self.reached(name, |link| (link.to.as_deref(), link.from.as_deref())));
        let is_near = |end: &Option<String>| end.as_ref().is_none_or(|flow| near.contains(flow));
        let links = self.links.iter();
        Self {
            links: links
                .filter(|link| is_near(&link.from) && is_near(&link.to))
                .cloned()
                .collect(),
            fields: self
                .fields
                .iter()
                .filter(|(flow, _)| near.contains(*flow))
                .map(|(flow, links)| (flow.clone(), links.clone()))
                .collect(),
        }
    }

    fn reached<'l>(
        &'l self,
        from: &str,
        ends: impl Fn(&'l Link) -> (Option<&'l str>, Option<&'l str>),
    ) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut next = vec![from.to_owned()];
        while let Some(flow) = next.pop() {
            for link in &self.links {
                let (start, end) = ends(link);
                if let (Some(start), Some(end)) = (start, end)
                    && start == flow
                    && found.insert(end.to_owned())
                {
                    next.push(end.to_owned());
                }
            }
        }
        found
    }
}

/// The types of events that a flow takes.
fn wanted(plan: &Plan) -> Vec<(String, LinkKind)> {
    let triggers = plan
        .triggers
        .iter()
        .filter_map(|trigger| match &trigger.kind {
            TriggerKind::Event { event_type, .. } => Some((event_type.clone(), LinkKind::Event)),
            _ => None,
        });
    let steps = plan.all_steps().into_iter();
    let steps = steps.filter_map(|step| match &step.kind {
        StepKind::Receive(wait) => Some((wait.event_type.clone(), LinkKind::Receive)),
        _ => None,
    });
    triggers.chain(steps).collect()
}

fn link_events(
    links: &mut BTreeSet<Link>,
    plans: &[&Plan],
    to: &Plan,
    pattern: &str,
    kind: LinkKind,
) {
    let mut is_fed = false;
    for from in plans {
        for event_type in emitted(from).into_keys() {
            if !matches(pattern, &event_type) {
                continue;
            }
            is_fed = true;
            links.insert(Link {
                from: Some(from.flow.to_string()),
                to: Some(to.flow.to_string()),
                kind,
                by: event_type,
            });
        }
    }
    if !is_fed {
        links.insert(Link {
            from: None,
            to: Some(to.flow.to_string()),
            kind,
            by: pattern.to_owned(),
        });
    }
}

/// Events that leave the flows.
fn unclaimed(links: &mut BTreeSet<Link>, plans: &[&Plan], from: &Plan) {
    for event_type in emitted(from).into_keys() {
        let is_taken = plans
            .iter()
            .flat_map(|plan| wanted(plan))
            .any(|(pattern, _)| matches(&pattern, &event_type));
        if !is_taken {
            links.insert(Link {
                from: Some(from.flow.to_string()),
                to: None,
                kind: LinkKind::Event,
                by: event_type,
            });
        }
    }
}

fn matches(pattern: &str, event_type: &str) -> bool {
    TypePattern::parse(pattern).is_some_and(|pattern| pattern.matches(event_type))
}
