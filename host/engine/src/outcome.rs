//! What came of a run, for the sender of its event who waits for it.

use crate::engine::{Engine, EngineError};
use crate::journal;
use crate::scope::{self, Scope};
use crate::state::{RunState, RunStatus};
use dowel_core::expression::Evaluated;
use dowel_core::journal::Event;
use dowel_core::port::EvaluationRequest;
use dowel_core::{ErrorKind, FlowName, JsonText, RunId};
use dowel_flow::plan::{Respond, TriggerKind};

/// What a status of HTTP may be in an answer of a flow.
const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded, and this is the answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body.
        body: JsonText,
    },
    /// It succeeded, and the answer cannot be made from its output. The reason names
    /// places and types, no values.
    NoAnswer(String),
    /// It ended otherwise, or waits for a person.
    Unsuccessful {
        /// Where it stands.
        status: RunStatus,
        /// The kind of its error, where there is one.
        kind: Option<ErrorKind>,
    },
    /// It has not ended in time, or the host is about to stop.
    Unfinished,
}

impl Engine {
    /// Waits for the end of a run as the trigger of its flow says, and makes the answer
    /// for the sender of its event.
    pub async fn outcome(
        &self,
        run: RunId,
        flow: &FlowName,
        trigger: &str,
    ) -> Result<Outcome, EngineError> {
        let shared = self.shared();
        let Some(plan) = shared.plans.active(flow) else {
            return Ok(Outcome::Unfinished);
        };
        let kind = plan.plan.trigger(trigger).map(|trigger| &trigger.kind);
        let Some(TriggerKind::Webhook {
            respond: Respond::Completed { within, program },
            ..
        }) = kind
        else {
            return Ok(Outcome::Unfinished);
        };
        let draining = shared.draining.clone();
        let end = shared.ports.clock.now().plus(*within);
        tokio::select! {
            biased;
            settled = self.settled(run) => settled?,
            () = draining.cancelled() => return Ok(Outcome::Unfinished),
            () = shared.ports.clock.sleep_until(end) => return Ok(Outcome::Unfinished),
        };
        let entries = journal::load(shared.ports.store.as_ref(), run).await?;
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        let output = entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Succeeded { output, .. } => Some(output.clone()),
            _ => None,
        });
        let has_succeeded = matches!(
            state.status,
            RunStatus::Succeeded | RunStatus::SucceededWithFailures
        );
        let Some(output) = output.filter(|_| has_succeeded) else {
            return Ok(Outcome::Unsuccessful {
                status: state.status,
                kind: state.error.as_ref().map(|(error, _)| error.kind),
            });
        };
        let now = shared.ports.clock.now();
        let mut bindings = scope::bindings(&state, &Scope::default(), &program.needs, now);
        bindings.input = output.clone();
        let request = EvaluationRequest {
            guest: plan.plan.mapping,
            program: program.clone(),
            bindings,
            deadline: shared.options.evaluation_deadline,
        };
        Ok(match shared.ports.mapper.evaluate(request).await {
            Ok(Evaluated::Values(values)) => answer(values, output),
            Ok(Evaluated::Skipped) => answer(Vec::new(), output),
            Err(error) => Outcome::NoAnswer(error.message),
        })
    }
}

/// The outputs of the answer: its status, and its body where the flow makes one.
fn answer(values: Vec<JsonText>, output: JsonText) -> Outcome {
    let mut values = values.into_iter();
    let status = values.next().unwrap_or_else(JsonText::null);
    let body = values.next().unwrap_or(output);
    match status.as_str().parse() {
        Ok(status) if STATUSES.contains(&status) => Outcome::Answer { status, body },
        _ => {
            let what = status.type_name();
            let message =
                format!("`respond.status` is not a number from 200 to 599, but of type {what}");
            Outcome::NoAnswer(message)
        }
    }
}
