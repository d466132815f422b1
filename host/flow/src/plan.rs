//! The checked form of a flow: everything the engine needs, nothing it has to look up.
//!
//! A plan is stored by its digest and runs stay on the plan that they began with, so
//! its serialised form is versioned like the journal: fields are added with a default.

mod poll;
mod receiver;
mod sla;

pub use poll::Poll;
pub use receiver::Receiver;
pub use sla::Sla;

use crate::calendar::Calendar;
use crate::schedule::Schedule;
use dowel_core::deprecation::Deprecation;
use dowel_core::expression::{Piece, Position, Program, Template};
use dowel_core::id::{
    CalendarName, ConnectionName, FlowName, GroupName, OperationName, StepId, StepPath,
};
use dowel_core::journal::{OnExpiry, OnTimeout, PinnedConnector, WhileParked};
use dowel_core::manifest::{Effect, Idempotency, Pagination};
use dowel_core::units::Share;
use dowel_core::{Digest, ErrorKind, JsonText};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The version of the serialised form that this host writes.
pub const FORMAT: u32 = 1;

/// A flow, ready to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form.
    pub format: u32,
    /// The flow.
    pub flow: FlowName,
    /// The flow's version.
    pub version: semver::Version,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The runbook's path, relative to the repository.
    pub runbook: Option<String>,
    /// What the flow promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// That the flow will go, if it will.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
    /// That its runs are made up: they check others, and count nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
    /// Labels for people and permissions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Git commit, where known.
    pub commit: Option<String>,
    /// Digest of the flow's files (flow.yaml, schemas, mappings).
    pub source: Digest,
    /// Digest of the mapping guest.
    pub mapping: Digest,
    /// The connectors behind the connections.
    pub connectors: BTreeMap<ConnectionName, PinnedConnector>,
    /// What begins a run.
    pub triggers: Vec<Trigger>,
    /// How duplicates are recognised.
    pub dedupe: Option<Dedupe>,
    /// How many runs of the same key may be at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// What a failure means that nothing caught.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The steps.
    pub steps: Block,
    /// The run's output; `null` without it.
    pub output: Option<Arc<Program>>,
    /// JSON Schema of the run's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<JsonText>,
    /// The values that the flow keeps between runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<KeptState>,
    /// The business calendars that the flow names, as they were.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: Calendars,
    /// How long a run may be at work, and how long it may take.
    #[serde(default, skip_serializing_if = "RunLimits::is_empty")]
    pub limits: RunLimits,
}

/// How long a run may be at work, and how long it may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLimits {
    /// Active time: not while it waits for people, events, timers, slots or breakers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Time by the clock, from intake on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

impl RunLimits {
    /// Whether nothing is limited.
    pub const fn is_empty(&self) -> bool {
        self.timeout.is_none() && self.deadline.is_none()
    }
}

/// Values that a flow keeps between runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptState {
    /// Their names, in the order of the outputs of `next`.
    pub values: Vec<KeptValue>,
    /// What they become when a run succeeds, one output for each.
    pub next: Arc<Program>,
}

/// A value that a flow keeps between runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptValue {
    /// Its name in `$state`.
    pub name: StepId,
    /// What the first run reads.
    pub initial: JsonText,
}

/// Business calendars by name.
pub type Calendars = BTreeMap<CalendarName, Calendar>;

/// A list of steps; its value is that of the last one.
pub type Block = Vec<Step>;

/// What begins a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trigger {
    /// The trigger's name: its key in `triggers`, or its kind where there is only one.
    pub name: String,
    /// JSON Schema of the payload.
    pub schema: Option<JsonText>,
    /// How it begins a run.
    pub kind: TriggerKind,
    /// JSON Pointers of the payload that are masked on reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
}

