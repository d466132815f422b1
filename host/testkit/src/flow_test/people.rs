//! The people of a case: they answer approvals as its mocks say.

use super::mocks::{Mocks, Said};
use crate::VirtualClock;
use dowel_core::RunId;
use dowel_core::StepPath;
use dowel_core::Timestamp;
use dowel_core::journal::Actor;
use dowel_core::port::Clock;
use dowel_engine::{ApprovalsQuery, Engine, OpenApproval, PersonDecides};
use dowel_flow::flow_test::{Case, Outcome};
use dowel_flow::plan::{Plan, StepKind};
use dowel_flow::policy::Policy;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Approvals that are looked at in one turn.
const MAX_OPEN: usize = 500;

/// Those who decide.
pub(super) struct People {
    /// Whether a flow asks anybody.
    are_asked: bool,
    mocks: Arc<Mocks>,
    clock: VirtualClock,
    seen: Mutex<BTreeSet<(RunId, StepPath, Timestamp)>>,
    unanswered: Mutex<Vec<OpenApproval>>,
    /// The first decision that did not count, and why.
    refused: Arc<Mutex<Option<String>>>,
}

/// Everybody who decides in a case is in every group: a case tests the flow, and not who
/// is in which group today.
pub(super) fn policy(plans: &[Plan], case: &Case) -> Policy {
    let mut people = BTreeSet::new();
    for answer in case.mocks.values().flatten() {
        if let Outcome::Decide { by, .. } = &answer.outcome {
            people.insert(by.clone());
        }
    }
    let people: Vec<String> = people.into_iter().collect();
    let steps = plans.iter().flat_map(Plan::all_steps);
    let groups = steps.filter_map(|step| match &step.kind {
        StepKind::Approve(approve) => {
            let further = approve.escalate.iter().flat_map(|stage| &stage.groups);
            Some(approve.groups.iter().chain(further))
        }
        _ => None,
    });
    Policy {
        groups: groups
            .flatten()
            .map(|group| (group.clone(), people.clone()))
            .collect(),
        ..Policy::default()
    }
}

impl People {
    pub(super) fn new(plans: &[Plan], mocks: Arc<Mocks>, clock: VirtualClock) -> Self {
        let asks = |kind: &StepKind| matches!(kind, StepKind::Approve(_));
        Self {
            are_asked: plans
                .iter()
                .flat_map(Plan::all_steps)
                .any(|step| asks(&step.kind)),
            mocks,
            clock,
            seen: Mutex::default(),
            unanswered: Mutex::default(),
            refused: Arc::default(),
        }
    }

    /// Approvals that the case says nothing about.
    pub(super) fn unanswered(&self) -> Vec<OpenApproval> {
        self.unanswered.lock().clone()
    }

    /// The first decision that did not count, and why.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// Answers what is asked; ends when the case says nothing about an approval.
    pub(super) async fn answer(&self, engine: &Engine) {
        if !self.are_asked {
            std::future::pending::<()>().await;
        }
        let query = ApprovalsQuery {
            limit: MAX_OPEN,
            ..ApprovalsQuery::default()
        };
        loop {
            let page = engine.approvals(&query).await;
            for open in page.map(|page| page.approvals).unwrap_or_default() {
                let key = (open.run, open.step.clone(), open.asked_at);
                if self.seen.lock().insert(key) && !self.hear(engine, &open) {
                    self.unanswered.lock().push(open);
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether the case says something about an approval.
    fn hear(&self, engine: &Engine, open: &OpenApproval) -> bool {
        let Said::Answer(answer) = self.mocks.approval(open) else {
            return false;
        };
        let Outcome::Decide {
            decision,
            by,
            comment,
        } = answer.outcome
        else {
            return true;
        };
        let wanted = PersonDecides {
            run: open.run,
            step: open.step.clone(),
            decision,
            actor: Actor(by),
            comment,
            origin: None,
        };
        let at = open.asked_at.plus(answer.after);
        let (engine, clock) = (engine.clone(), self.clock.clone());
        let refused = Arc::clone(&self.refused);
        tokio::spawn(async move {
            clock.sleep_until(at).await;
            if let Err(error) = engine.decide_approval(&wanted).await {
                let (step, by) = (&wanted.step, &wanted.actor.0);
                let message = format!(
                    "the decision `{}` by {by} about `{step}` does not count: {}: {error}",
                    wanted.decision,
                    error.code()
                );
                refused.lock().get_or_insert(message);
            }
        });
        true
    }
}
