//! Which flows take an event, and what each of them makes of it.

use crate::engine::Shared;
use crate::intake::{
    Claim, FlowKeys, IntakeError, Occasion, Origin, Prepared, Violations, check_payload,
    check_switches, flow_keys, prepare,
};
use crate::keys;
use crate::plans::ActivePlan;
use dowel_core::cloud_event::{CloudEvent, TRACEPARENT, TypePattern};
use dowel_core::code::{Code, run as code};
use dowel_core::expression::{Bindings, Evaluated, EvaluationError};
use dowel_core::port::{EvaluationRequest, StoreError};
use dowel_core::{FlowName, JsonText, Timestamp};
use dowel_flow::plan::TriggerKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// For how long a flow without `dedupe` recognises an event by its source and id. Brokers
/// and senders repeat events for days at most.
const DEFAULT_WINDOW: Duration = Duration::from_secs(7 * 86_400);

/// Why a flow did not take an event that its trigger is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The flow.
    pub flow: FlowName,
    /// The trigger.
    pub trigger: String,
    /// The stable code.
    pub code: Code,
    /// One sentence, without values.
    pub message: String,
    /// What the data breaks of the trigger's schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Violations,
}

/// What a flow makes of an event.
pub(crate) enum Taker {
    /// It would begin this run.
    Takes {
        flow: FlowName,
        trigger: String,
        run: Prepared,
    },
    /// Its trigger is for the event, but it cannot take it.
    Refuses(Refusal),
}

/// Asks every active flow, in order of their names. At most one trigger of a flow takes
/// an event: the first one in the order of the file whose filter holds.
///
/// # Errors
/// Something of the host failed, so that nobody knows what the flows would say.
pub(super) async fn ask(shared: &Shared, event: &CloudEvent) -> Result<Vec<Taker>, IntakeError> {
    let mut takers = Vec::new();
    for plan in shared.plans.for_event(&event.event_type) {
        if let Some(taker) = ask_flow(shared, &plan, event).await? {
            takers.push(taker);
        }
    }
    Ok(takers)
}

async fn ask_flow(
    shared: &Shared,
    plan: &ActivePlan,
    event: &CloudEvent,
) -> Result<Option<Taker>, IntakeError> {
    for trigger in &plan.plan.triggers {
        let refuses = |code, message, violations| {
            let flow = plan.plan.flow.clone();
            let trigger = trigger.name.clone();
            Ok(Some(Taker::Refuses(Refusal {
                flow,
                trigger,
                code,
                message,
                violations,
            })))
        };
        match is_for(shared, plan, &trigger.kind, event).await {
            Ok(false) => continue,
            Ok(true) => {}
            Err(Unclear::Host(error)) => return Err(error),
            Err(Unclear::Filter(code, message)) => {
                return refuses(code, message, Violations::new());
            }
        }
        if let Err(error) = check_switches(shared, &plan.plan.flow, &trigger.name) {
            return refuses(error.code(), error.to_string(), Violations::new());
        }
        return offer(shared, plan, &trigger.name, event).await.map(Some);
    }
    Ok(None)
}

/// What a trigger makes of an event that is for it.
pub(crate) async fn offer(
    shared: &Shared,
    plan: &ActivePlan,
    trigger: &str,
    event: &CloudEvent,
) -> Result<Taker, IntakeError> {
    let (flow, trigger_name) = (plan.plan.flow.clone(), trigger.to_owned());
    let refuses = |code, message, violations| {
        Taker::Refuses(Refusal {
            flow: flow.clone(),
            trigger: trigger_name.clone(),
            code,
            message,
            violations,
        })
    };
    match take(shared, plan, trigger, event, Origin::default()).await {
        Ok(run) => Ok(Taker::Takes {
            flow,
            trigger: trigger_name,
            run,
        }),
        Err(IntakeError::Schema(violations)) => {
            let code = IntakeError::Schema(Violations::new()).code();
            let message = "the data breaks the schema of the trigger".to_owned();
            Ok(refuses(code, message, violations))
        }
        Err(error @ (IntakeError::DedupeKey(_) | IntakeError::ConcurrencyKey(_))) => {
            Ok(refuses(error.code(), error.to_string(), Violations::new()))
        }
        Err(error) => Err(error),
    }
}

