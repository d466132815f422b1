//! Rerun: another run of the same event, on the active version of the flow.

use super::decide::Deciding;
use super::keys;
use crate::children;
use crate::command::CommandError;
use crate::engine::{Engine, EngineError, Shared};
use crate::inbox::{self, Message};
use crate::intake::{
    Accepted, FlowKeys, IntakeError, Occasion, Origin, Prepared, begin, check_open, check_payload,
    flow_keys, prepare,
};
use crate::journal;
use crate::state::RunState;
use dowel_core::RunId;
use dowel_core::journal::{Actor, Command, Commanded};
use dowel_core::port::{Batch, StoreError};

impl Engine {
    /// Begins another run of a run's event, and writes `with` in the same batch. Both
    /// runs name each other; the first one is decided about by that.
    pub(super) async fn rerun_with(
        &self,
        run: RunId,
        deciding: Deciding,
        mut with: Batch,
    ) -> Result<RunId, CommandError> {
        let shared = self.shared();
        check_open(shared)?;
        let store = shared.ports.store.as_ref();
        let entries = journal::load(store, run).await.map_err(EngineError::from)?;
        if entries.is_empty() {
            return Err(CommandError::NoSuchRun(run));
        }
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        check_state(&state)?;
        let prepared = prepare_again(shared, &state).await?;
        let again = prepared.run();
        let refuse = |reason: String| Err(CommandError::RerunRefused(reason));
        if let Some(other) = prepared.dropped_for() {
            return refuse(format!(
                "run {other} of the same concurrency key is at work, and the flow says `when_full: drop`"
            ));
        }
        let mark = keys::rerun(run);
        with.require_absent(mark.clone())
            .put(mark.clone(), again.to_string().into_bytes());
        let message = Message::Command(Commanded {
            actor: Actor(deciding.actor),
            reason: deciding.reason,
            confirmed_by: deciding.confirmed_by.map(Actor),
            origin: deciding.origin,
            bulk: deciding.bulk,
            command: Command::Rerun { run: again },
        });
        let pending = inbox::prepare(shared, &mut with, run, &message)?;
        let parent = state.created.parent.as_ref();
        let parent = parent.filter(|parent| !parent.detached);
        if let Some(parent) = parent {
            let message = Message::ChildReplaced {
                path: parent.step.clone(),
                attempt: parent.attempt,
                run: again,
            };
            inbox::add(shared, &mut with, parent.run, &message)?;
        }
        let with = with.into();
        match begin(shared, std::slice::from_ref(&prepared), &with).await {
            Ok(accepted) => {
                let verdict = pending.sent(shared);
                if let Some(parent) = parent {
                    inbox::wake(shared, parent.run);
                }
                self.wait_for(verdict).await;
                let first = accepted.first().map_or(again, Accepted::run);
                Ok(first)
            }
            Err(error) => {
                pending.forget(shared);
                match error {
                    IntakeError::Store(StoreError::Conflict(key)) if key == mark => {
                        refuse("the run was rerun already".to_owned())
                    }
                    other => Err(other.into()),
                }
            }
        }
    }

    /// The first run's own journal says so when this returns, unless the host stops.
    async fn wait_for(&self, verdict: tokio::sync::oneshot::Receiver<inbox::Verdict>) {
        let draining = self.shared().draining.clone();
        tokio::select! {
            biased;
            _ = verdict => {}
            () = draining.cancelled() => {}
        }
    }
}

fn check_state(state: &RunState) -> Result<(), CommandError> {
    let refuse = |reason: String| Err(CommandError::RerunRefused(reason));
    if let Some(other) = state.rerun_as {
        return refuse(format!("the run was rerun already, as {other}"));
    }
    if !state.status.is_at_rest() {
        return refuse(format!(
            "the run is {}; it can be rerun when it has ended or is parked",
            state.status.name()
        ));
    }
    Ok(())
}

/// The event, as the active version of the flow takes it. Duplicates are not looked for:
/// this is one.
async fn prepare_again(shared: &Shared, state: &RunState) -> Result<Prepared, CommandError> {
    let created = &state.created;
    let refuse = |reason: String| CommandError::RerunRefused(reason);
    let flow = &created.flow;
    let plan = shared.plans.active(flow);
    let plan = plan.ok_or_else(|| refuse(format!("no version of the flow `{flow}` is active")))?;
    if plan.plan.trigger(&created.trigger).is_none() {
        return Err(refuse(format!(
            "version {} of the flow has no trigger `{}`",
            plan.plan.version, created.trigger
        )));
    }
    if shared.switches.is_disabled(flow) {
        return Err(IntakeError::FlowDisabled(flow.clone()).into());
    }
    match check_payload(&plan, &created.trigger, &created.payload) {
        Err(IntakeError::Schema(violations)) => {
            return Err(CommandError::Invalid {
                what: "the payload",
                violations,
            });
        }
        checked => checked?,
    }
    // The keys of a schedule's fire and of an event without `dedupe` are not computed.
    let computed = flow_keys(shared, &plan, &created.payload).await;
    let computed = match computed {
        Ok(computed) => computed,
        Err(_) if plan.plan.dedupe.is_none() => FlowKeys::default(),
        Err(error) => return Err(error.into()),
    };
    let occasion = Occasion {
        trigger: created.trigger.clone(),
        payload: created.payload.clone(),
        fields: Vec::new(),
        traceparent: None,
        keys: FlowKeys {
            dedupe: created.dedupe_key.clone(),
            concurrency: computed.concurrency,
        },
        claims: Vec::new(),
        now: shared.ports.clock.now(),
        origin: Origin {
            rerun_of: Some((created.run, created.event.clone(), created.generation)),
            // What came for the run before it is for the same business as well.
            events_from: Some(state.events_from()),
            parent: created
                .parent
                .clone()
                .map(|parent| (parent, children::rerun_generation(created.run))),
            ..Origin::default()
        },
    };
    Ok(prepare(shared, &plan, occasion)?)
}