/// How a trigger begins a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// An HTTP request to `/hooks/<path>`.
    Webhook {
        /// With a leading slash.
        path: String,
        /// Upper-case, `POST` unless given.
        method: String,
        /// How the sender proves itself.
        verify: Verify,
        /// Lower-case names of the headers that are kept in `$event.headers`.
        headers: Vec<String>,
        /// What the sender is told.
        #[serde(default, skip_serializing_if = "Respond::is_at_once")]
        respond: Respond,
    },
    /// HTTP requests to `/hooks/<path>` that a connector understands.
    Receiver(Receiver),
    /// A person or a program, by CLI or API.
    Manual,
    /// A CloudEvent.
    Event {
        /// CloudEvents `type`, or the beginning of one with `.*` behind it.
        event_type: String,
        /// CloudEvents `source`, exactly; any without it.
        source: Option<String>,
        /// One output, with the event as `.`: whether it is meant.
        filter: Option<Arc<Program>>,
    },
    /// Points in time.
    Schedule(Schedule),
    /// Events that the host fetches.
    Poll(Poll),
}

impl TriggerKind {
    /// The kind's name, which is its key in a flow.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } | Self::Receiver(_) => "webhook",
            Self::Manual => "manual",
            Self::Event { .. } => "event",
            Self::Schedule(_) => "schedule",
            Self::Poll(_) => "poll",
        }
    }
}

/// What the sender of a webhook is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Respond {
    /// That the event is accepted, at once.
    #[default]
    Accepted,
    /// What came of it.
    Completed {
        /// How long the answer waits for the end of the run.
        within: Duration,
        /// With the run's output as `.`: one output for the status, and one for the body
        /// unless it is the output itself.
        program: Arc<Program>,
    },
}

impl Respond {
    /// Whether the answer waits for nothing.
    pub fn is_at_once(&self) -> bool {
        *self == Self::Accepted
    }
}

/// How a webhook's sender proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// Not at all.
    None,
    /// A shared token in `Authorization: Bearer`.
    Token,
    /// Standard Webhooks 1.0, symmetric signatures.
    StandardWebhooks,
    /// GitHub's `X-Hub-Signature-256`.
    Github,
    /// Stripe's `Stripe-Signature`.
    Stripe,
    /// Shopify's `X-Shopify-Hmac-Sha256`.
    Shopify,
}

/// How duplicates of an event are recognised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dedupe {
    /// One output, with the payload as `.`: a text or a number.
    pub key: Arc<Program>,
    /// For how long.
    pub window: Duration,
}

/// What a failure means that nothing caught.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnFailure {
    /// The kinds after which the run is compensated; after all others it is parked.
    pub compensate: Vec<ErrorKind>,
    /// Who is told, by the names of the policy. Plans of earlier hosts do not have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
}

/// How many runs of the same key may be at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Concurrency {
    /// Outputs, with the payload as `.`: the key, a text or a number, and after it the
    /// dedupe key where the flow has one, so that both take one evaluation.
    pub keys: Arc<Program>,
    /// Runs of the same key at the same time, at least 1.
    pub limit: u32,
    /// What becomes of an event while that many are at work.
    pub when_full: WhenFull,
    /// What a parked run does with its place.
    pub while_parked: WhileParked,
}

/// What becomes of an event while as many runs of its key are at work as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// Its run waits for its turn, in the order of arrival.
    Queue,
    /// It begins no run.
    Drop,
}

/// One step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the flow.
    pub id: StepId,
    /// Where its `id` stands.
    pub position: Position,
    /// JSON Schema of the step's value.
    pub schema: Option<JsonText>,
    /// What it does.
    pub kind: StepKind,
    /// What undoes it: a `call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensate: Option<Box<Step>>,
    /// JSON Pointers of its input and of its value that are masked on reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitive: Vec<String>,
}

