//! A run as its journal tells it.

mod apply;
mod approval;
mod call;
mod child;
mod command;
mod compensation;
mod looping;
mod parallel;
mod receive;
mod repair;
mod status;

pub use apply::IllegalEvent;
pub use approval::{ApprovalState, DecisionRefused, Settled};
pub use child::{ChildPhase, ChildState};
pub use compensation::Compensation;
pub(crate) use looping::MAX_RESULTS_BYTES;
pub use looping::{ItemEnd, LoopState, Paging};
pub use parallel::ParallelState;
pub(crate) use receive::timed_out;
pub use receive::{ReceiveState, Slot, event_identity};
pub use repair::Repair;
pub use status::RunStatus;

use dowel_core::cloud_event::HOPS;
use dowel_core::journal::{CallArguments, OtherPlan, RunCreated};
use dowel_core::{Digest, JsonText, RunId, StepError, StepPath, Timestamp};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

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
    /// Every step that has begun, except those inside loop items that ended and cannot
    /// be compensated.
    pub steps: BTreeMap<StepPath, StepState>,
    /// The values of `set` steps in order, for `$vars`.
    pub sets: Vec<(StepPath, JsonText)>,
    /// What earlier runs of the flow left for this one, once it has been read.
    pub kept: Option<KeptValues>,
    /// What is being undone.
    pub compensation: Option<Compensation>,
    /// A person wants the run to end before its time.
    pub cancel: Option<Cancel>,
    /// How the approvals ended that people were asked for.
    pub approvals: BTreeMap<StepPath, Settled>,
    /// The events that its steps have received, by their slots.
    pub received: BTreeSet<(Slot, Digest)>,
    /// People who changed what the run works with: they decide no approval of it.
    pub editors: BTreeSet<String>,
    /// The item of a loop that is tried again by itself.
    pub repair: Option<Repair>,
    /// The run that took the place of this one.
    pub rerun_as: Option<RunId>,
    /// The version of the flow that the run went on with, where it is not the first one.
    pub moved: Option<OtherPlan>,
    /// Whether the run has succeeded before: a repaired item does not make it keep
    /// values for later runs again.
    pub has_succeeded: bool,
    /// The limit that the run has reached: nothing new is begun.
    pub overrun: Option<StepError>,
    /// How long it has been at work, up to the last entry.
    pub active: Duration,
    /// From when its limits count: intake, or the last decision of a person.
    pub limits_from: Timestamp,
    /// Items of loops that failed and were left behind.
    pub failed_items: usize,
    /// Why it failed or is parked, and where.
    pub error: Option<(StepError, Option<StepPath>)>,
    /// When the last entry was recorded.
    pub updated_at: Timestamp,
}

/// What earlier runs of the flow left for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptValues {
    /// An object with the values by name.
    pub values: JsonText,
    /// How often they had been written.
    pub version: u64,
}

/// A person wants the run to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Whether the steps that have succeeded are undone.
    pub compensate: bool,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Its `if` did not hold, or a person went on without it.
    Skipped,
    /// A call may have been sent and nothing is known of its result.
    Calling(CallState),
    /// The last attempt failed and another one follows, or an attempt waits for its turn.
    Retrying {
        /// The attempts so far, none while the first one waits for its turn.
        call: CallState,
        /// When the next attempt is due.
        retry_at: Timestamp,
    },
    /// It has a value.
    Done(Done),
    /// It failed for good.
    Failed(Failed),
    /// A `switch` is inside a branch.
    InBranch {
        /// Index of the case; `None` is the default.
        case: Option<usize>,
    },
    /// A `for_each` is at work.
    Looping(LoopState),
    /// A `parallel` is at work.
    InParallel(ParallelState),
    /// A `try` is at work.
    Trying {
        /// The clause that took over, and the error that it took.
        caught: Option<Caught>,
    },
    /// People were asked and nobody has decided.
    Asking(ApprovalState),
    /// A `run` has a child, or is to have one.
    Child(Box<ChildState>),
    /// An event is waited for and has not come.
    Receiving(ReceiveState),
    /// A `wait` has not come to its end.
    Waiting {
        /// When it does.
        until: Timestamp,
    },
}

/// A call and its attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct CallState {
    /// The last attempt that began, from 1; 0 before the first one.
    pub attempt: u32,
    /// Attempts before a person began a new round of them.
    pub earlier: u32,
    /// When it was due first, in this round: `retry.max_elapsed` counts from here.
    pub since: Timestamp,
    /// What is sent.
    pub arguments: Arc<CallArguments>,
}

/// A step that has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// The value that `$steps` shows.
    pub value: JsonText,
    /// Position of the journal entry that gave it: the order of compensation.
    pub seq: u64,
    /// The list of a loop, for `$item` in compensations.
    pub items: Option<Arc<[JsonText]>>,
}

/// A step that failed for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// Why.
    pub error: StepError,
    /// The attempts, where the step made a call.
    pub call: Option<CallState>,
    /// The last child, where the step ran another flow.
    pub child: Option<Box<ChildState>>,
    /// Whether the flow itself says so, with a `fail` step.
    pub deliberate: bool,
    /// Whether a `try`, a loop or a `parallel` went on without it.
    pub handled: bool,
}

/// The clause of a `try` that took over.
#[derive(Clone, Debug, PartialEq)]
pub struct Caught {
    /// Index of the clause.
    pub clause: usize,
    /// The step that failed.
    pub step: StepPath,
    /// Why.
    pub error: StepError,
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

    /// The plan that the run is on.
    pub fn plan(&self) -> Digest {
        let moved = self.moved.as_ref();
        moved.map_or(self.created.plan, |moved| moved.plan)
    }

    /// The version of the flow that the run is on.
    pub fn version(&self) -> &semver::Version {
        let moved = self.moved.as_ref();
        moved.map_or(&self.created.version, |moved| &moved.version)
    }

    /// The git commit of the plan that the run is on, where known.
    pub fn commit(&self) -> Option<&str> {
        let moved = self.moved.as_ref();
        moved
            .map_or(&self.created.commit, |moved| &moved.commit)
            .as_deref()
    }

    /// The value of a step, as `$steps` shows it: `None` until it has one.
    pub fn value(&self, path: &StepPath) -> Option<JsonText> {
        match self.steps.get(path)? {
            StepState::Done(done) => Some(done.value.clone()),
            StepState::Skipped => Some(JsonText::null()),
            _ => None,
        }
    }

    /// The steps that failed and that nothing went on without, in the order of their paths.
    pub fn failures(&self) -> impl Iterator<Item = (&StepPath, &Failed)> {
        self.steps.iter().filter_map(|(path, step)| match step {
            StepState::Failed(failed) if !failed.handled => Some((path, failed)),
            _ => None,
        })
    }
}
