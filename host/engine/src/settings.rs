//! What an environment says, in the form that the engine works by. It may change while
//! the engine works.

use crate::engine::{EngineOptions, Shared};
use crate::rollout::ChangeRule;
use dowel_core::connection::ConnectionLimits;
use dowel_core::retention::RetentionRules;
use dowel_core::{ConnectionName, FlowName, JsonText};
use dowel_flow::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What an environment says. The fields are those of [`EngineOptions`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// `$env`: the environment's non-secret values, a JSON object.
    pub env: JsonText,
    /// Flows that the environment file disables.
    pub disabled: BTreeSet<FlowName>,
    /// The limits of the connections; the default ones where missing.
    pub limits: BTreeMap<ConnectionName, ConnectionLimits>,
    /// How long finished runs are kept.
    pub retention: RetentionRules,
    /// Who is in which group.
    pub policy: Policy,
    /// Decisions at the exception desk that a second person confirms.
    pub four_eyes: BTreeSet<String>,
    /// Who has to agree to another tree.
    pub rule: ChangeRule,
}

impl Settings {
    pub(crate) fn of(options: &EngineOptions) -> Self {
        Self {
            env: options.env.clone(),
            disabled: options.disabled.clone(),
            limits: options.limits.clone(),
            retention: options.retention.clone(),
            policy: options.policy.clone(),
            four_eyes: options.four_eyes.clone(),
            rule: options.rule.clone(),
        }
    }
}

impl Shared {
    /// What the environment says now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.read().clone()
    }

    /// Takes other settings up: switches and gates follow at once.
    pub(crate) fn change_settings(&self, settings: Settings) {
        let go_on = self.switches.change_file(settings.disabled.clone());
        self.protect.change_limits(&settings.limits);
        *self.settings.write() = Arc::new(settings);
        for run in go_on {
            self.queue.resume(run);
        }
    }
}
