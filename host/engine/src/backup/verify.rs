//! Whether everything in a store can be read: after a restore, before anybody relies on it.

use crate::engine::EngineError;
use crate::journal;
use crate::keys;
use crate::state::RunState;
use crate::summary::RunSummary;
use dowel_core::port::{Scan, Store};
use serde::Serialize;

/// Runs that are looked at at a time.
const RUNS_PER_SCAN: usize = 1024;

/// What was found, all of it in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Runs whose journal folds to what their summary says.
    pub runs: u64,
    /// Those of them that go on when a host starts.
    pub unfinished: u64,
}

/// Folds every journal, compares it with the run's summary, and looks for the plans that
/// unfinished runs need.
///
/// # Errors
/// The first thing that is not in order.
pub async fn verify(store: &dyn Store) -> Result<Verified, EngineError> {
    let mut found = Verified::default();
    let mut scan = Scan::prefix(keys::SUMMARY, RUNS_PER_SCAN);
    loop {
        let summaries = store.scan(scan.clone()).await?;
        for (key, value) in &summaries {
            let Some(run) = keys::run_at_end(key) else {
                continue;
            };
            let wrong = |what: String| EngineError::Journal(format!("run {run}: {what}"));
            let summary: RunSummary =
                serde_json::from_slice(value).map_err(|e| wrong(e.to_string()))?;
            let entries = journal::load(store, run).await?;
            let state = RunState::fold(&entries).map_err(|e| wrong(e.to_string()))?;
            found.runs += 1;
            let is_active = store.get(&keys::active(run)).await?.is_some();
            if !is_active && !state.status.is_at_rest() {
                return Err(wrong("it has not ended, and would not go on".to_owned()));
            }
            if state.status.is_at_rest() && state.status != summary.status {
                return Err(wrong("its summary does not fit its journal".to_owned()));
            }
            if is_active {
                found.unfinished += 1;
                if store.get(&keys::plan(&state.created.plan)).await?.is_none() {
                    return Err(wrong("its plan is missing".to_owned()));
                }
            }
        }
        match summaries.last() {
            Some((key, _)) if summaries.len() == RUNS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(found),
        }
    }
}
