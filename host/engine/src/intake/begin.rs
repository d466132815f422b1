//! From what has been checked to durable runs: any number of them in one batch.

use super::claim::{Claim, Claimed, Ours};
use super::flow_keys::FlowKeys;
use super::place::Place;
use super::{Accepted, IntakeError};
use crate::canary;
use crate::desk::Draft;
use crate::engine::Shared;
use crate::format::StoreFormat;
use crate::keys;
use crate::plans::ActivePlan;
use crate::state::RunState;
use crate::summary::{self, RunSummary};
use dowel_core::journal::{Entry, Event, KeyPlace, ParentRun, RunCreated, VERSION};
use dowel_core::port::{Batch, StoreError};
use dowel_core::{JsonText, RunId, Timestamp};

/// How often a lost race for a dedupe key is looked at again. Each loss means that
/// another event won, so the second look nearly always finds its run.
const ROUNDS: usize = 4;

/// What a run is begun by.
pub(crate) struct Occasion {
    /// The trigger's name.
    pub(crate) trigger: String,
    /// The validated payload.
    pub(crate) payload: JsonText,
    /// `$event`, apart from the id of a run that has no other, and the trigger.
    pub(crate) fields: Vec<(&'static str, JsonText)>,
    pub(crate) traceparent: Option<String>,
    /// The business key that lists show, and the concurrency key.
    pub(crate) keys: FlowKeys,
    /// Under which keys duplicates are recognised.
    pub(crate) claims: Vec<Claim>,
    pub(crate) now: Timestamp,
    /// Where the event came from, if this is not the first time that it comes.
    pub(crate) origin: Origin,
}

/// Where an event came from that does not come for the first time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The run before, and what it had as `$event` and as its generation.
    pub(crate) rerun_of: Option<(RunId, JsonText, u32)>,
    /// From when on events count, if that is before the run.
    pub(crate) events_from: Option<Timestamp>,
    /// The entry of the quarantine.
    pub(crate) resubmitted_from: Option<RunId>,
    /// The run whose step begins this one, and the generation that tells it from other
    /// runs of the same payload.
    pub(crate) parent: Option<(ParentRun, u32)>,
}

/// A run that could begin.
#[derive(Clone)]
pub(crate) struct Prepared {
    state: RunState,
    writes: Batch,
    claims: Vec<Claim>,
    place: Place,
}

impl Prepared {
    /// The run, if it begins.
    pub(crate) fn run(&self) -> RunId {
        self.state.created.run
    }

    /// The run as it begins.
    pub(crate) fn created(&self) -> &RunCreated {
        &self.state.created
    }

    /// Adds all that it writes to a batch of somebody else.
    pub(crate) fn add_to(&self, batch: &mut Batch) {
        let writes = &self.writes;
        batch.preconditions.extend(writes.preconditions.clone());
        batch.writes.extend(writes.writes.clone());
    }

    /// It is on disk: it goes to work when its turn comes.
    pub(crate) fn begun(&self, shared: &Shared) {
        if !self.state.created.synthetic {
            shared.metrics.accepted(&self.state.created.flow);
        }
        shared.lately.accepted(shared.ports.clock.now());
        if self.place.keep() {
            shared.queue.begin(self.state.clone());
        }
    }

    /// The run of the same concurrency key in whose favour this one would be dropped.
    pub(crate) fn dropped_for(&self) -> Option<RunId> {
        self.place.full()
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({})", self.run())
    }
}

/// Makes a run of an occasion, on the plan or on the new version that gets a share of its
/// runs; nothing is written.
pub(crate) fn prepare(
    shared: &Shared,
    plan: &ActivePlan,
    occasion: Occasion,
) -> Result<Prepared, IntakeError> {
    let chosen = canary::choose(shared, plan, &occasion);
    let plan = chosen.as_deref().unwrap_or(plan);
    let broken = |e: String| IntakeError::Store(StoreError::Failed(e.into()));
    let (at, claims) = (occasion.now, occasion.claims.clone());
    let random = shared.ports.randomness.bytes();
    let mut ten = [0; 10];
    ten.copy_from_slice(&random[..10]);
    let run = RunId::new(at, ten);
    let key = occasion.keys.concurrency.as_deref();
    let place = Place::take(shared, &plan.plan, key, run);
    let created = created(shared, plan, occasion, run, place.in_journal());
    let entry = |seq, event| Entry {
        v: VERSION,
        seq,
        at,
        event,
    };
    let mut entries = vec![entry(0, Event::Created(created))];
    let queued = place.behind().map(|behind| Event::Queued { behind });
    entries.extend(queued.map(|event| entry(1, event)));
    let state = RunState::fold(&entries).map_err(|e| broken(e.to_string()))?;
    let mut writes =
        first_batch(&state, &entries, shared.format.now()).map_err(|e| broken(e.to_string()))?;
    place.write(&mut writes);
    Ok(Prepared {
        state,
        writes,
        claims,
        place,
    })
}

