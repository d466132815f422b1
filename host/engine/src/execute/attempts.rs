//! Makes the attempts of a run's calls.

use super::call::{self, Attempt};
use super::drive::{DriveError, Driver};
use crate::decide::{self, Next};
use crate::protect::Permit;
use dowel_core::journal::Event;
use dowel_core::manifest::Effect;
use dowel_core::{StepPath, Timestamp};

impl Driver {
    /// Makes the intents durable, and only then calls.
    pub(super) async fn make(
        &mut self,
        permitted: Vec<(Attempt, Permit)>,
    ) -> Result<(), DriveError> {
        let mut must_flush = self.page.has_result();
        for (attempt, _) in &permitted {
            if attempt.call.effect == Effect::Write {
                // The journal has the arguments once.
                let known = self.state.steps.contains_key(&attempt.path);
                let call = (!known).then(|| (*attempt.call).clone());
                let (path, number) = (attempt.path.clone(), attempt.number);
                self.record(Event::CallIntended {
                    path,
                    attempt: number,
                    call,
                })?;
                must_flush = true;
            }
        }
        if must_flush {
            self.flush(Timestamp::default()).await?;
        }
        for (attempt, permit) in permitted {
            let path = attempt.path.clone();
            match call::make(&self.shared, &self.plan, &self.state, attempt, permit) {
                Some(future) => {
                    self.busy.insert(path);
                    self.open.push(future);
                }
                None => self.park_stuck()?,
            }
        }
        Ok(())
    }

    /// Whether an attempt is still due after it waited for its permit.
    pub(super) fn is_wanted(&self, path: &StepPath) -> bool {
        if self.stop.is_some() || self.shared.is_draining() {
            return false;
        }
        let Next::Do(actions) = decide::next(&self.plan.plan, &self.state) else {
            return false;
        };
        actions.iter().any(|action| action.is_attempt_of(path))
    }
}