/// What a step does. Each `program` also holds the step's `if`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Calls an operation.
    Call(Box<Call>),
    /// One output: the map.
    Set {
        /// What to evaluate.
        program: Arc<Program>,
    },
    /// Takes the first branch whose condition holds.
    Switch {
        /// One output per case: its condition.
        program: Arc<Program>,
        /// The branches, in the order of the outputs.
        cases: Vec<Block>,
        /// The branch that is taken if no condition holds.
        default: Option<Block>,
    },
    /// Runs steps for each item of a list.
    ForEach(ForEach),
    /// Runs branches at the same time.
    Parallel(Parallel),
    /// Runs steps whose failure other steps answer.
    Try(Try),
    /// Waits.
    Wait(Wait),
    /// Asks people.
    Approve(Box<Approve>),
    /// Runs another flow.
    Run(Box<RunFlow>),
    /// Waits for an event.
    Receive(Box<Receive>),
    /// Emits a CloudEvent. One output: its data.
    Emit {
        /// CloudEvents `type`.
        event_type: String,
        /// What to evaluate.
        program: Arc<Program>,
    },
    /// Ends the run as failed. Outputs: message, details.
    Fail {
        /// The error's kind.
        kind: ErrorKind,
        /// The error's code, the flow's own.
        code: String,
        /// What to evaluate.
        program: Arc<Program>,
    },
    /// Ends the run as succeeded. One output: the run's output.
    Return {
        /// What to evaluate.
        program: Arc<Program>,
    },
}

/// A `for_each` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForEach {
    /// One output: the list, or the input of the calls that fetch pages.
    pub program: Arc<Program>,
    /// Items at the same time, at least 1.
    pub parallel: u32,
    /// What a failed item means for the loop.
    #[serde(default)]
    pub on_item_failure: OnItemFailure,
    /// What to run.
    pub steps: Block,
    /// Where the items come from, page by page; from the list without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Box<Pages>>,
}

/// The pages of an operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pages {
    /// The call that fetches one.
    pub fetch: Step,
    /// How they follow each other, from the manifest.
    pub pagination: Pagination,
}

impl ForEach {
    /// Whether something inside has a compensation.
    pub fn is_undoable(&self) -> bool {
        fn any(block: &Block) -> bool {
            block
                .iter()
                .any(|step| step.compensate.is_some() || step.blocks().into_iter().any(any))
        }
        any(&self.steps)
    }
}

/// What a failed item means for its loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnItemFailure {
    /// The loop fails.
    #[default]
    Stop,
    /// The loop goes on, and fails only if too many items have failed.
    Collect {
        /// The share of the items that may fail.
        fail_above: Option<Share>,
    },
}

/// A `parallel` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parallel {
    /// No outputs.
    pub program: Arc<Program>,
    /// In the order of the file.
    pub branches: Vec<Branch>,
    /// When the step ends.
    pub join: Join,
}

/// A branch of a `parallel` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Branch {
    /// Unique in the step.
    pub name: StepId,
    /// What to run.
    pub steps: Block,
}

/// When a `parallel` step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// With the last branch.
    All,
    /// With the first branch that succeeds.
    Any,
}

/// A `try` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Try {
    /// No outputs.
    pub program: Arc<Program>,
    /// What may fail.
    pub steps: Block,
    /// What answers a failure: the first clause that takes it.
    pub catch: Vec<Catch>,
}

/// A clause of a `try` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Catch {
    /// The kinds that it takes; all but `unknown-outcome` if empty.
    pub kinds: Vec<ErrorKind>,
    /// What to run.
    pub steps: Block,
}

/// A `wait` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wait {
    /// One output, the instant, unless there is a duration.
    pub program: Arc<Program>,
    /// How long.
    pub duration: Option<Duration>,
    /// The business calendar, as it was: it counts the duration, or puts the instant off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Arc<Calendar>>,
}

/// An `approve` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approve {
    /// Outputs: title, what is shown, and the people who may not decide.
    pub program: Arc<Program>,
    /// The groups that may decide, at least one.
    pub groups: Vec<GroupName>,
    /// What may be decided.
    pub decisions: Vec<String>,
    /// How long they have.
    pub within: Option<Duration>,
    /// The business calendar by which times are counted, as it was.
    pub calendar: Option<Arc<Calendar>>,
    /// Further groups, each later than the one before.
    pub escalate: Vec<EscalateTo>,
    /// What the end without a decision of a person means.
    pub on_expiry: OnExpiry,
    /// The decision that fails the step, if one does.
    pub fails_on: Option<String>,
}

