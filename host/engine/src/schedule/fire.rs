//! One fire: a run, the claim of its key and the moved position, in one batch.

use super::position::{LastFire, Position};
use super::{Wheel, broken};
use crate::engine::Shared;
use crate::intake::{self, Accepted, Claim, FlowKeys, IntakeError, Occasion, Origin};
use crate::keys;
use dowel_core::port::{Batch, StoreError};
use dowel_core::{JsonText, Timestamp};
use std::time::Duration;

/// How long the key of a fire is kept. The position alone forbids a second run of the
/// same fire; the key does it still if the position is lost.
const KEY_WINDOW: Duration = Duration::from_secs(400 * 86_400);

/// Why a fire has not become a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FireError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

/// Begins the run of a fire. Returns the position as it is now in the store.
pub(super) async fn fire(
    shared: &Shared,
    wheel: &Wheel,
    planned: Timestamp,
    mut position: Position,
) -> Result<(Position, Vec<u8>), FireError> {
    intake::check_open(shared)?;
    let flow = &wheel.plan.plan.flow;
    let fired_at = shared.ports.clock.now();
    let mut occasion = occasion(wheel, planned, fired_at);
    occasion.keys.concurrency = concurrency_key(shared, wheel, &occasion.payload).await;
    let prepared = intake::prepare(shared, &wheel.plan, occasion)?;
    let last = |run| LastFire {
        planned,
        fired_at,
        run,
    };
    position.last = Some(last(prepared.run()));
    let place = keys::schedule(flow, &wheel.trigger);
    let bytes = serde_json::to_vec(&position).map_err(broken)?;
    let mut with = Batch::default();
    with.require_equal(place.clone(), wheel.bytes.clone())
        .put(place.clone(), bytes.clone());
    let accepted = intake::begin(shared, std::slice::from_ref(&prepared), &with.into()).await?;
    let Some(Accepted::Duplicate(run)) = accepted.first() else {
        return Ok((position, bytes));
    };
    // The fire has its run already: only the position was lost.
    position.last = Some(last(*run));
    let bytes = super::write(shared, place, Some(bytes), &position).await?;
    Ok((position, bytes))
}

/// The flow's concurrency key of the fire, if it has one.
async fn concurrency_key(shared: &Shared, wheel: &Wheel, payload: &JsonText) -> Option<String> {
    wheel.plan.plan.concurrency.as_ref()?;
    match intake::flow_keys(shared, &wheel.plan, payload).await {
        Ok(keys) => keys.concurrency,
        Err(error) => {
            // Trying again would not help, and `overlap` keeps the fires apart.
            let flow = &wheel.plan.plan.flow;
            tracing::warn!(%flow, trigger = wheel.trigger, %error, "the fire has no concurrency key");
            None
        }
    }
}

fn occasion(wheel: &Wheel, planned: Timestamp, fired_at: Timestamp) -> Occasion {
    let flow = &wheel.plan.plan.flow;
    let (planned_text, fired) = (planned.to_string(), fired_at.to_string());
    let payload = JsonText::object([
        ("scheduled_at", &JsonText::string(&planned_text)),
        ("fired_at", &JsonText::string(&fired)),
    ]);
    let key = format!("{flow}/{}/{planned}", wheel.trigger);
    let empty = || JsonText::object([]);
    Occasion {
        trigger: wheel.trigger.clone(),
        payload,
        fields: vec![
            ("type", JsonText::string("schedule")),
            ("time", JsonText::string(&planned_text)),
            ("headers", empty()),
            ("query", empty()),
            ("path", JsonText::string("")),
        ],
        traceparent: None,
        claims: vec![Claim::new(
            keys::dedupe(flow, &key),
            fired_at.plus(KEY_WINDOW),
        )],
        keys: FlowKeys {
            dedupe: Some(key),
            concurrency: None,
        },
        now: fired_at,
        origin: Origin::default(),
    }
}
