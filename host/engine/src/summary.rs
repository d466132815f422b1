//! Summaries of runs, for lists. Derived from the journals.

use crate::keys;
use crate::state::{RunState, RunStatus};
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::{FlowName, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// What a list shows of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// Its flow.
    pub flow: FlowName,
    /// The flow's version.
    pub version: semver::Version,
    /// Where it stands.
    pub status: RunStatus,
    /// The business key that duplicates are recognised by.
    pub dedupe_key: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
    /// The code of its error, where it has failed or is parked.
    pub error_code: Option<String>,
}

impl RunSummary {
    pub(crate) fn of(state: &RunState) -> Self {
        Self {
            id: state.created.run,
            flow: state.created.flow.clone(),
            version: state.version().clone(),
            status: state.status,
            dedupe_key: state.created.dedupe_key.clone(),
            created_at: state.created_at,
            updated_at: state.updated_at,
            error_code: state.error.as_ref().map(|(error, _)| error.code.clone()),
        }
    }
}

/// Which runs to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct RunsQuery {
    /// Only runs of this flow.
    pub flow: Option<FlowName>,
    /// Only runs in this status.
    pub status: Option<RunStatus>,
    /// Only runs older than this one.
    pub before: Option<RunId>,
    /// At most this many, [`MAX_PAGE`] at most.
    pub limit: usize,
}

/// The longest page of a list.
pub const MAX_PAGE: usize = 500;

/// How many summaries one request looks at: a rare filter gets a short page and a
/// cursor to go on with, not a scan of the whole store.
const MAX_EXAMINED: usize = 20_000;

/// A page of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunsPage {
    /// The runs, the newest first.
    pub runs: Vec<RunSummary>,
    /// Pass this as `before` for the next page.
    pub next: Option<RunId>,
}

/// A run's summary, if there is such a run.
pub(crate) async fn get(store: &dyn Store, run: RunId) -> Result<Option<RunSummary>, StoreError> {
    let bytes = store.get(&keys::summary(run)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

pub(crate) async fn list(store: &dyn Store, query: &RunsQuery) -> Result<RunsPage, StoreError> {
    let limit = query.limit.clamp(1, MAX_PAGE);
    let mut runs = Vec::new();
    let mut scan = Scan::prefix(keys::SUMMARY, MAX_PAGE).reversed();
    if let Some(before) = query.before {
        scan = scan.after(keys::summary(before));
    }
    let mut examined = 0;
    loop {
        let rows = store.scan(scan.clone()).await?;
        let more = rows.len() == MAX_PAGE;
        for (key, value) in rows {
            examined += 1;
            scan = scan.after(key.clone());
            let Ok(summary) = serde_json::from_slice::<RunSummary>(&value) else {
                continue;
            };
            if query.matches(&summary) {
                runs.push(summary);
            }
            if runs.len() == limit || examined == MAX_EXAMINED {
                return Ok(RunsPage {
                    runs,
                    next: keys::run_at_end(&key),
                });
            }
        }
        if !more {
            return Ok(RunsPage { runs, next: None });
        }
    }
}

impl RunsQuery {
    fn matches(&self, summary: &RunSummary) -> bool {
        self.flow.as_ref().is_none_or(|flow| *flow == summary.flow)
            && self.status.is_none_or(|status| status == summary.status)
    }
}
