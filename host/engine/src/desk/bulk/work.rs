//! Works bulk operations off, a few items at a time, and writes down how far it has come.

use super::begin::{CHUNK, Place};
use super::{Bulk, BulkFailure, BulkState, KEPT, chunk, encode, forget_items, get, put};
use crate::command::CommandError;
use crate::desk::decide::Deciding;
use crate::desk::propose::check_as_seen;
use crate::desk::{index, keys};
use crate::engine::{Engine, EngineError, Shared};
use crate::intake::IntakeError;
use dowel_core::connection::Rate;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, RunId, Timestamp};
use futures_util::future;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Items that are decided about at the same time, so that the store writes them together.
const WINDOW: usize = 128;

/// For how long an operation with a rate works at a time: progress is seen to go on, and
/// the upstream gets no bursts.
const SLICE: Duration = Duration::from_millis(250);

/// How long an operation waits that the host is too busy for, or that the store refused.
const PAUSE: Duration = Duration::from_millis(100);

/// Operations that are read at a time.
const ROWS_PER_SCAN: usize = 256;

/// Failures of one operation that are written down: more tell nothing new.
const MAX_FAILURES: u64 = 1_000;

/// An operation at work.
struct Operation {
    bulk: Bulk,
    /// When its next items are due.
    due: Timestamp,
    /// The row of the list that it is at.
    row: Option<(u32, Vec<Place>)>,
}

/// The operations at work, the oldest first.
type Operations = BTreeMap<RunId, Operation>;

/// Works operations off until draining begins.
pub(in crate::desk) async fn work(engine: Engine) {
    let shared = engine.shared();
    let clock = &shared.ports.clock;
    let draining = shared.draining.clone();
    let mut operations = Operations::new();
    let mut has_news = true;
    while !shared.is_draining() {
        if has_news && let Err(error) = look(shared, &mut operations).await {
            tracing::warn!(%error, "bulk operations cannot be read now");
            clock.sleep_until(clock.now().plus(PAUSE)).await;
            continue;
        }
        for operation in operations.values_mut() {
            if operation.due <= clock.now() && !shared.is_draining() {
                operation.turn(&engine).await;
            }
        }
        operations.retain(|_, operation| operation.bulk.state == BulkState::Running);
        let due = operations.values().map(|operation| operation.due).min();
        let rest = async {
            match due {
                Some(at) => clock.sleep_until(at).await,
                None => future::pending().await,
            }
        };
        has_news = tokio::select! {
            biased;
            () = draining.cancelled() => false,
            () = shared.desk.bulk.news.notified() => true,
            () = rest => false,
        };
    }
}

/// Takes up what has begun or goes on.
async fn look(shared: &Shared, operations: &mut Operations) -> Result<(), StoreError> {
    let mut scan = Scan::prefix(keys::BULK, ROWS_PER_SCAN);
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        for (_, bytes) in &rows {
            let bulk = serde_json::from_slice::<Bulk>(bytes).ok();
            let running = bulk.filter(|bulk| bulk.state == BulkState::Running);
            if let Some(bulk) = running {
                operations.entry(bulk.id).or_insert_with(|| Operation {
                    bulk,
                    due: shared.ports.clock.now(),
                    row: None,
                });
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(()),
        }
    }
}

/// What became of an item.
enum Came {
    Done,
    Failed(u64, BulkFailure),
}

impl Operation {
    /// Decides about a few items, and says when the next ones are due.
    async fn turn(&mut self, engine: &Engine) {
        let shared = engine.shared();
        let begun = shared.ports.clock.now();
        self.due = begun.plus(PAUSE);
        // Runs that are there already go first.
        let backlog = u64::try_from(shared.metrics.backlog.get()).unwrap_or_default();
        if backlog >= (shared.options.max_backlog / 2).max(1) {
            return;
        }
        match self.window(engine).await {
            Ok(items) => self.due = begun.plus(time_of(items, self.bulk.rate)),
            Err(error) => {
                tracing::warn!(bulk = %self.bulk.id, %error, "a bulk operation cannot go on now");
            }
        }
    }

    /// How many items it has decided about.
    async fn window(&mut self, engine: &Engine) -> Result<u64, CommandError> {
        let shared = engine.shared();
        // A person may have paused it meanwhile.
        match get(shared, self.bulk.id).await? {
            Some(bulk) if bulk.state == BulkState::Running => self.bulk = bulk,
            other => {
                self.bulk.state = other.map_or(BulkState::Cancelled, |bulk| bulk.state);
                return Ok(0);
            }
        }
        let places = self.places(shared, items_at_once(self.bulk.rate)).await?;
        let came = apply_all(engine, &self.bulk, &places).await?;
        self.bulk = advance(shared, &self.bulk, places.len() as u64, came).await?;
        Ok(places.len() as u64)
    }

    /// The next items with their positions, of one row of the list.
    async fn places(
        &mut self,
        shared: &Shared,
        size: usize,
    ) -> Result<Vec<(u64, Place)>, StoreError> {
        let (id, position) = (self.bulk.id, self.bulk.position);
        let number = u32::try_from(position / CHUNK as u64).unwrap_or(u32::MAX);
        let within = usize::try_from(position % CHUNK as u64).unwrap_or_default();
        let known = self.row.take().filter(|(row, _)| *row == number);
        let row = match known {
            Some((_, row)) => row,
            None => chunk(shared, id, number).await?,
        };
        let next = row.iter().skip(within).take(size).cloned();
        let next = (position..).zip(next).collect();
        self.row = Some((number, row));
        Ok(next)
    }
}

