//! The steps that wait for events, for lists.

use super::keys;
use crate::conceal::Concealer;
use crate::plans::ActivePlan;
use crate::state::{ReceiveState, RunState};
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::{FlowName, RunId, StepPath, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest page of a list.
const MAX_PAGE: usize = 500;

/// A step that waits for an event, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenReceive {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// The run's flow.
    pub flow: FlowName,
    /// The flow's version.
    pub version: semver::Version,
    /// CloudEvents `type`, or the beginning of one with `.*` behind it.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The key that the event has to carry, masked.
    pub value: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// When it stops; never without it.
    pub until: Option<Timestamp>,
}

/// A page of the list.
#[derive(Clone, Debug)]
pub struct OpenReceives {
    /// The steps, those that wait for the same together.
    pub waiting: Vec<OpenReceive>,
    /// Pass this as `cursor` for the next page.
    pub next: Option<Vec<u8>>,
}

impl OpenReceive {
    pub(super) fn of(plan: &ActivePlan, state: &RunState, waiting: &ReceiveState) -> Self {
        let (created, awaited) = (&state.created, &waiting.awaited);
        let concealer = Concealer::new([plan]);
        let value = match concealer {
            Some(concealer) => concealer.of_state(state).text(&awaited.value),
            None => awaited.value.clone(),
        };
        Self {
            run: created.run,
            step: awaited.path.clone(),
            flow: created.flow.clone(),
            version: state.version().clone(),
            event_type: awaited.event_type.clone(),
            value,
            since: waiting.since,
            until: awaited.until,
        }
    }
}

/// The steps that wait for events.
pub(crate) async fn list(
    store: &dyn Store,
    cursor: Option<&[u8]>,
    limit: usize,
) -> Result<OpenReceives, StoreError> {
    let limit = limit.clamp(1, MAX_PAGE);
    let mut scan = Scan::prefix(keys::WAITING, limit);
    if let Some(cursor) = cursor.filter(|cursor| cursor.starts_with(keys::WAITING)) {
        scan = scan.after(cursor);
    }
    let rows = store.scan(scan).await?;
    let next = match rows.last() {
        Some((key, _)) if rows.len() == limit => Some(key.clone()),
        _ => None,
    };
    let waiting = rows.iter();
    let waiting = waiting.filter_map(|(_, value)| serde_json::from_slice(value).ok());
    Ok(OpenReceives {
        waiting: waiting.collect(),
        next,
    })
}
