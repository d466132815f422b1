//! The events of a run's journal. A run's story is its journal alone.
//!
//! Events are versioned: fields may be added with a default, never removed or given
//! another meaning. [`VERSION`] grows when a reader of the previous version could not
//! understand a journal any more.

mod approval;
mod child;
mod command;
mod receive;

pub use approval::{ApprovalAsked, Escalation, OnExpiry};
pub use child::{ChildBegan, ChildEnd, ParentRun, StopReason};
pub use command::{Actor, Command, Commanded, Origin, OtherPlan};
pub use receive::{EventAwaited, EventReceived, OnTimeout};

use crate::digest::Digest;
use crate::error::{SendRecord, StepError};
use crate::id::{ConnectionName, ConnectorName, FlowName, OperationName, RunId, StepId, StepPath};
use crate::json::JsonText;
use crate::manifest::Effect;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The newest version of the format, which this host reads and writes.
pub const VERSION: u32 = BLOBS_VERSION;

/// Entries that hold their values themselves; written wherever that is so.
pub const PLAIN_VERSION: u32 = 1;

/// Entries whose large values lie beside the journal.
pub const BLOBS_VERSION: u32 = 2;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Format version.
    pub v: u32,
    /// Position in the run's journal, from 0.
    pub seq: u64,
    /// When the host recorded it.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What a run was begun with; its identity is complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// The run.
    pub run: RunId,
    /// The flow.
    pub flow: FlowName,
    /// The flow's version.
    pub version: semver::Version,
    /// The plan that the run stays on.
    pub plan: Digest,
    /// Git commit of the flow, where known.
    pub commit: Option<String>,
    /// Version and digest of every connector that the plan names.
    pub connectors: BTreeMap<ConnectionName, PinnedConnector>,
    /// Digest of the mapping guest.
    pub mapping: Digest,
    /// The trigger's name.
    pub trigger: String,
    /// The validated payload: `$trigger`.
    pub payload: JsonText,
    /// `$event`: id, trigger, type, time, headers, query, path.
    pub event: JsonText,
    /// `$env` at intake.
    pub env: JsonText,
    /// The business key that duplicates were looked for by.
    pub dedupe_key: Option<String>,
    /// Its place among the runs of the same concurrency key, where the flow has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_place: Option<KeyPlace>,
    /// 1, and one higher for each rerun of the same event.
    pub generation: u32,
    /// The run of the same event before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<RunId>,
    /// From when on events count for its `receive` steps, where that is earlier than its
    /// own beginning: a rerun may use what came for the run before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_from: Option<Timestamp>,
    /// The entry of the quarantine that the payload came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resubmitted_from: Option<RunId>,
    /// The run whose step began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentRun>,
    /// Whether it is made up, to check others: it counts nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
    /// W3C `traceparent` of the request that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// A run's place among the runs of the same concurrency key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPlace {
    /// The key.
    pub key: String,
    /// The order of arrival within the key.
    pub number: u64,
    /// Runs of the key at the same time.
    pub limit: u32,
    /// What it does with its place while it is parked.
    pub while_parked: WhileParked,
}

/// What a parked run does with its place among the runs of the same concurrency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhileParked {
    /// It keeps it: the runs behind it wait.
    Hold,
    /// It gives it up: the next one goes on.
    Release,
}

/// A connector as a plan fixes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedConnector {
    /// The connector.
    pub name: ConnectorName,
    /// Its version.
    pub version: semver::Version,
    /// The component's digest.
    pub digest: Digest,
}

