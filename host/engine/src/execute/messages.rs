//! The driver's side of the inbox.

use super::drive::{DriveError, Driver};
use crate::desk::Draft;
use crate::inbox::{self, Message};
use crate::state::Slot;
use crate::{intake, keys};
use dowel_core::journal::{Command, Commanded, Event};

impl Driver {
    /// Takes up what has come in since the last look.
    pub(super) async fn read_inbox(&mut self) -> Result<(), DriveError> {
        self.seat.answer();
        let run = self.state.created.run;
        for (key, message) in inbox::read(&self.shared, run).await? {
            if self.page.has_taken(&key) {
                continue;
            }
            let verdict = match message {
                Ok(Message::Command(commanded)) => self.command(commanded).await?,
                Ok(Message::ChildEnded {
                    path,
                    attempt,
                    run,
                    end,
                }) => self.child_ended(path, attempt, run, end),
                Ok(Message::ChildReplaced { path, attempt, run }) => {
                    self.child_replaced(path, attempt, run)
                }
                Ok(Message::Mail { receiver, value }) => {
                    self.page.watch.look_again(&Slot { receiver, value });
                    Ok(())
                }
                Err(reason) => Err(reason),
            };
            if let Err(reason) = &verdict {
                tracing::warn!(%run, reason, "a message to the run was refused");
            }
            self.page.take_message(key, verdict);
        }
        Ok(())
    }

    async fn command(
        &mut self,
        mut commanded: Commanded,
    ) -> Result<Result<(), String>, DriveError> {
        if let Command::Decide { groups, .. } = &mut commanded.command {
            // The policy that holds now, not the one when it was sent.
            *groups = self.shared.settings().policy.groups_of(&commanded.actor.0);
        }
        let releases = commanded.command == Command::Discard { keep_key: false };
        let other = match &commanded.command {
            Command::RetryOn { other, .. } => {
                let plans = &self.shared.plans;
                let store = self.shared.ports.store.as_ref();
                Some(plans.pinned(store, other.plan).await?)
            }
            _ => None,
        };
        let mut draft = Draft::of_command(&commanded, &self.state);
        let verdict = self.try_record(Event::Commanded(commanded));
        draft.end(&self.state, &verdict);
        self.page.audit(draft);
        if let (Some(plan), Ok(())) = (other, &verdict) {
            self.plan = plan.clone();
            self.page.move_to(plan);
        }
        if releases && verdict.is_ok() {
            self.release_dedupe_key().await?;
        }
        Ok(verdict)
    }

    /// The next event with the key of this run begins a run of its own.
    async fn release_dedupe_key(&mut self) -> Result<(), DriveError> {
        let created = &self.state.created;
        if let Some(key) = &created.dedupe_key {
            let key = keys::dedupe(&created.flow, key);
            let store = &self.shared.ports.store;
            let bytes = store.get(&key).await?;
            let owner = bytes.filter(|bytes| intake::owner_of(bytes) == Some(created.run));
            self.page.release(owner.map(|bytes| (key, bytes)));
        }
        Ok(())
    }

    /// Records an event from outside, which the run may refuse.
    pub(super) fn try_record(&mut self, event: Event) -> Result<(), String> {
        let at = self.shared.ports.clock.now();
        self.page.try_record(&mut self.state, at, event)
    }
}
