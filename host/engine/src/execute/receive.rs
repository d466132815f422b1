//! A step that waits for an event: the look into its slot, and what the event means.

use super::drive::{DriveError, Driver, Round};
use super::output::Output;
use crate::mailbox::{self, KeptEvent};
use crate::scope::Scope;
use crate::state::{ReceiveState, StepState};
use dowel_core::journal::{Event, EventReceived};
use dowel_core::{JsonText, StepError, StepPath};
use dowel_flow::plan::{Receive, Step};

impl Driver {
    /// Takes the event if it is there, and waits for it otherwise.
    pub(super) async fn receive(
        &mut self,
        (step, plan): (&Step, &Receive),
        path: StepPath,
        scope: &Scope,
        round: &mut Round,
    ) -> Result<(), DriveError> {
        let Some(StepState::Receiving(waiting)) = self.state.steps.get(&path) else {
            return Ok(());
        };
        let waiting = waiting.clone();
        let slot = waiting.slot();
        if self.state.is_first_to_receive(&waiting) && !self.page.watch.has_looked(&slot) {
            let receivers = &self.shared.receivers;
            let ensured = receivers.ensure(&self.shared, &self.plan.plan, &step.id, plan);
            ensured.await?;
            if let Some(kept) = self.look(&waiting).await? {
                let event = self.received(step, plan, &path, scope, kept).await;
                self.record(event)?;
                // The next one may be there for another step.
                self.page.watch.look_again(&slot);
                round.failed = true;
                return Ok(());
            }
        }
        let until = waiting.awaited.until;
        self.listen(until.map(|at| (at, Event::ReceiveExpired { path })), round)
    }

    /// The oldest event in the slot that counts for the run.
    async fn look(&mut self, waiting: &ReceiveState) -> Result<Option<KeptEvent>, DriveError> {
        let store = self.shared.ports.store.as_ref();
        let slot = waiting.slot();
        // Read before the look: an event that comes after it changes it.
        let stamp = mailbox::stamp(store, &slot).await?;
        let (state, began) = (&self.state, self.state.began_with());
        let found = mailbox::oldest(store, &slot, state.events_from(), |identity| {
            began.as_ref() == Some(identity) || state.received.contains(&(slot, *identity))
        });
        let found = found.await?;
        if found.is_none() {
            if let Some(key) = self.page.watch.doubtful(&self.state, waiting)
                && store.get(&key).await?.is_some()
            {
                self.page.watch.is_stored(key);
            }
            self.page.watch.looked(slot, stamp);
        }
        Ok(found)
    }

    /// What an event means for the step that waited for it.
    async fn received(
        &mut self,
        step: &Step,
        plan: &Receive,
        path: &StepPath,
        scope: &Scope,
        kept: KeptEvent,
    ) -> Event {
        match self.value_of(step, plan, path, scope, &kept.event).await {
            Ok(output) => Event::EventReceived(EventReceived {
                path: path.clone(),
                source: kept.source,
                id: kept.id,
                event: kept.event,
                output,
            }),
            Err(error) => {
                let place = error
                    .place
                    .clone()
                    .unwrap_or_else(|| step.position.to_string());
                Event::StepFailed {
                    path: path.clone(),
                    attempt: None,
                    error: error.at(place),
                    deliberate: false,
                }
            }
        }
    }

    /// The step's value where it is not the event itself; either follows the schema.
    async fn value_of(
        &mut self,
        step: &Step,
        plan: &Receive,
        path: &StepPath,
        scope: &Scope,
        event: &JsonText,
    ) -> Result<Option<JsonText>, StepError> {
        let output = Output {
            step,
            path,
            scope,
            program: plan.output.as_ref(),
            raw: event,
        };
        output.value(&self.shared, &self.plan, &self.state).await
    }
}
