//! Another version of the flow for a run that has begun, if what the run has done already
//! fits it.

use crate::command::CommandError;
use crate::engine::{Engine, EngineError};
use crate::journal;
use crate::state::{RunState, StepState};
use dowel_core::RunId;
use dowel_core::journal::OtherPlan;
use dowel_core::port::Scan;
use dowel_flow::plan::{Block, Plan, Step, StepKind};
use std::collections::BTreeSet;
use std::mem::discriminant;

/// Plans that are read at a time.
const PLANS_PER_SCAN: usize = 64;

impl Engine {
    /// A version of a run's flow that the run can go on with.
    pub(super) async fn other_plan(
        &self,
        run: RunId,
        version: &semver::Version,
    ) -> Result<OtherPlan, CommandError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let entries = journal::load(store, run).await.map_err(EngineError::from)?;
        if entries.is_empty() {
            return Err(CommandError::NoSuchRun(run));
        }
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        let pinned = shared.plans.pinned(store, state.plan()).await;
        let old = pinned.map_err(EngineError::from)?;
        let other = self.plan_of(&old.plan, version).await?;
        fits(&old.plan, &other, &state).map_err(CommandError::VersionRefused)?;
        let digest = other
            .digest()
            .map_err(|e| EngineError::Journal(e.to_string()))?;
        if crate::retire::is_retired(store, &digest).await? {
            let reason = format!("version {version} of `{}` is retired", old.plan.flow);
            return Err(CommandError::VersionRefused(reason));
        }
        Ok(OtherPlan {
            version: other.version,
            plan: digest,
            commit: other.commit,
            connectors: other.connectors,
            mapping: other.mapping,
        })
    }

    /// The active plan if it is of that version, or else the only stored one.
    async fn plan_of(&self, old: &Plan, version: &semver::Version) -> Result<Plan, CommandError> {
        let shared = self.shared();
        let active = shared.plans.active(&old.flow);
        if let Some(active) = active.filter(|active| active.plan.version == *version) {
            return Ok(active.plan.clone());
        }
        let mut found = Vec::new();
        let mut scan = Scan::prefix(crate::keys::PLAN, PLANS_PER_SCAN);
        loop {
            let rows = shared.ports.store.scan(scan.clone()).await?;
            for (_, value) in &rows {
                let plan = serde_json::from_slice::<Plan>(value).ok();
                found.extend(plan.filter(|p| p.flow == old.flow && p.version == *version));
            }
            match rows.last() {
                Some((key, _)) if rows.len() == PLANS_PER_SCAN => scan = scan.after(key.clone()),
                _ => break,
            }
        }
        let refuse = |reason: String| Err(CommandError::VersionRefused(reason));
        match (found.pop(), found.is_empty()) {
            (Some(plan), true) => Ok(plan),
            (Some(_), false) => refuse(format!(
                "there are several plans of version {version} of `{}`; make the one that is meant active",
                old.flow
            )),
            (None, _) => refuse(format!(
                "there is no version {version} of `{}` on this host",
                old.flow
            )),
        }
    }
}

/// Whether everything that has begun is where it was, and nothing new is before it.
fn fits(old: &Plan, new: &Plan, state: &RunState) -> Result<(), String> {
    let begun: BTreeSet<&str> = state.steps.keys().map(|path| path.id()).collect();
    block_fits(&old.steps, &new.steps, &begun)?;
    for (path, step) in &state.steps {
        let (Some(before), Some(after)) = (old.step_at(path), new.step_at(path)) else {
            return Err(format!("the other version has no step `{path}`"));
        };
        let is_open = !matches!(step, StepState::Done(_) | StepState::Skipped);
        if let (StepKind::Call(before), StepKind::Call(after)) = (&before.kind, &after.kind)
            && is_open
            && (before.connection != after.connection || before.operation != after.operation)
        {
            return Err(format!(
                "step `{path}` calls `{}.{}` in the other version",
                after.connection, after.operation
            ));
        }
        if let (StepKind::Run(before), StepKind::Run(after)) = (&before.kind, &after.kind)
            && is_open
            && before.flow != after.flow
        {
            let flow = &after.flow;
            return Err(format!("step `{path}` runs `{flow}` in the other version"));
        }
    }
    Ok(())
}

/// The steps up to the last one that has begun are the same ones.
fn block_fits(old: &Block, new: &Block, begun: &BTreeSet<&str>) -> Result<(), String> {
    let has_begun = |step: &Step| holds_begun(step, begun);
    let Some(last) = old.iter().rposition(has_begun) else {
        return Ok(());
    };
    for (index, before) in old.iter().enumerate().take(last + 1) {
        let id = &before.id;
        let Some(after) = new.get(index).filter(|after| after.id == *id) else {
            return Err(format!(
                "step `{id}` is not at the same place in the other version"
            ));
        };
        if discriminant(&before.kind) != discriminant(&after.kind) {
            return Err(format!(
                "step `{id}` is of another kind in the other version"
            ));
        }
        let (inner_old, inner_new) = (before.blocks(), after.blocks());
        if inner_old.len() != inner_new.len() {
            return Err(format!(
                "step `{id}` has other branches in the other version"
            ));
        }
        for (old, new) in inner_old.into_iter().zip(inner_new) {
            block_fits(old, new, begun)?;
        }
    }
    Ok(())
}

fn holds_begun(step: &Step, begun: &BTreeSet<&str>) -> bool {
    let mut inner = step.blocks().into_iter().flatten();
    begun.contains(step.id.as_str()) || inner.any(|step| holds_begun(step, begun))
}
