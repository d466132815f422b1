//! Turning switches, at once, durably and on record.

use super::{Decision, FlowStatus, SwitchError, SwitchTarget, Switches};
use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::{Engine, Shared};
use dowel_core::{FlowName, RunId};

/// Where a switch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchStatus {
    /// What it is for.
    pub target: SwitchTarget,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether the environment file says that it is on.
    pub enabled_in_file: bool,
    /// The last decision at run time.
    pub decision: Option<Decision>,
}

impl SwitchStatus {
    /// Whether a decision at run time makes it stand elsewhere than the environment file
    /// says.
    pub const fn is_drift(&self) -> bool {
        self.enabled != self.enabled_in_file
    }
}

impl Engine {
    /// Where the flows stand, by name.
    pub fn flow_status(&self) -> Vec<FlowStatus> {
        let plans = self.shared().plans.all();
        let status = plans
            .iter()
            .map(|plan| self.shared().switches.status(&plan.plan));
        status.collect()
    }

    /// The runs that wait behind a run in its concurrency key, the next one first, at
    /// most `limit`.
    pub fn runs_behind(&self, run: RunId, limit: usize) -> Vec<RunId> {
        self.shared().key_lines.behind(run, limit)
    }

    /// The switches about which somebody has decided at run time.
    pub fn switches(&self) -> Vec<SwitchStatus> {
        let switches = &self.shared().switches;
        let decisions = switches.decisions().into_iter();
        decisions
            .map(|(target, decision)| status(switches, target, Some(decision)))
            .collect()
    }

    /// Enables or disables a flow at once and durably. Disabled, it takes no events and
    /// its runs stop before their next step; enabled, they go on.
    ///
    /// # Errors
    /// There is no such flow, the environment file disables it, or the store failed.
    pub async fn switch_flow(
        &self,
        flow: &FlowName,
        enabled: bool,
        deciding: Deciding,
    ) -> Result<FlowStatus, SwitchError> {
        let target = SwitchTarget::Flow(flow.clone());
        self.turn_switch(&target, enabled, deciding).await?;
        let no_such = || SwitchError::NoSuchFlow(flow.clone());
        let plan = self.shared().plans.active(flow).ok_or_else(no_such)?;
        Ok(self.shared().switches.status(&plan.plan))
    }

    /// Turns a switch at once and durably, and puts it on record.
    ///
    /// # Errors
    /// There is nothing of this name, the environment file decides, or the store failed.
    pub async fn turn_switch(
        &self,
        target: &SwitchTarget,
        enabled: bool,
        deciding: Deciding,
    ) -> Result<SwitchStatus, SwitchError> {
        let shared = self.shared();
        is_there(shared, target)?;
        if enabled && shared.switches.is_off_in_file(target) {
            return Err(match target.flow() {
                Some(flow) => SwitchError::InFile(flow.clone()),
                None => return Ok(status(&shared.switches, target.clone(), None)),
            });
        }
        let (actor, reason) = (deciding.actor, deciding.reason.unwrap_or_default());
        let decision = Decision {
            enabled,
            actor: actor.clone(),
            reason: reason.clone(),
            at: shared.ports.clock.now(),
        };
        let before = shared.switches.decisions().remove(target);
        let before = status(&shared.switches, target.clone(), before);
        let word = |enabled| if enabled { "enabled" } else { "disabled" };
        let action = if enabled { "enable" } else { "disable" };
        let draft = Draft {
            origin: deciding.origin,
            reason: Some(reason.clone()),
            flow: target.flow().cloned(),
            before: Some(Standing::of(word(before.enabled))),
            after: Some(Standing::of(word(enabled))),
            ..Draft::new(&actor, action, audited(target))
        };
        let batch = Switches::batch(target, &decision)?;
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        for run in shared.switches.follow(target, decision.clone()) {
            shared.queue.resume(run);
        }
        if let SwitchTarget::Connection(connection) = target {
            shared.protect.switch(connection, !enabled);
        }
        tracing::warn!(%target, actor, reason, "{target} {}", word(enabled));
        Ok(status(&shared.switches, target.clone(), Some(decision)))
    }
}

fn status(switches: &Switches, target: SwitchTarget, decision: Option<Decision>) -> SwitchStatus {
    let enabled_in_file = !switches.is_off_in_file(&target);
    let is_on = decision.as_ref().is_none_or(|decision| decision.enabled);
    SwitchStatus {
        enabled: enabled_in_file && is_on,
        enabled_in_file,
        target,
        decision,
    }
}

fn audited(target: &SwitchTarget) -> AuditTarget {
    match target {
        SwitchTarget::Flow(flow) => AuditTarget::Flow(flow.clone()),
        SwitchTarget::Trigger(..) => AuditTarget::Trigger(target.name()),
        SwitchTarget::Connection(_) => AuditTarget::Connection(target.name()),
    }
}

fn is_there(shared: &Shared, target: &SwitchTarget) -> Result<(), SwitchError> {
    match target {
        SwitchTarget::Flow(flow) => {
            let plan = shared.plans.active(flow);
            plan.map(|_| ())
                .ok_or_else(|| SwitchError::NoSuchFlow(flow.clone()))
        }
        SwitchTarget::Trigger(flow, trigger) => {
            let no_such = || SwitchError::NoSuchFlow(flow.clone());
            let plan = shared.plans.active(flow).ok_or_else(no_such)?;
            let found = plan.plan.trigger(trigger).map(|_| ());
            found.ok_or_else(|| SwitchError::NoSuchTrigger(flow.clone(), trigger.clone()))
        }
        SwitchTarget::Connection(connection) => {
            let plans = shared.plans.all();
            let is_used = plans
                .iter()
                .any(|plan| plan.plan.connectors.contains_key(connection));
            match is_used || shared.protect.knows(connection) {
                true => Ok(()),
                false => Err(SwitchError::NoSuchConnection(connection.clone())),
            }
        }
    }
}