/// Why it is not known whether a trigger is for an event.
enum Unclear {
    /// The host could not evaluate anything.
    Host(IntakeError),
    /// The filter failed on this event.
    Filter(Code, String),
}

async fn is_for(
    shared: &Shared,
    plan: &ActivePlan,
    kind: &TriggerKind,
    event: &CloudEvent,
) -> Result<bool, Unclear> {
    let TriggerKind::Event {
        event_type,
        source,
        filter,
    } = kind
    else {
        return Ok(false);
    };
    let is_type = TypePattern::parse(event_type).is_some_and(|p| p.matches(&event.event_type));
    if !is_type
        || source
            .as_ref()
            .is_some_and(|source| *source != event.source)
    {
        return Ok(false);
    }
    let Some(filter) = filter else {
        return Ok(true);
    };
    let request = EvaluationRequest {
        guest: plan.plan.mapping,
        program: filter.clone(),
        bindings: Bindings {
            variables: BTreeMap::from([
                ("trigger", event.data.payload()),
                ("env", shared.settings().env.clone()),
            ]),
            ..Bindings::input(seen(event, shared.ports.clock.now()))
        },
        deadline: shared.options.evaluation_deadline,
    };
    let evaluated = match shared.ports.mapper.evaluate(request).await {
        Ok(evaluated) => evaluated,
        Err(error) if is_of_host(&error) => {
            let reason = StoreError::Failed(error.to_string().into());
            return Err(Unclear::Host(IntakeError::Store(reason)));
        }
        Err(error) => {
            let message = format!("the filter failed: {error}");
            return Err(Unclear::Filter(code::FILTER_FAILED, message));
        }
    };
    let value = match evaluated {
        Evaluated::Values(values) => values.into_iter().next().unwrap_or_else(JsonText::null),
        Evaluated::Skipped => JsonText::null(),
    };
    match value.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let found = value.type_name();
            let message = format!("the filter yielded {found}, true or false is needed");
            Err(Unclear::Filter(code::FILTER_NOT_BOOLEAN, message))
        }
    }
}

/// Whether an evaluation failed for a reason that will pass: the same event may be taken
/// a moment later.
fn is_of_host(error: &EvaluationError) -> bool {
    error.code == code::MAPPING_UNAVAILABLE
}

/// The event with its data, as expressions see it that take it in: `.` in a filter.
pub(crate) fn seen(event: &CloudEvent, now: Timestamp) -> JsonText {
    let mut fields = fields(event, now);
    fields.push(("data", event.data.payload()));
    JsonText::object(fields.iter().map(|(name, value)| (*name, value)))
}

/// The attributes of an event. It always has a time.
fn fields(event: &CloudEvent, now: Timestamp) -> Vec<(&'static str, JsonText)> {
    let mut fields = event.fields();
    if event.time.is_none() {
        fields.retain(|(name, _)| *name != "time");
        fields.push(("time", JsonText::string(&now.to_string())));
    }
    fields
}

pub(super) async fn take(
    shared: &Shared,
    plan: &ActivePlan,
    trigger: &str,
    event: &CloudEvent,
    origin: Origin,
) -> Result<Prepared, IntakeError> {
    let payload = event.data.payload();
    check_payload(plan, trigger, &payload)?;
    let now = shared.ports.clock.now();
    let flow = &plan.plan.flow;
    let mut flow_keys = flow_keys(shared, plan, &payload).await?;
    let (key, claim) = match (&plan.plan.dedupe, flow_keys.dedupe.take()) {
        (Some(dedupe), Some(key)) => {
            let claim = Claim::new(keys::dedupe(flow, &key), now.plus(dedupe.window));
            (key, claim)
        }
        _ => {
            let key = keys::event_seen(flow, &event.source, &event.id);
            let claim = Claim::new(key, now.plus(DEFAULT_WINDOW)).noted();
            (event.id.clone(), claim)
        }
    };
    let traceparent = event.extensions.get(TRACEPARENT);
    let occasion = Occasion {
        trigger: trigger.to_owned(),
        payload,
        fields: fields(event, now),
        traceparent: traceparent.and_then(JsonText::as_string),
        keys: FlowKeys {
            dedupe: Some(key),
            ..flow_keys
        },
        claims: vec![claim],
        now,
        origin,
    };
    prepare(shared, plan, occasion)
}