/// How many items an operation with this rate decides about at a time.
fn items_at_once(rate: Option<Rate>) -> usize {
    let Some(rate) = rate else {
        return WINDOW;
    };
    let in_a_slice = u128::from(rate.calls) * SLICE.as_millis() / rate.per.as_millis().max(1);
    usize::try_from(in_a_slice)
        .unwrap_or(WINDOW)
        .clamp(1, WINDOW)
}

/// How much time so many items have at this rate.
fn time_of(items: u64, rate: Option<Rate>) -> Duration {
    let Some(rate) = rate else {
        return Duration::ZERO;
    };
    let items = u32::try_from(items).unwrap_or(u32::MAX);
    rate.per.saturating_mul(items) / rate.calls.max(1)
}

/// Items of the same key one after the other, others at the same time.
async fn apply_all(
    engine: &Engine,
    bulk: &Bulk,
    places: &[(u64, Place)],
) -> Result<Vec<Came>, CommandError> {
    let mut chains: Vec<Vec<(u64, &Place)>> = Vec::new();
    let mut of_key: HashMap<Digest, usize> = HashMap::new();
    for (position, place) in places {
        let chain = match place.key {
            Some(key) => *of_key.entry(key).or_insert(chains.len()),
            None => chains.len(),
        };
        if chain == chains.len() {
            chains.push(Vec::new());
        }
        chains[chain].push((*position, place));
    }
    let chains = chains.into_iter().map(|chain| async move {
        let mut came = Vec::with_capacity(chain.len());
        for (position, place) in chain {
            came.push(apply(engine, bulk, position, place).await?);
        }
        Ok::<_, CommandError>(came)
    });
    let all = future::try_join_all(chains).await?;
    Ok(all.into_iter().flatten().collect())
}

async fn apply(
    engine: &Engine,
    bulk: &Bulk,
    position: u64,
    place: &Place,
) -> Result<Came, CommandError> {
    let id = place.id;
    let mark = keys::bulk_mark(bulk.id, position);
    if engine.shared().ports.store.get(&mark).await?.is_some() {
        // Decided before the host stopped.
        return Ok(Came::Done);
    }
    let mut with = Batch::default();
    with.require_absent(mark.clone()).put(mark, Vec::new());
    let decided = async {
        if place.opened.is_some() {
            let now = index::get(&*engine.shared().ports.store, id).await?;
            check_as_seen(place.opened, now.as_ref())?;
        }
        let action = bulk.action.clone();
        let deciding = Deciding {
            bulk: Some(bulk.id),
            ..bulk.deciding.clone()
        };
        engine.decide_with(id, deciding, action, with).await
    };
    match decided.await {
        Ok(_) => Ok(Came::Done),
        Err(error) if is_of_host(&error) => Err(error),
        Err(error) => {
            let failure = BulkFailure {
                id,
                code: error.code().to_string(),
                reason: error.to_string(),
            };
            Ok(Came::Failed(position, failure))
        }
    }
}

/// Whether the same decision may be carried out a moment later.
fn is_of_host(error: &CommandError) -> bool {
    matches!(
        error,
        CommandError::Engine(EngineError::Store(_))
            | CommandError::Intake(
                IntakeError::ShuttingDown | IntakeError::Backlog(_) | IntakeError::Store(_)
            )
    )
}

/// Writes down how far the operation has come.
async fn advance(
    shared: &Shared,
    bulk: &Bulk,
    by: u64,
    came: Vec<Came>,
) -> Result<Bulk, CommandError> {
    let _only_one = shared.desk.bulk.lock.lock().await;
    // A person may have paused it meanwhile.
    let now = get(shared, bulk.id).await?;
    let mut now = now.ok_or(CommandError::NoSuchBulk(bulk.id))?;
    let mut batch = Batch::default();
    now.position = bulk.position + by;
    now.updated_at = shared.ports.clock.now();
    for position in bulk.position..now.position {
        batch.delete(keys::bulk_mark(bulk.id, position));
    }
    for came in came {
        match came {
            Came::Done => now.done += 1,
            Came::Failed(position, failure) => {
                now.failed += 1;
                if now.failed <= MAX_FAILURES {
                    let key = keys::bulk_failure(bulk.id, position);
                    let at = now.updated_at.plus(KEPT);
                    batch.put(crate::keys::expiring(at, &key), Vec::new());
                    batch.put(key, encode(&failure)?);
                }
            }
        }
    }
    let is_last = now.position >= now.total || by == 0;
    if is_last && now.state == BulkState::Running {
        now.state = BulkState::Done;
        forget_items(&mut batch, &now);
    }
    put(&mut batch, &now)?;
    shared.ports.store.commit(batch).await?;
    Ok(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_how_many_items_at_a_time_and_how_long_they_have() {
        let check = |rate: &str, items: usize, millis: u64| {
            let rate = Some(rate.parse().unwrap());
            assert_eq!(items_at_once(rate), items);
            let time = time_of(items as u64, rate);
            assert_eq!(time, Duration::from_millis(millis));
        };
        check("50/s", 12, 240);
        check("1/s", 1, 1_000);
        check("30/m", 1, 2_000);
        check("12800/s", WINDOW, 10);
        assert_eq!(items_at_once(None), WINDOW);
        assert_eq!(time_of(1_000, None), Duration::ZERO);
    }
}
