//! `dowel plan`.

use super::replay_check::{Pair, check};
use crate::args::{Format, Plan};
use crate::live::LiveHost;
use crate::state::{KnownState, States};
use crate::{connectors, exit, output, wiring};
use anyhow::{Context as _, Result};
use dowel_core::FlowName;
use dowel_core::code::change::NOTHING_TO_COMPARE;
use dowel_core::port::Mapper;
use dowel_flow::changes::{Changes, FlowChange};
use dowel_flow::contract::Bump;
use dowel_testkit::flow_test::{Specs, specs};
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) async fn run(plan: Plan, format: Format) -> Result<ExitCode> {
    let host = LiveHost::named(&plan.host)?;
    let against = match (&plan.against, &plan.from, &host) {
        (Some(against), ..) => Some(against.clone()),
        (None, None, Some(host)) => Some(host.active_commit().await?),
        _ => None,
    };
    let (replay, named) = (plan.replay, plan.host.clone());
    // Compiling takes a processor for a while.
    let compare = tokio::task::spawn_blocking(move || compare(&plan, against.as_deref()));
    let Compared {
        mut changes,
        before,
        after,
        specs,
        mapper,
    } = compare.await??;
    if let Some(host) = &host {
        host.tell(&mut changes).await;
    }
    if let Some(runs) = replay {
        let flows: Vec<FlowName> = changes
            .flows
            .iter()
            .filter_map(|one| one.flow.parse().ok())
            .collect();
        for flow in flows {
            let has = |plans: &[dowel_flow::plan::Plan]| plans.iter().any(|one| one.flow == flow);
            if !has(&before) || !has(&after) {
                continue;
            }
            let pair = Pair {
                before: before.clone(),
                after: after.clone(),
                flow,
            };
            let report = check(&pair, &named, runs.into(), &specs, mapper.clone()).await?;
            changes.notes.push(report.text().trim_end().to_owned());
        }
    }
    let text = match format {
        Format::Markdown => changes.markdown(),
        _ => changes.text(),
    };
    output::print(format, &changes, &text)?;
    Ok(exit::found(is_refused(&changes)))
}

/// What was compared, and what runs can be replayed with.
struct Compared {
    changes: Changes,
    before: Vec<dowel_flow::plan::Plan>,
    after: Vec<dowel_flow::plan::Plan>,
    specs: Specs,
    mapper: Arc<dyn Mapper>,
}

/// The folder against another state, or what a promotion would make of it.
fn compare(plan: &Plan, against: Option<&str>) -> Result<Compared> {
    let repository = &plan.repository;
    let connectors = connectors::read_manifests(repository)?;
    let mapping = wiring::mapping(repository)?;
    let states = States {
        repository,
        connectors: &connectors,
        mapping: &mapping,
    };
    let here = states.here()?;
    if let Some(from) = &plan.from {
        let (promoted, notes) = states.promoted(&here, from)?;
        let (old, new) = (states.running(&here)?, states.running(&promoted)?);
        let mut compared = states.compared(old, new);
        compared.changes.notes = notes;
        return Ok(compared);
    }
    let against = against.with_context(|| format!("{NOTHING_TO_COMPARE}: name a state"))?;
    let old = states.against(against)?;
    let old = states
        .running(&old)
        .with_context(|| format!("the state in `{against}` cannot be compared with"))?;
    let new = states.running(&here)?;
    Ok(states.compared(old, new))
}

impl States<'_> {
    fn compared(&self, old: KnownState, new: KnownState) -> Compared {
        let changes = Changes::between(old.as_state(), new.as_state());
        let all: Vec<&dowel_flow::plan::Plan> = old.plans.iter().chain(&new.plans).collect();
        Compared {
            specs: specs(&all, self.connectors),
            mapper: Arc::new(self.mapping.clone()),
            changes,
            before: old.plans,
            after: new.plans,
        }
    }
}

/// Whether a contract breaks under a version that promises to keep it.
fn is_refused(changes: &Changes) -> bool {
    let promised = |flow: &FlowChange| {
        flow.due == Bump::Major && flow.raised.is_none_or(|raised| raised < Bump::Major)
    };
    changes.flows.iter().any(promised)
}
