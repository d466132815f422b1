//! Lists of runs, the newest first, from the narrowest index for what is asked.

use super::index::is_indexed;
use super::{MAX_PAGE, RunSummary, RunsPage, RunsQuery, get};
use crate::keys;
use crate::state::RunStatus;
use dowel_core::RunId;
use dowel_core::port::{Entry, Scan, Store, StoreError};

/// How many summaries one request looks at: a rare filter gets a short page and a
/// cursor to go on with, not a scan of the whole store.
const MAX_EXAMINED: usize = 20_000;

/// The same where each is looked up by itself.
const MAX_LOOKED_UP: usize = 4_000;

/// The most runs that one key or trace shows.
const MAX_TRACED: usize = 100;

/// Entries of an index that are read at a time, at first: most pages are full soon.
const FIRST_ROWS: usize = 64;

/// Where the runs of a query are found.
struct Source {
    /// The index; the run's id is the end of its keys.
    prefix: Vec<u8>,
    /// Whether the values are the summaries.
    has_values: bool,
}

impl Source {
    fn of(query: &RunsQuery) -> Self {
        let (prefix, has_values) = match (query.status, &query.flow) {
            (Some(status), _) if is_indexed(status) => (keys::runs_of_status(status), false),
            // Those that neither are at rest nor have succeeded are at work.
            (Some(status), _) if status != RunStatus::Succeeded => (keys::ACTIVE.to_vec(), false),
            (_, Some(flow)) => (keys::runs_of_flow(flow), false),
            _ => (keys::SUMMARY.to_vec(), true),
        };
        Self { prefix, has_values }
    }

    fn key(&self, run: RunId) -> Vec<u8> {
        let mut key = self.prefix.clone();
        key.extend_from_slice(&run.as_u128().to_be_bytes());
        key
    }

    async fn summary(
        &self,
        store: &dyn Store,
        (key, value): &Entry,
    ) -> Result<Option<RunSummary>, StoreError> {
        if self.has_values {
            return Ok(serde_json::from_slice(value).ok());
        }
        match keys::run_at_end(key) {
            Some(run) => get(store, run).await,
            None => Ok(None),
        }
    }
}

pub(crate) async fn list(store: &dyn Store, query: &RunsQuery) -> Result<RunsPage, StoreError> {
    let limit = query.limit.clamp(1, MAX_PAGE);
    let source = Source::of(query);
    let most = if source.has_values {
        MAX_EXAMINED
    } else {
        MAX_LOOKED_UP
    };
    let mut rows_per_scan = FIRST_ROWS;
    let mut scan = Scan::prefix(source.prefix.clone(), rows_per_scan).reversed();
    scan.keys_only = !source.has_values;
    if let Some(before) = query.before {
        scan = scan.after(source.key(before));
    }
    let (mut runs, mut examined) = (Vec::new(), 0);
    loop {
        let rows = store.scan(scan.clone()).await?;
        let more = rows.len() == rows_per_scan;
        for row in &rows {
            examined += 1;
            let summary = source.summary(store, row).await?;
            runs.extend(summary.filter(|summary| query.matches(summary)));
            if runs.len() == limit || examined == most {
                return Ok(RunsPage {
                    runs,
                    next: keys::run_at_end(&row.0),
                });
            }
        }
        let Some((last, _)) = rows.last().filter(|_| more) else {
            return Ok(RunsPage { runs, next: None });
        };
        scan = scan.after(last.clone());
        rows_per_scan = MAX_PAGE;
        scan.limit = rows_per_scan;
    }
}

/// The runs of a business key, the oldest first.
pub(crate) async fn by_key(store: &dyn Store, key: &str) -> Result<Vec<RunSummary>, StoreError> {
    under(store, keys::business_key(key)).await
}

/// The runs of a trace that came with their events, the oldest first.
pub(crate) async fn by_trace(store: &dyn Store, id: &str) -> Result<Vec<RunSummary>, StoreError> {
    under(store, keys::runs_of_trace(id)).await
}

async fn under(store: &dyn Store, prefix: Vec<u8>) -> Result<Vec<RunSummary>, StoreError> {
    let rows = store.scan(Scan::prefix(prefix, MAX_TRACED)).await?;
    let mut runs = Vec::new();
    for run in rows.iter().filter_map(|(key, _)| keys::run_at_end(key)) {
        runs.extend(get(store, run).await?);
    }
    Ok(runs)
}
