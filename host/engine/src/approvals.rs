//! Approvals that wait for people: the index of the open ones, and decisions.

use crate::command::CommandError;
use crate::conceal::Concealer;
use crate::engine::{Engine, EngineError, Shared};
use crate::journal;
use crate::keys;
use crate::mask::mask;
use crate::plans::ActivePlan;
use crate::state::{ApprovalState, DecisionRefused, RunState};
use dowel_core::journal::{Actor, ApprovalAsked, Command, Commanded, Escalation, Origin};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{Digest, FlowName, JsonText, RunId, StepPath, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The longest page of a list.
const MAX_PAGE: usize = 500;

/// How many open approvals one request looks at: a rare filter gets a short page and a
/// cursor to go on with.
const MAX_EXAMINED: usize = 20_000;

/// An approval that waits for a decision, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenApproval {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// The run's flow.
    pub flow: FlowName,
    /// The flow's version.
    pub version: semver::Version,
    /// Git commit of the flow, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The plan's digest: it fixes the connectors as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// The question in a line.
    pub title: String,
    /// What the people are shown, masked.
    pub show: JsonText,
    /// The groups that may decide now.
    pub groups: Vec<String>,
    /// What may be decided.
    pub decisions: Vec<String>,
    /// People who may not decide.
    pub exclude: Vec<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it expires; never without it.
    pub until: Option<Timestamp>,
    /// Further groups that may decide later.
    pub escalations: Vec<Escalation>,
}

/// Which approvals to list, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct ApprovalsQuery {
    /// Only of this flow.
    pub flow: Option<FlowName>,
    /// Only those that this group may decide now.
    pub group: Option<String>,
    /// Only those after this place, which a page before has given.
    pub cursor: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ApprovalsPage {
    /// The approvals, the oldest first.
    pub approvals: Vec<OpenApproval>,
    /// Pass this as `cursor` for the next page.
    pub next: Option<String>,
}

/// A person's decision about an approval.
#[derive(Clone, Debug)]
pub struct PersonDecides {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepPath,
    /// One of the decisions.
    pub decision: String,
    /// Who.
    pub actor: Actor,
    /// Why, in their words.
    pub comment: Option<String>,
    /// How they were known, and from where.
    pub origin: Option<Origin>,
}

/// Why a decision was not recorded. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The decision does not count.
    #[error(transparent)]
    Refused(#[from] DecisionRefused),
    /// The run or the engine did not take it.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl DecideError {
    /// The stable code.
    pub const fn code(&self) -> dowel_core::code::Code {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Command(error) => error.code(),
        }
    }
}

/// The entries that a run has in the index: key, and how many escalations have come.
pub(crate) type Listed = BTreeMap<Vec<u8>, usize>;

fn key(state: &RunState, approval: &ApprovalState) -> Vec<u8> {
    keys::approval(approval.asked_at, state.created.run, approval.seq)
}

/// What the index says about a run in this state.
pub(crate) fn listed(state: &RunState) -> Listed {
    let open = state.open_approvals();
    open.map(|one| (key(state, one), one.escalated)).collect()
}

/// Puts what has changed since `before` into a batch, and gives what is listed with it.
pub(crate) fn add_to(
    batch: &mut Batch,
    before: &Listed,
    plan: &ActivePlan,
    state: &RunState,
) -> Result<Listed, StoreError> {
    let now = listed(state);
    for gone in before.keys().filter(|key| !now.contains_key(*key)) {
        batch.delete(gone.clone());
    }
    for approval in state.open_approvals() {
        let key = key(state, approval);
        if before.get(&key) != now.get(&key) {
            let bytes = serde_json::to_vec(&record(plan, state, approval))
                .map_err(|e| StoreError::Failed(e.to_string().into()))?;
            batch.put(key, bytes);
        }
    }
    Ok(now)
}

fn record(plan: &ActivePlan, state: &RunState, approval: &ApprovalState) -> OpenApproval {
    let (created, mut asked) = (&state.created, ApprovalAsked::clone(&approval.asked));
    if let Some(concealer) = Concealer::new([plan]) {
        concealer.of_state(state).conceal_question(&mut asked);
    }
    let exclude = asked.exclude.iter().chain(&state.editors);
    let later = asked.escalations.iter().skip(approval.escalated);
    OpenApproval {
        run: created.run,
        step: asked.path.clone(),
        flow: created.flow.clone(),
        version: created.version.clone(),
        commit: state.commit().map(str::to_owned),
        plan: Some(state.plan()),
        title: asked.title,
        show: asked.show,
        groups: approval.groups().map(str::to_owned).collect(),
        decisions: asked.decisions,
        exclude: exclude.cloned().collect(),
        asked_at: approval.asked_at,
        until: asked.until,
        escalations: later.cloned().collect(),
    }
}

/// The open approvals, for metrics: 32 bytes each.
#[derive(Debug, Default)]
pub(crate) struct OpenSet(Mutex<BTreeSet<(Timestamp, RunId, u64)>>);