/// A call as it is sent: evaluated once, the same bytes for every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallArguments {
    /// The connection.
    pub connection: ConnectionName,
    /// The operation.
    pub operation: OperationName,
    /// Whether the operation changes anything upstream.
    pub effect: Effect,
    /// The input, in full.
    pub input: JsonText,
    /// The same for every attempt.
    pub idempotency_key: String,
}

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The run exists.
    Created(RunCreated),
    /// The step's `if` did not hold.
    StepSkipped {
        /// The step.
        path: StepPath,
    },
    /// A call may have been sent from here on (a write, or a repeated attempt).
    CallIntended {
        /// The step.
        path: StepPath,
        /// From 1.
        attempt: u32,
        /// In full with the first intent of a step, absent in the later ones.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallArguments>,
    },
    /// An attempt failed and another one follows at `retry_at`.
    AttemptFailed {
        /// The step.
        path: StepPath,
        /// From 1.
        attempt: u32,
        /// Why.
        error: StepError,
        /// How far it got.
        sent: SendRecord,
        /// When the attempt began.
        started_at: Timestamp,
        /// When the next attempt is due.
        retry_at: Timestamp,
        /// The arguments, unless an intent carries them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallArguments>,
    },
    /// The run stepped aside because a call has to wait for its turn at the connection.
    /// Nothing was sent, and no attempt was used up.
    CallHeld {
        /// The step.
        path: StepPath,
        /// The attempt that waits, from 1.
        attempt: u32,
        /// What it waits for.
        reason: HoldReason,
        /// When its turn comes at the earliest, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// The arguments, unless an earlier event carries them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallArguments>,
    },
    /// A call was answered.
    CallSucceeded {
        /// The step.
        path: StepPath,
        /// The attempt that succeeded, from 1.
        attempt: u32,
        /// When that attempt began.
        started_at: Timestamp,
        /// What the operation returned, in full.
        result: JsonText,
        /// The step's value after its `output` mapping, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<JsonText>,
        /// The arguments, unless an intent carries them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CallArguments>,
    },
    /// The run waits until the runs before it in its concurrency key have ended.
    Queued {
        /// The run right before it.
        behind: RunId,
    },
    /// The run stopped before its next step because its flow is disabled.
    Stopped {},
    /// A step failed for good.
    StepFailed {
        /// The step.
        path: StepPath,
        /// The last attempt, where the step made a call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<FailedAttempt>,
        /// Why.
        error: StepError,
        /// Whether the flow itself says so, with a `fail` step.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deliberate: bool,
    },
    /// A `set` step has its value.
    ValueSet {
        /// The step.
        path: StepPath,
        /// The map.
        value: JsonText,
    },
    /// A `switch` step took a branch.
    BranchTaken {
        /// The step.
        path: StepPath,
        /// Index of the case; `None` is the default.
        case: Option<usize>,
    },
    /// A `for_each` step has its list.
    LoopEntered {
        /// The step.
        path: StepPath,
        /// The list, in full.
        items: JsonText,
    },
    /// A `for_each` step over pages has the input of its calls.
    PagesEntered {
        /// The step.
        path: StepPath,
        /// The input, without a cursor.
        input: JsonText,
    },
    /// The items of the page that was fetched last are due.
    PageEntered {
        /// The loop.
        path: StepPath,
        /// JSON Pointer of the items in what the call returned.
        items: String,
        /// The cursor of the next page; none after the last one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<JsonText>,
        /// Whether something inside may have to be undone, so that the items are kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep: bool,
    },
    /// Every item of the page has ended.
    PageEnded {
        /// The loop.
        path: StepPath,
    },
    /// The run has used up its time or its journal: nothing new is begun.
    Overrun {
        /// Which limit.
        error: StepError,
    },
    /// An item of a `for_each` step came to its end.
    ItemEnded {
        /// The loop.
        path: StepPath,
        /// Index of the item.
        index: usize,
        /// The result of the item's last step.
        result: JsonText,
        /// Whether something inside may have to be undone, so that its steps are kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep: bool,
    },
    /// An item of a `for_each` step failed for good, and the loop goes on without it.
    ItemFailed {
        /// The loop.
        path: StepPath,
        /// Index of the item.
        index: usize,
        /// The step that failed.
        step: StepPath,
        /// Why.
        error: StepError,
    },
    /// An item of a `for_each` step that had failed came to its end after all.
    ItemRepaired {
        /// The loop.
        path: StepPath,
        /// Index of the item.
        index: usize,
        /// The result of the item's last step.
        result: JsonText,
    },
    /// A `parallel` step began its branches.
    ParallelEntered {
        /// The step.
        path: StepPath,
    },
    /// A branch of a `parallel` step came to its end.
    BranchEnded {
        /// The step.
        path: StepPath,
        /// The branch.
        branch: StepId,
        /// The result of the branch's last step.
        result: JsonText,
    },
    /// A `try` step began.
    TryEntered {
        /// The step.
        path: StepPath,
    },
    /// A clause of a `try` step took over after an error.
    Caught {
        /// The `try` step.
        path: StepPath,
        /// Index of the clause.
        clause: usize,
        /// The step that failed.
        step: StepPath,
        /// Why.
        error: StepError,
    },
    /// A `wait` step began.
    WaitBegan {
        /// The step.
        path: StepPath,
        /// When it ends.
        until: Timestamp,
    },
    /// A `wait` step came to its end.
    WaitEnded {
        /// The step.
        path: StepPath,
    },
    /// An `approve` step asked people; `commanded` with `decide` answers it.
    ApprovalAsked(ApprovalAsked),
    /// Further groups may decide from here on.
    ApprovalEscalated {
        /// The step.
        path: StepPath,
        /// Index of the escalation.
        index: usize,
    },
    /// Nobody decided in time: what the flow says for that case holds.
    ApprovalExpired {
        /// The step.
        path: StepPath,
    },
    /// A `run` step began another run, in the same batch.
    ChildBegan(ChildBegan),
    /// The child of a `run` step was rerun: the step waits for the other run.
    ChildReplaced {
        /// The step.
        path: StepPath,
        /// Which child of the step, from 1.
        attempt: u32,
        /// The other run.
        run: RunId,
    },
    /// The child of a `run` step is asked to end before its time, in the same batch.
    ChildStopped {
        /// The step.
        path: StepPath,
        /// Which child of the step, from 1.
        attempt: u32,
        /// The child.
        run: RunId,
        /// Why.
        reason: StopReason,
        /// Whether it undoes what it did.
        compensate: bool,
    },
    /// The child of a `run` step came to its end.
    ChildEnded {
        /// The step.
        path: StepPath,
        /// Which child of the step, from 1.
        attempt: u32,
        /// The child.
        run: RunId,
        /// How.
        end: ChildEnd,
    },
    /// A `run` step has the value of its child, which ended well.
    ChildConcluded {
        /// The step.
        path: StepPath,
        /// The step's value after its `output` mapping, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<JsonText>,
    },
    /// The child of a `run` step failed, or could not begin, and another one follows at
    /// `retry_at`.
    ChildFailed {
        /// The step.
        path: StepPath,
        /// Which child of the step, from 1.
        attempt: u32,
        /// Why.
        error: StepError,
        /// When the next child is due.
        retry_at: Timestamp,
        /// The payload, unless an earlier event carries it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payload: Option<JsonText>,
    },
    /// A `receive` step waits for an event.
    EventAwaited(EventAwaited),
    /// The event came.
    EventReceived(EventReceived),
    /// No event came in time: what the flow says for that case holds.
    ReceiveExpired {
        /// The step.
        path: StepPath,
    },
    /// A container step (`switch`, `for_each`, `parallel`, `try`) came to its end.
    BlockEnded {
        /// The step.
        path: StepPath,
        /// Its result.
        result: JsonText,
    },
    /// An event was emitted.
    Emitted {
        /// The step.
        path: StepPath,
        /// CloudEvents `id`.
        id: String,
        /// CloudEvents `type`.
        event_type: String,
        /// CloudEvents `data`.
        data: JsonText,
    },
    /// What earlier runs of the flow left for this one: `$state` from here on.
    StateRead {
        /// The values by name.
        values: JsonText,
        /// How often they had been written.
        version: u64,
    },
    /// What this run leaves for later ones. Comes with `succeeded`, in the same batch.
    StateWritten {
        /// The values by name.
        values: JsonText,
        /// How often they have been written with this.
        version: u64,
        /// The run whose values are replaced, where this run had not read them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<RunId>,
    },
    /// The run ended well.
    Succeeded {
        /// The run's output.
        output: JsonText,
        /// The `return` step that ended it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned_by: Option<StepPath>,
    },
    /// The run ended by a `fail` step, or by its deadline.
    Failed {
        /// Why.
        error: StepError,
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
    },
    /// A person or a policy decided something about the run.
    Commanded(Commanded),
    /// Steps that have succeeded are undone from here on, the last one first.
    CompensationBegan {
        /// The error that it answers; none where a person asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
        /// The step that failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
        /// The steps that are undone: those whose path begins with this, all if empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        within: String,
    },
    /// The steps of a part of the run are undone, and the run goes on.
    CompensationEnded {},
    /// Every step that could be undone is undone, and the run ended with that.
    Compensated {
        /// The error that it answers; none where a person asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<StepError>,
    },
    /// The run ended because a person asked for it.
    Cancelled {},
    /// The run waits for a person.
    Parked {
        /// Why.
        error: StepError,
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<StepPath>,
    },
}

/// What a call waits for before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldReason {
    /// A place among the calls that the connection makes at the same time.
    Slot,
    /// The connection's rate limit, or the end of a pause that the upstream asked for.
    Rate,
    /// The connection's circuit breaker is open.
    Breaker,
    /// Somebody switched the connection off.
    Switch,
}

impl HoldReason {
    /// The name in stories.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slot => "slot",
            Self::Rate => "rate",
            Self::Breaker => "breaker",
            Self::Switch => "switch",
        }
    }
}

/// The attempt that a step failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    /// From 1.
    pub number: u32,
    /// How far it got.
    pub sent: SendRecord,
    /// When it began.
    pub started_at: Timestamp,
    /// The arguments, unless an intent carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallArguments>,
    /// What the operation returned, where the step failed on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<JsonText>,
}
