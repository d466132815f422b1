//! A run as its journal tells it.

mod apply;

pub use apply::IllegalEvent;

use dowel_core::cloud_event::HOPS;
use dowel_core::journal::{CallArguments, RunCreated};
use dowel_core::{JsonText, StepError, StepPath, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a run stands. `docs/run-states.md` shows the events between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted; no step has begun.
    Pending,
    /// At work.
    Running,
    /// Nothing to do before a timer is due.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended by a `fail` step.
    Failed,
    /// Waits for a person.
    Parked,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Parked,
    ];

    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Parked => "parked",
        }
    }

    /// Whether the engine has nothing more to do with the run by itself.
    pub const fn is_at_rest(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Parked)
    }
}

/// A run, folded from its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// What it was begun with.
    pub created: Arc<RunCreated>,
    /// When.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: RunStatus,
    /// Position of the next journal entry.
    pub next_seq: u64,
    /// Every step that has begun, except those inside loop items that ended.
    pub steps: BTreeMap<StepPath, StepState>,
    /// The values of `set` steps in order, for `$vars`.
    pub sets: Vec<(StepPath, JsonText)>,
    /// The first step that failed for good.
    pub failed: Option<(StepPath, StepError)>,
    /// When the last entry was recorded.
    pub updated_at: Timestamp,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Its `if` did not hold.
    Skipped,
    /// A call may have been sent and nothing is known of its result.
    Calling {
        /// From 1.
        attempt: u32,
        /// What is sent.
        call: Arc<CallArguments>,
    },
    /// The last attempt failed and another one follows, or an attempt waits for its turn.
    Retrying {
        /// The attempt that failed, from 1; 0 while the first one waits for its turn.
        attempt: u32,
        /// What is sent.
        call: Arc<CallArguments>,
        /// When the next attempt is due.
        retry_at: Timestamp,
    },
    /// It has a value.
    Done {
        /// The value that `$steps` shows.
        value: JsonText,
    },
    /// It failed for good.
    Failed,
    /// A `switch` is inside a branch.
    InBranch {
        /// Index of the case; `None` is the default.
        case: Option<usize>,
    },
    /// A `for_each` is at work.
    Looping(LoopState),
}

/// A `for_each` at work.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopState {
    /// The list.
    pub items: Arc<[JsonText]>,
    /// Results of the items that ended.
    pub results: Vec<Option<JsonText>>,
    /// Every item before this one has ended.
    pub low: usize,
    /// How many items have ended.
    pub ended: usize,
}

impl LoopState {
    /// A loop over `items` that has not begun any.
    pub fn new(items: Vec<JsonText>) -> Self {
        let results = vec![None; items.len()];
        Self {
            items: items.into(),
            results,
            low: 0,
            ended: 0,
        }
    }

    /// The items that may be at work: the first `parallel` that have not ended.
    pub fn window(&self, parallel: usize) -> impl Iterator<Item = usize> + '_ {
        (self.low..self.items.len())
            .filter(|index| self.results[*index].is_none())
            .take(parallel)
    }

    fn end_item(&mut self, index: usize, result: JsonText) {
        self.results[index] = Some(result);
        self.ended += 1;
        while self.results.get(self.low).is_some_and(Option::is_some) {
            self.low += 1;
        }
    }
}

impl RunState {
    /// How many flows the event that began the run has gone through; zero for any other
    /// beginning.
    pub fn hops(&self) -> u32 {
        #[derive(Deserialize)]
        struct Began {
            #[serde(default)]
            extensions: BTreeMap<String, JsonText>,
        }
        let began = serde_json::from_str::<Began>(self.created.event.as_str()).ok();
        let hops = began.and_then(|mut began| began.extensions.remove(HOPS));
        let hops = hops.and_then(|hops| hops.as_str().trim_matches('"').parse().ok());
        hops.unwrap_or_default()
    }

    /// The value of a step, as `$steps` shows it: `None` until it has one.
    pub fn value(&self, path: &StepPath) -> Option<JsonText> {
        match self.steps.get(path)? {
            StepState::Done { value } => Some(value.clone()),
            StepState::Skipped => Some(JsonText::null()),
            _ => None,
        }
    }
}