/// Further groups that may decide an approval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EscalateTo {
    /// How long after the question.
    pub after: Duration,
    /// The groups.
    pub groups: Vec<GroupName>,
}

/// A `run` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFlow {
    /// One output: the payload.
    pub program: Arc<Program>,
    /// The flow.
    pub flow: FlowName,
    /// The versions that will do; which one it is shows when the child begins.
    pub range: semver::VersionReq,
    /// Whether the step goes on without waiting for the child.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detach: bool,
    /// One output, with the child's output as `.`: the step's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Arc<Program>>,
    /// When another child is begun after one that failed.
    pub retry: RetryPolicy,
    /// How long a child may take by the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// A `receive` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receive {
    /// One output: the key that the run waits for, a text or a number.
    pub program: Arc<Program>,
    /// CloudEvents `type`, or the beginning of one with `.*` behind it.
    pub event_type: String,
    /// One output, with the event as `.`: the key that it carries, or `null`.
    pub event: Arc<Program>,
    /// How long the step waits.
    pub within: Option<Duration>,
    /// The business calendar by which that is counted, as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Arc<Calendar>>,
    /// What it means that no event came in time.
    #[serde(default)]
    pub on_timeout: OnTimeout,
    /// One output, with the event as `.`: the step's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Arc<Program>>,
}

impl Receive {
    /// Identifies the question that is asked of events. The same one in two flows, or in
    /// two versions of a flow, wherever it stands, is asked once.
    pub fn receiver(&self) -> Digest {
        let pieces = self.event.outputs.iter().flat_map(|output| &output.pieces);
        let source: String = pieces
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Expression(expression) => expression.source.trim(),
            })
            .collect();
        // The length keeps `a` + `bc` apart from `ab` + `c`.
        let (length, event_type) = (self.event_type.len(), &self.event_type);
        Digest::of(format!("{length}:{event_type}{source}"))
    }
}

/// What a call does whose outcome nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUncertain {
    /// It is tried again with the same key and bytes.
    Retry,
    /// A person decides.
    Park,
}

/// A `call` step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The connection.
    pub connection: ConnectionName,
    /// The operation.
    pub operation: OperationName,
    /// From the manifest.
    pub effect: Effect,
    /// From the manifest.
    pub idempotency: Idempotency,
    /// Outputs: the input, then the idempotency key if the step gives one.
    pub program: Arc<Program>,
    /// Whether the second output is there.
    pub has_key: bool,
    /// One output, with the raw result as `.`: the step's value.
    pub output: Option<Arc<Program>>,
    /// JSON Schema of the operation's input, from the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<JsonText>,
    /// JSON Schema of the operation's result, from the manifest.
    pub result_schema: JsonText,
    /// When and how it is tried again.
    pub retry: RetryPolicy,
    /// The longest time of one attempt.
    pub timeout: Duration,
    /// What to do when nobody knows the outcome; the operation's idempotency decides
    /// unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_uncertain: Option<OnUncertain>,
    /// That the operation will go, if it will; from the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
}

/// When and how a call is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The kinds after which it is.
    pub kinds: Vec<ErrorKind>,
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The first delay.
    pub delay: Duration,
    /// Each delay is this many times the one before, at least 1.
    pub factor: f64,
    /// No delay is longer.
    pub max_delay: Duration,
    /// How delays are spread.
    pub jitter: Jitter,
    /// The business calendar that attempts wait for, as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Arc<Calendar>>,
    /// No attempt begins later than this after the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_elapsed: Option<Duration>,
}

/// How delays are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Evenly between nothing and the whole delay.
    #[default]
    Full,
    /// Not at all.
    None,
}

