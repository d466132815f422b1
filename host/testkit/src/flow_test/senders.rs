//! The senders of a case: they send the events that its mocks say.

use super::mocks::{Mocks, Said};
use crate::VirtualClock;
use dowel_core::port::Clock;
use dowel_core::{CloudEvent, RunId, StepPath, Timestamp};
use dowel_engine::{Engine, OpenReceive, PublishError};
use dowel_flow::flow_test::Outcome;
use dowel_flow::plan::{Plan, StepKind};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Steps that are looked at in one turn.
const MAX_OPEN: usize = 500;

/// Those who send events.
pub(super) struct Senders {
    /// Whether the flow waits for any.
    are_awaited: bool,
    mocks: Arc<Mocks>,
    clock: VirtualClock,
    seen: Mutex<BTreeSet<(RunId, StepPath, Timestamp)>>,
    unanswered: Mutex<Vec<OpenReceive>>,
    refused: Mutex<Option<String>>,
}

impl Senders {
    pub(super) fn new(plan: &Plan, mocks: Arc<Mocks>, clock: VirtualClock) -> Arc<Self> {
        let waits = |kind: &StepKind| matches!(kind, StepKind::Receive(_));
        Arc::new(Self {
            are_awaited: plan.all_steps().iter().any(|step| waits(&step.kind)),
            mocks,
            clock,
            seen: Mutex::default(),
            unanswered: Mutex::default(),
            refused: Mutex::default(),
        })
    }

    /// Steps that the case says nothing about.
    pub(super) fn unanswered(&self) -> Vec<OpenReceive> {
        self.unanswered.lock().clone()
    }

    /// Why the flow could not judge an event.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// Sends what is waited for; ends when the case says nothing about a step.
    pub(super) async fn send(self: &Arc<Self>, engine: &Engine) {
        if !self.are_awaited {
            std::future::pending::<()>().await;
        }
        loop {
            let page = engine.open_receives(None, MAX_OPEN).await;
            for open in page.map(|page| page.waiting).unwrap_or_default() {
                let key = (open.run, open.step.clone(), open.since);
                if self.seen.lock().insert(key) && !self.hear(engine, &open) {
                    self.unanswered.lock().push(open);
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Whether the case says something about a step that waits.
    fn hear(self: &Arc<Self>, engine: &Engine, open: &OpenReceive) -> bool {
        let Said::Answer(answer) = self.mocks.receive(open) else {
            return false;
        };
        let Outcome::Event { event, id } = answer.outcome else {
            return true;
        };
        let mut event = *event;
        let at = open.since.plus(answer.after);
        // The same answer once more is another event.
        let number = self.seen.lock().len();
        event.id = id.unwrap_or_else(|| format!("{}-{number}", open.step));
        let (engine, senders, step) = (engine.clone(), Arc::clone(self), open.step.clone());
        tokio::spawn(async move {
            senders.clock.sleep_until(at).await;
            senders.publish(&engine, step, event).await;
        });
        true
    }

    async fn publish(&self, engine: &Engine, step: StepPath, event: CloudEvent) {
        let Err(error) = engine.publish(&[event]).await else {
            return;
        };
        let why = match &error {
            PublishError::Refused(all) => all
                .iter()
                .flat_map(|(_, refusals)| refusals)
                .map(|refusal| format!("{}: {}", refusal.code, refusal.message))
                .next(),
            PublishError::Intake(_) => None,
        };
        let why = why.unwrap_or_else(|| error.to_string());
        let message = format!("the event that is mocked for `{step}` is refused: {why}");
        self.refused.lock().get_or_insert(message);
    }
}
