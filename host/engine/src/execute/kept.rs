//! What a run reads of earlier runs of its flow, and leaves for later ones.

use super::call::check;
use super::drive::{DriveError, Driver, step_error};
use crate::kept;
use crate::scope::Scope;
use dowel_core::JsonText;
use dowel_core::expression::Evaluated;
use dowel_core::journal::Event;

impl Driver {
    /// Records what the flow keeps, once for each run: `$state` stays the same from here
    /// on.
    pub(super) async fn read_kept(&mut self) -> Result<(), DriveError> {
        let plan = self.plan.clone();
        let Some(state) = &plan.plan.state else {
            return Ok(());
        };
        if self.state.kept.is_some() || self.state.status.is_at_rest() {
            return Ok(());
        }
        let stored = kept::load(self.shared.ports.store.as_ref(), &plan.plan.flow).await?;
        self.record(Event::StateRead {
            values: stored.values(state),
            version: stored.version(),
        })
    }

    /// Records an end of the run. A success takes the new values with it; a run whose
    /// values cannot be computed has not succeeded.
    pub(super) async fn conclude(&mut self, event: Event) -> Result<(), DriveError> {
        let plan = self.plan.clone();
        if let Event::Succeeded { output, .. } = &event
            && let Err(error) = check(plan.output_schema(), output, "the output of the flow")
        {
            return self.record(Event::Parked { error, path: None });
        }
        let (Event::Succeeded { .. }, Some(state), false) =
            (&event, &plan.plan.state, self.state.has_succeeded)
        else {
            return self.record(event);
        };
        let outputs = match self.evaluate(&state.next, &Scope::default()).await {
            Ok(Evaluated::Values(outputs)) => outputs,
            Ok(Evaluated::Skipped) => Vec::new(),
            Err(error) => {
                let error = step_error(error);
                return self.record(Event::Parked { error, path: None });
            }
        };
        let names = state.values.iter().map(|value| value.name.as_str());
        let values = JsonText::object(names.zip(&outputs));
        let flow = &plan.plan.flow;
        let stored = kept::load(self.shared.ports.store.as_ref(), flow).await?;
        let read = self.state.kept.as_ref().map(|kept| kept.version);
        let unseen = stored
            .kept
            .as_ref()
            .filter(|kept| Some(kept.version) != read);
        let over = unseen.map(|kept| kept.run);
        if let Some(over) = over {
            let run = self.state.created.run;
            tracing::warn!(%flow, %run, %over, "the kept state of another run is replaced unseen");
        }
        let version = stored.version() + 1;
        let keeping = stored.keep(flow, self.state.created.run, &values)?;
        self.record(Event::StateWritten {
            values,
            version,
            over,
        })?;
        self.page.keep(keeping);
        self.record(event)
    }
}