impl Default for RetryPolicy {
    /// The defaults of the language: five attempts, 1 s doubling up to 1 min.
    fn default() -> Self {
        Self {
            kinds: ErrorKind::ALL
                .into_iter()
                .filter(|kind| kind.retried_by_default())
                .collect(),
            attempts: 5,
            delay: Duration::from_secs(1),
            factor: 2.0,
            max_delay: Duration::from_secs(60),
            jitter: Jitter::Full,
            calendar: None,
            max_elapsed: None,
        }
    }
}

impl Plan {
    /// The plan's identity: the digest of its serialised form.
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        Ok(Digest::of(serde_json::to_vec(self)?))
    }

    /// The step at a path of a run, be it a compensation.
    pub fn step_at(&self, path: &StepPath) -> Option<&Step> {
        let step = find(&self.steps, path.id())?;
        if path.is_compensation() {
            return step.compensate.as_deref();
        }
        if path.is_page() {
            return step.fetch();
        }
        Some(step)
    }

    /// Every step and every compensation, wherever it stands, in the order of the file.
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut out = Vec::new();
        collect(&self.steps, &mut out);
        out
    }

    /// Whether the flow names values that are masked on reading.
    pub fn has_sensitive(&self) -> bool {
        self.triggers
            .iter()
            .any(|trigger| !trigger.sensitive.is_empty())
            || self
                .all_steps()
                .iter()
                .any(|step| !step.sensitive.is_empty())
    }

    /// The trigger of this name.
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.name == name)
    }
}

fn find<'a>(steps: &'a [Step], id: &str) -> Option<&'a Step> {
    steps.iter().find_map(|step| {
        if step.id.as_str() == id {
            Some(step)
        } else {
            step.blocks().into_iter().find_map(|block| find(block, id))
        }
    })
}

fn collect<'a>(steps: &'a [Step], out: &mut Vec<&'a Step>) {
    for step in steps {
        out.push(step);
        out.extend(step.compensate.as_deref());
        out.extend(step.fetch());
        for block in step.blocks() {
            collect(block, out);
        }
    }
}

impl Step {
    /// The lists of steps inside of this one.
    pub fn blocks(&self) -> Vec<&Block> {
        match &self.kind {
            StepKind::Switch { cases, default, .. } => cases.iter().chain(default).collect(),
            StepKind::ForEach(each) => vec![&each.steps],
            StepKind::Parallel(parallel) => parallel
                .branches
                .iter()
                .map(|branch| &branch.steps)
                .collect(),
            StepKind::Try(plan) => {
                let clauses = plan.catch.iter().map(|catch| &catch.steps);
                std::iter::once(&plan.steps).chain(clauses).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The call that fetches the pages of a loop.
    pub fn fetch(&self) -> Option<&Self> {
        match &self.kind {
            StepKind::ForEach(each) => each.pages.as_ref().map(|pages| &pages.fetch),
            _ => None,
        }
    }

    /// The step's own expressions.
    pub fn program(&self) -> &Arc<Program> {
        match &self.kind {
            StepKind::Call(call) => &call.program,
            StepKind::ForEach(each) => &each.program,
            StepKind::Parallel(parallel) => &parallel.program,
            StepKind::Try(plan) => &plan.program,
            StepKind::Wait(wait) => &wait.program,
            StepKind::Approve(approve) => &approve.program,
            StepKind::Run(run) => &run.program,
            StepKind::Receive(receive) => &receive.program,
            StepKind::Set { program }
            | StepKind::Switch { program, .. }
            | StepKind::Emit { program, .. }
            | StepKind::Fail { program, .. }
            | StepKind::Return { program } => program,
        }
    }
}

/// The first expression of a program, for errors that concern all of it.
pub fn first_expression(program: &Program) -> Option<&dowel_core::expression::Expression> {
    let outputs = program.outputs.iter().flat_map(Template::expressions);
    program.condition.iter().chain(outputs).next()
}
