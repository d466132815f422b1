//! Works bulk operations off, a few items at a time, and writes down how far it has come.

use super::begin::{CHUNK, Place};
use super::{Bulk, BulkFailure, BulkState, chunk, encode, get};
use crate::command::CommandError;
use crate::desk::keys;
use crate::engine::{Engine, EngineError};
use crate::intake::IntakeError;
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{Digest, RunId};
use futures_util::future;
use std::collections::HashMap;
use std::time::Duration;

/// Items that are decided about at the same time, so that the store writes them together.
const WINDOW: usize = 64;

/// Parts of a second that an operation with a rate works in.
const SLICES_PER_SECOND: u32 = 4;

/// How long an operation waits that the host is too busy for, or that the store refused.
const PAUSE: Duration = Duration::from_millis(100);

/// Operations that are looked at for work.
const MAX_RUNNING: usize = 1_024;

/// Failures of one operation that are written down: more tell nothing new.
const MAX_FAILURES: u64 = 1_000;

/// Works operations off until draining begins.
pub(in crate::desk) async fn work(engine: Engine) {
    let shared = engine.shared();
    let mut draining = shared.draining.subscribe();
    while !shared.is_draining() {
        let news = shared.desk.bulk.news.notified();
        let worked = round(&engine).await;
        let rest = async {
            match worked {
                Ok(true) => {}
                Ok(false) => news.await,
                Err(error) => {
                    tracing::warn!(%error, "a bulk operation cannot go on now");
                    let at = shared.ports.clock.now().plus(PAUSE);
                    shared.ports.clock.sleep_until(at).await;
                }
            }
        };
        tokio::select! {
            () = rest => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
    }
}

/// A few items of each operation. Whether there was one.
async fn round(engine: &Engine) -> Result<bool, CommandError> {
    let scan = Scan::prefix(keys::BULK, MAX_RUNNING).reversed();
    let rows = engine.shared().ports.store.scan(scan).await?;
    let bulks = rows.iter();
    let bulks = bulks.filter_map(|(_, bytes)| serde_json::from_slice::<Bulk>(bytes).ok());
    let mut worked = false;
    for bulk in bulks.filter(|bulk| bulk.state == BulkState::Running) {
        worked = true;
        if engine.shared().is_draining() {
            break;
        }
        window(engine, &bulk).await?;
    }
    Ok(worked)
}

/// What became of an item.
enum Came {
    Done,
    Failed(u64, BulkFailure),
}

async fn window(engine: &Engine, bulk: &Bulk) -> Result<(), CommandError> {
    let shared = engine.shared();
    let clock = &shared.ports.clock;
    let begun = clock.now();
    // Runs that are there already go first.
    let backlog = u64::try_from(shared.metrics.backlog.get()).unwrap_or_default();
    if backlog >= (shared.options.max_backlog / 2).max(1) {
        clock.sleep_until(begun.plus(PAUSE)).await;
        return Ok(());
    }
    let size = match bulk.rate {
        Some(rate) => usize::try_from((rate / SLICES_PER_SECOND).max(1)).unwrap_or(WINDOW),
        None => WINDOW,
    };
    let places = places(engine, bulk, size.min(WINDOW)).await?;
    let came = apply_all(engine, bulk, &places).await?;
    advance(engine, bulk, places.len() as u64, came).await?;
    if let Some(rate) = bulk.rate {
        let taken = places.len() as u64 * 1_000 / u64::from(rate.max(1));
        let until = begun.plus(Duration::from_millis(taken));
        let mut draining = shared.draining.subscribe();
        tokio::select! {
            () = clock.sleep_until(until) => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
    }
    Ok(())
}

/// The next items with their positions, of one row of the list.
async fn places(
    engine: &Engine,
    bulk: &Bulk,
    size: usize,
) -> Result<Vec<(u64, Place)>, CommandError> {
    let row = bulk.position / CHUNK as u64;
    let within = usize::try_from(bulk.position % CHUNK as u64).unwrap_or_default();
    let number = u32::try_from(row).unwrap_or(u32::MAX);
    let all = chunk(engine.shared(), bulk.id, number).await?;
    let next = all.into_iter().skip(within).take(size);
    Ok((bulk.position..).zip(next).collect())
}

/// Items of the same key one after the other, others at the same time.
async fn apply_all(
    engine: &Engine,
    bulk: &Bulk,
    places: &[(u64, Place)],
) -> Result<Vec<Came>, CommandError> {
    let mut chains: Vec<Vec<(u64, RunId)>> = Vec::new();
    let mut of_key: HashMap<Digest, usize> = HashMap::new();
    for (position, place) in places {
        let chain = match place.key {
            Some(key) => *of_key.entry(key).or_insert(chains.len()),
            None => chains.len(),
        };
        if chain == chains.len() {
            chains.push(Vec::new());
        }
        chains[chain].push((*position, place.id));
    }
    let chains = chains.into_iter().map(|chain| async move {
        let mut came = Vec::with_capacity(chain.len());
        for (position, id) in chain {
            came.push(apply(engine, bulk, position, id).await?);
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
    id: RunId,
) -> Result<Came, CommandError> {
    let mark = keys::bulk_mark(bulk.id, position);
    if engine.shared().ports.store.get(&mark).await?.is_some() {
        // Decided before the host stopped.
        return Ok(Came::Done);
    }
    let mut with = Batch::default();
    with.require_absent(mark.clone()).put(mark, Vec::new());
    let decided = engine.decide_with(id, bulk.deciding.clone(), bulk.action.clone(), with);
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

async fn advance(
    engine: &Engine,
    bulk: &Bulk,
    by: u64,
    came: Vec<Came>,
) -> Result<(), CommandError> {
    let shared = engine.shared();
    let _only_one = shared.desk.bulk.lock.lock().await;
    // A person may have paused it meanwhile.
    let Some(mut now) = get(shared, bulk.id).await? else {
        return Ok(());
    };
    let mut batch = Batch::default();
    for position in bulk.position..bulk.position + by {
        batch.delete(keys::bulk_mark(bulk.id, position));
    }
    for came in came {
        match came {
            Came::Done => now.done += 1,
            Came::Failed(position, failure) => {
                now.failed += 1;
                if now.failed <= MAX_FAILURES {
                    batch.put(keys::bulk_failure(bulk.id, position), encode(&failure)?);
                }
            }
        }
    }
    now.position = bulk.position + by;
    now.updated_at = shared.ports.clock.now();
    let is_last = now.position >= now.total || by == 0;
    if is_last && now.state == BulkState::Running {
        now.state = BulkState::Done;
    }
    if is_last {
        let rows = u32::try_from(now.total / CHUNK as u64).unwrap_or(u32::MAX);
        for number in 0..=rows {
            batch.delete(keys::bulk_chunk(bulk.id, number));
        }
    }
    batch.put(keys::bulk(bulk.id), encode(&now)?);
    shared.ports.store.commit(batch).await.map_err(|error| {
        let error: StoreError = error;
        error.into()
    })
}
