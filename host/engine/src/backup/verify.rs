//! Whether everything in a store can be read: after a restore, before anybody relies on it.

use crate::engine::EngineError;
use crate::format::{StoreFormat, format_of};
use crate::journal;
use crate::keys;
use crate::state::RunState;
use crate::summary::RunSummary;
use dowel_core::journal::{Entry, VERSION};
use dowel_core::port::{Scan, Store};
use dowel_flow::plan::Plan;
use serde::Serialize;
use std::collections::BTreeSet;

/// Runs that are looked at at a time.
const RUNS_PER_SCAN: usize = 1024;

/// What was found, all of it in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Runs whose journal folds to what their summary says.
    pub runs: u64,
    /// Those of them that go on when a host starts.
    pub unfinished: u64,
    /// Plans that those need, all of which can be read.
    pub plans: u64,
    /// The lowest version of the format that an entry of a journal has; 0 without any.
    pub oldest_format: u32,
    /// The highest one.
    pub newest_format: u32,
    /// The format of the store as a whole.
    pub store_format: StoreFormat,
}

impl Verified {
    const fn nothing(store_format: StoreFormat) -> Self {
        Self {
            runs: 0,
            unfinished: 0,
            plans: 0,
            oldest_format: 0,
            newest_format: 0,
            store_format,
        }
    }

    /// Counts the formats of a journal.
    fn formats(&mut self, entries: &[Entry]) -> Result<(), String> {
        for entry in entries {
            if entry.v > VERSION {
                return Err(format!(
                    "its journal has the format {}, this program reads up to {VERSION}",
                    entry.v
                ));
            }
            self.newest_format = self.newest_format.max(entry.v);
            self.oldest_format = match self.oldest_format {
                0 => entry.v,
                oldest => oldest.min(entry.v),
            };
        }
        Ok(())
    }
}

/// Folds every journal, compares it with the run's summary, and looks for the plans that
/// unfinished runs need.
///
/// # Errors
/// The first thing that is not in order.
pub async fn verify(store: &dyn Store) -> Result<Verified, EngineError> {
    let mut found = Verified::nothing(format_of(store).await?);
    let mut plans = BTreeSet::new();
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
            found.formats(&entries).map_err(wrong)?;
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
                let plan = state.created.plan;
                if plans.insert(plan) {
                    let stored = store.get(&keys::plan(&plan)).await?;
                    let stored = stored.ok_or_else(|| wrong("its plan is missing".to_owned()))?;
                    serde_json::from_slice::<Plan>(&stored)
                        .map_err(|e| wrong(format!("its plan cannot be read: {e}")))?;
                    found.plans += 1;
                }
            }
        }
        match summaries.last() {
            Some((key, _)) if summaries.len() == RUNS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;
    use dowel_core::journal::Event;

    #[test]
    fn a_journal_of_a_later_program_is_refused() {
        let event: Event = serde_json::from_str(r#"{"step-skipped":{"path":"a"}}"#).unwrap();
        let entry = |v| Entry {
            v,
            seq: 0,
            at: Timestamp::from_millis(0),
            event: event.clone(),
        };
        let mut found = Verified::nothing(StoreFormat::NEWEST);
        found.formats(&[entry(2), entry(1)]).unwrap();
        assert_eq!((found.oldest_format, found.newest_format), (1, 2));
        let refused = found.formats(&[entry(VERSION + 1)]).unwrap_err();
        assert!(refused.contains("reads up to"), "{refused}");
    }
}