fn created(
    shared: &Shared,
    plan: &ActivePlan,
    occasion: Occasion,
    run: RunId,
    key_place: Option<KeyPlace>,
) -> RunCreated {
    let plan_ref = &plan.plan;
    RunCreated {
        run,
        flow: plan_ref.flow.clone(),
        version: plan_ref.version.clone(),
        plan: plan.digest,
        commit: plan_ref.commit.clone(),
        connectors: plan_ref.connectors.clone(),
        mapping: plan_ref.mapping,
        event: match &occasion.origin.rerun_of {
            Some((_, event, _)) => event.clone(),
            None => event_variable(run, &occasion),
        },
        trigger: occasion.trigger,
        payload: occasion.payload,
        env: shared.settings().env.clone(),
        dedupe_key: occasion.keys.dedupe,
        key_place,
        generation: match (&occasion.origin.rerun_of, &occasion.origin.parent) {
            (_, Some((_, generation))) => *generation,
            (Some((_, _, generation)), None) => generation.saturating_add(1),
            (None, None) => 1,
        },
        synthetic: plan_ref.synthetic || is_of_synthetic(&occasion.origin),
        rerun_of: occasion.origin.rerun_of.as_ref().map(|(run, ..)| *run),
        events_from: occasion.origin.events_from,
        resubmitted_from: occasion.origin.resubmitted_from,
        parent: occasion.origin.parent.map(|(parent, _)| parent),
        traceparent: Some(
            occasion
                .traceparent
                .filter(|t| crate::trace_context::is_valid(t))
                .unwrap_or_else(|| crate::trace_context::begin(run, shared.options.trace_share)),
        ),
    }
}

/// Whether a made-up run begins it.
fn is_of_synthetic(origin: &Origin) -> bool {
    let parent = origin.parent.as_ref();
    parent.is_some_and(|(parent, _)| parent.synthetic)
}

/// `$event`: the id is the run's own unless the occasion has one.
fn event_variable(run: RunId, occasion: &Occasion) -> JsonText {
    let id = JsonText::string(&run.to_string());
    let trigger = JsonText::string(&occasion.trigger);
    let has_id = occasion.fields.iter().any(|(name, _)| *name == "id");
    let own = (!has_id).then_some(("id", &id)).into_iter();
    let fields = occasion.fields.iter();
    let fields = fields.map(|(name, value)| (*name, value));
    JsonText::object(own.chain([("trigger", &trigger)]).chain(fields))
}

fn first_batch(
    state: &RunState,
    entries: &[Entry],
    format: StoreFormat,
) -> Result<Batch, serde_json::Error> {
    let run = state.created.run;
    let mut batch = Batch::default();
    crate::journal::put_page(run, entries, format, &mut batch)?;
    batch.put(keys::active(run), crate::queue::due_now());
    batch.put(
        keys::summary(run),
        serde_json::to_vec(&RunSummary::of(state))?,
    );
    if let Some(key) = &state.created.dedupe_key {
        batch.put(keys::by_business_key(key, run), Vec::new());
    }
    summary::add_first(state, &mut batch);
    Ok(batch)
}

/// What else is to be written with the runs that begin.
#[derive(Clone, Default)]
pub(crate) struct With {
    pub(crate) batch: Batch,
    /// Entries of the audit record.
    pub(crate) drafts: Vec<Draft>,
}

impl From<Batch> for With {
    fn from(batch: Batch) -> Self {
        Self {
            batch,
            drafts: Vec::new(),
        }
    }
}

/// Begins the runs that are no duplicates, together with what else is to be written, in
/// one batch. On `Ok` it is on disk. Answers in the order of the runs.
///
/// # Errors
/// Nothing was written. A conflict with a precondition of `with` is given back as such.
pub(crate) async fn begin(
    shared: &Shared,
    runs: &[Prepared],
    with: &With,
) -> Result<Vec<Accepted>, IntakeError> {
    for _ in 0..ROUNDS {
        let mut batch = with.batch.clone();
        let accepted = stake_all(shared, runs, &mut batch).await?;
        if batch.writes.is_empty() {
            return Ok(announce(shared, runs, accepted));
        }
        let drafts = with.drafts.clone();
        match shared.desk.audit.commit(shared, batch, drafts).await {
            Ok(()) => return Ok(announce(shared, runs, accepted)),
            Err(StoreError::Conflict(key))
                if !with.batch.preconditions.iter().any(|p| p.key() == key) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = "the dedupe key changes hands too fast";
    Err(IntakeError::Store(StoreError::Failed(message.into())))
}

async fn stake_all(
    shared: &Shared,
    runs: &[Prepared],
    batch: &mut Batch,
) -> Result<Vec<Accepted>, IntakeError> {
    let mut ours = Ours::new();
    let mut accepted = Vec::with_capacity(runs.len());
    for prepared in runs {
        let run = prepared.state.created.run;
        let mut added = Batch::default();
        let mut first = None;
        for claim in &prepared.claims {
            let now = prepared.state.created_at;
            match claim.stake(shared, &mut added, &mut ours, run, now).await? {
                Claimed::Free => {}
                Claimed::Taken(owner) => {
                    first = Some(owner);
                    break;
                }
                Claimed::OtherContent => return Err(IntakeError::IdempotencyMismatch),
            }
        }
        let dropped = prepared.place.full().map(Accepted::Dropped);
        let begun = |run| accepted.contains(&Accepted::New(run));
        if first.is_none() && !prepared.place.may_be_dropped(begun) {
            // The run that it would be dropped for may yet not be written. The sender
            // tries again.
            return Err(IntakeError::Backlog(1));
        }
        match first.map(Accepted::Duplicate).or(dropped) {
            Some(none) => {
                ours.retain(|_, (owner, _)| *owner != run);
                accepted.push(none);
            }
            None => {
                batch.preconditions.extend(added.preconditions);
                batch.writes.extend(added.writes);
                prepared.add_to(batch);
                accepted.push(Accepted::New(run));
            }
        }
    }
    Ok(accepted)
}

fn announce(shared: &Shared, runs: &[Prepared], accepted: Vec<Accepted>) -> Vec<Accepted> {
    for (prepared, accepted) in runs.iter().zip(&accepted) {
        let flow = &prepared.state.created.flow;
        match accepted {
            Accepted::New(_) => prepared.begun(shared),
            Accepted::Duplicate(_) => shared.metrics.duplicate(flow),
            Accepted::Dropped(_) => shared.metrics.dropped(flow),
        }
    }
    accepted
}
