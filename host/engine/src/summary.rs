//! Summaries of runs, for lists. Derived from the journals.

mod index;
mod list;

pub(crate) use index::{add_first, move_status, once, remove};
pub(crate) use list::{by_key, by_trace, list};

use crate::keys;
use crate::state::{RunState, RunStatus};
use dowel_core::port::{Store, StoreError};
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
    /// The id of its trace, where that came with the event and is not the run's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The trace of a run, unless it is the one that the run began.
fn trace(state: &RunState) -> Option<String> {
    let trace = state.created.traceparent.as_deref()?.split('-').nth(1)?;
    let is_own = trace.parse() == Ok(state.created.run);
    (!is_own).then(|| trace.to_owned())
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
            trace: trace(state),
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

impl RunsQuery {
    fn matches(&self, summary: &RunSummary) -> bool {
        self.flow.as_ref().is_none_or(|flow| *flow == summary.flow)
            && self.status.is_none_or(|status| status == summary.status)
    }
}