impl OpenSet {
    /// Reads the index.
    pub(crate) async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut scan = Scan::prefix(keys::APPROVAL, MAX_PAGE);
        loop {
            let rows = store.scan(scan.clone()).await?;
            let mut open = self.0.lock();
            open.extend(rows.iter().filter_map(|(key, _)| keys::read_approval(key)));
            drop(open);
            match rows.last() {
                Some((key, _)) if rows.len() == MAX_PAGE => scan = scan.after(key.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// A run's entries have changed in the store.
    pub(crate) fn written(&self, before: &Listed, now: &Listed) {
        if before.is_empty() && now.is_empty() {
            return;
        }
        let mut open = self.0.lock();
        for gone in before.keys().filter_map(|key| keys::read_approval(key)) {
            open.remove(&gone);
        }
        open.extend(now.keys().filter_map(|key| keys::read_approval(key)));
    }

    fn count_and_oldest(&self) -> (usize, Option<Timestamp>) {
        let open = self.0.lock();
        (open.len(), open.first().map(|(asked, ..)| *asked))
    }
}

impl Engine {
    /// The approvals that wait for a decision.
    pub async fn approvals(&self, query: &ApprovalsQuery) -> Result<ApprovalsPage, EngineError> {
        Ok(list(self.shared(), query).await?)
    }

    /// How many approvals wait for a decision.
    pub fn approval_count(&self) -> u64 {
        self.shared().approvals.count_and_oldest().0 as u64
    }

    /// Records a person's decision, if they may make it. When this returns, it is in the
    /// run's journal, or on disk and due at the next start. The same decision of the same
    /// person again changes nothing and is no error.
    pub async fn decide_approval(&self, wanted: &PersonDecides) -> Result<(), DecideError> {
        if self.is_theirs(wanted).await? {
            return Ok(());
        }
        let commanded = Commanded {
            actor: wanted.actor.clone(),
            reason: wanted.comment.clone(),
            confirmed_by: None,
            origin: wanted.origin.clone(),
            bulk: None,
            command: Command::Decide {
                path: wanted.step.clone(),
                decision: wanted.decision.clone(),
                groups: self.shared().settings().policy.groups_of(&wanted.actor.0),
            },
        };
        match self.command(wanted.run, commanded).await {
            Err(CommandError::Refused(reason)) => {
                // Somebody was faster: say who.
                if self.is_theirs(wanted).await? {
                    return Ok(());
                }
                Err(CommandError::Refused(reason).into())
            }
            done => Ok(done?),
        }
    }

    /// Whether the person has decided exactly this already; otherwise whether they may.
    async fn is_theirs(&self, wanted: &PersonDecides) -> Result<bool, DecideError> {
        let shared = self.shared();
        let entries = journal::load(shared.ports.store.as_ref(), wanted.run)
            .await
            .map_err(|error| CommandError::Engine(error.into()))?;
        if entries.is_empty() {
            return Err(CommandError::NoSuchRun(wanted.run).into());
        }
        let state = RunState::fold(&entries)
            .map_err(|e| CommandError::Engine(EngineError::Journal(e.to_string())))?;
        let (person, decision) = (wanted.actor.0.as_str(), wanted.decision.as_str());
        let groups = shared.settings().policy.groups_of(person);
        match state.may_decide(&wanted.step, decision, person, &groups) {
            Ok(_) => Ok(false),
            Err(DecisionRefused::Decided {
                decision: made, by, ..
            }) if made == decision && dowel_flow::policy::same_person(&by, person) => Ok(true),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Brings the metrics of approvals up to date.
    pub(crate) fn refresh_approvals(&self) {
        let (open, oldest) = self.shared().approvals.count_and_oldest();
        let age = oldest.map(|asked| self.now().since(asked).as_secs_f64());
        let metrics = self.metrics();
        metrics
            .approvals
            .set(i64::try_from(open).unwrap_or(i64::MAX));
        metrics.oldest_approval.set(age.unwrap_or_default());
    }
}

async fn list(shared: &Shared, query: &ApprovalsQuery) -> Result<ApprovalsPage, StoreError> {
    let limit = query.limit.clamp(1, MAX_PAGE);
    let mut approvals = Vec::new();
    let mut scan = Scan::prefix(keys::APPROVAL, MAX_PAGE);
    if let Some(after) = query.cursor.as_deref().and_then(keys::approval_of_cursor) {
        scan = scan.after(after);
    }
    let mut examined = 0;
    loop {
        let rows = shared.ports.store.scan(scan.clone()).await?;
        let more = rows.len() == MAX_PAGE;
        for (key, value) in rows {
            examined += 1;
            scan = scan.after(key.clone());
            if let Ok(found) = serde_json::from_slice::<OpenApproval>(&value)
                && query.matches(&found)
            {
                approvals.push(OpenApproval {
                    show: mask(&found.show),
                    ..found
                });
            }
            if approvals.len() == limit || examined == MAX_EXAMINED {
                let next = Some(keys::cursor_of_approval(&key));
                return Ok(ApprovalsPage { approvals, next });
            }
        }
        if !more {
            let next = None;
            return Ok(ApprovalsPage { approvals, next });
        }
    }
}

impl ApprovalsQuery {
    fn matches(&self, found: &OpenApproval) -> bool {
        self.flow.as_ref().is_none_or(|flow| *flow == found.flow)
            && self
                .group
                .as_ref()
                .is_none_or(|group| found.groups.contains(group))
    }
}
