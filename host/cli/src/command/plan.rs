//! `dowel plan`.

use crate::args::{Format, Plan};
use crate::live::LiveHost;
use crate::state::States;
use crate::{connectors, exit, output, wiring};
use anyhow::{Context as _, Result};
use dowel_core::code::change::NOTHING_TO_COMPARE;
use dowel_flow::changes::{Changes, FlowChange};
use dowel_flow::contract::Bump;
use std::process::ExitCode;

pub(crate) async fn run(plan: Plan, format: Format) -> Result<ExitCode> {
    let host = LiveHost::named(&plan.host)?;
    let against = match (&plan.against, &plan.from, &host) {
        (Some(against), ..) => Some(against.clone()),
        (None, None, Some(host)) => Some(host.active_commit().await?),
        _ => None,
    };
    // Compiling takes a processor for a while.
    let compare = tokio::task::spawn_blocking(move || compare(&plan, against.as_deref()));
    let mut changes = compare.await??;
    if let Some(host) = &host {
        host.tell(&mut changes).await;
    }
    let text = match format {
        Format::Markdown => changes.markdown(),
        _ => changes.text(),
    };
    output::print(format, &changes, &text)?;
    Ok(exit::found(is_refused(&changes)))
}

/// The folder against another state, or what a promotion would make of it.
fn compare(plan: &Plan, against: Option<&str>) -> Result<Changes> {
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
        let mut changes = Changes::between(old.as_state(), new.as_state());
        changes.notes = notes;
        return Ok(changes);
    }
    let against = against.with_context(|| format!("{NOTHING_TO_COMPARE}: name a state"))?;
    let old = states.against(against)?;
    let old = states
        .running(&old)
        .with_context(|| format!("the state in `{against}` cannot be compared with"))?;
    let new = states.running(&here)?;
    Ok(Changes::between(old.as_state(), new.as_state()))
}

/// Whether a contract breaks under a version that promises to keep it.
fn is_refused(changes: &Changes) -> bool {
    let promised = |flow: &FlowChange| {
        flow.due == Bump::Major && flow.raised.is_none_or(|raised| raised < Bump::Major)
    };
    changes.flows.iter().any(promised)
}
