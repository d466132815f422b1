//! A page of events becomes runs, in the same batch as the cursor behind it.

use super::position::{Position, Stored};
use crate::engine::Shared;
use crate::events::{Refusal, Taker, keep_refusal, of_connector, offer};
use crate::intake::{self, Accepted, IntakeError, Prepared};
use crate::plans::ActivePlan;
use dowel_core::cloud_event::CloudEvent;
use dowel_core::port::{SourcePage, StoreError};
use dowel_flow::plan::Poll;

/// What the `source` of polled events begins with.
const SOURCE: &str = "urn:dowel:source:";

/// What became of the events of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Those that began runs.
    pub(super) events: u64,
    /// Those that were known already.
    pub(super) duplicates: u64,
}

/// Takes the events of a page, and moves the position behind them. On `Ok` it is on disk;
/// otherwise nothing of it is.
pub(super) async fn take(
    shared: &Shared,
    (plan, trigger, poll): (&ActivePlan, &str, &Poll),
    stored: &Stored,
    page: &SourcePage,
) -> Result<Taken, IntakeError> {
    let now = shared.ports.clock.now();
    let mut position = Position {
        failing: None,
        ..stored.position.clone()
    };
    if page.cursor.is_some() {
        position.cursor.clone_from(&page.cursor);
        position.moved_at = Some(now);
    }
    let mut runs: Vec<Prepared> = Vec::new();
    let mut refused: Vec<(CloudEvent, Refusal)> = Vec::new();
    for event in &page.events {
        let event = of_connector(SOURCE, (&poll.connection, &poll.source), event);
        match offer(shared, plan, trigger, &event).await? {
            Taker::Takes { run, .. } => runs.push(run),
            Taker::Refuses(refusal) => refused.push((event, refusal)),
        }
    }
    if runs.is_empty() && refused.is_empty() && position == stored.position {
        return Ok(Taken::default());
    }
    let mut batch = stored.moves(&position)?;
    for (event, refusal) in &refused {
        let failed = |e: serde_json::Error| StoreError::Failed(e.to_string().into());
        keep_refusal(shared, event, refusal, &mut batch).map_err(failed)?;
        let (flow, code) = (&refusal.flow, refusal.code);
        tracing::warn!(%flow, trigger, id = event.id, %code, "a polled event is refused and kept");
    }
    let accepted = intake::begin(shared, &runs, &batch.into()).await?;
    shared.metrics.undelivered(refused.len() as u64);
    let count = |is: fn(&Accepted) -> bool| accepted.iter().filter(|one| is(one)).count() as u64;
    Ok(Taken {
        events: count(|one| matches!(one, Accepted::New(_))),
        duplicates: count(|one| matches!(one, Accepted::Duplicate(_))),
    })
}
