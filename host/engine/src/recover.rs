//! Taking up the runs that have not ended, when the engine starts.
//!
//! A run that waits costs nothing but its row: its mark says until when, and nothing else
//! of it is read. Only runs that must go on are queued.

use crate::engine::{EngineError, Shared};
use crate::keys;
use crate::queue::{self, Timers};
use dowel_core::port::Scan;

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 4096;

/// Queues every run that is marked as active and has something to do, and every run that
/// has messages. Returns when the others are due.
pub(crate) async fn recover(shared: &Shared) -> Result<Timers, EngineError> {
    // Before any run asks for the leave to make a call.
    for connection in shared.switches.connections_off() {
        shared.protect.switch(&connection, true);
    }
    let (mut active, mut timers) = (0_u64, Vec::new());
    each(shared, keys::ACTIVE, |key, value| {
        let Some(run) = keys::run_at_end(key) else {
            return;
        };
        active += 1;
        match queue::read_due(value) {
            // It is taken up when the runs before it have ended.
            _ if shared.key_lines.is_waiting(run) => {}
            at if at.as_millis() == 0 => shared.queue.resume(run),
            queue::NEVER => {}
            at => timers.push((at, run)),
        }
    })
    .await?;
    let mut last = None;
    each(shared, keys::INBOX, |key, _| {
        let run = keys::run_at_start(key);
        if let Some(run) = run.filter(|run| last != Some(*run)) {
            last = Some(run);
            shared.queue.resume(run);
        }
    })
    .await?;
    let resumed = shared.metrics.backlog.get();
    let timed = i64::try_from(timers.len()).unwrap_or(i64::MAX);
    shared.metrics.waiting.inc_by(timed);
    tracing::info!(active, resumed, timed, "engine started");
    Ok(Timers::new(timers))
}

/// Shows every key of a family, with its value.
async fn each(
    shared: &Shared,
    family: &[u8],
    mut show: impl FnMut(&[u8], &[u8]),
) -> Result<(), EngineError> {
    let mut scan = Scan::prefix(family, ROWS_PER_SCAN);
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        for (key, value) in &rows {
            show(key, value);
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(()),
        }
    }
}
