//! Which tree of the environment is active, and who has agreed to another one.
//!
//! A tree is known by one digest over everything that would become active. Another tree
//! takes effect only with the approvals that the environment asks for that is active now,
//! and the floor of the host. Approvals are recorded here, for that digest and for what is
//! active at that time: when something else becomes active they are void.

mod judge;
mod metrics;
mod status;

pub use judge::ChangeRule;
pub use status::{ChangeStatus, EnvironmentStatus, Look, LookFailure};

pub(crate) use metrics::RolloutMetrics;
pub(crate) use status::Looks;

use crate::canary::{self, Turned};
use crate::desk::{AuditTarget, Deciding, Draft};
use crate::engine::{Engine, EngineError, Shared};
use crate::keys;
use crate::plans::{ActivationError, Prepared};
use crate::settings::Settings;
use dowel_core::code::{Code, gitops, store};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{CommitId, Digest, Timestamp};
use dowel_flow::plan::Plan;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// The version of the form that this host writes.
const VERSION: u32 = 1;

/// Trees that wait at the same time: one is followed, others were before it.
const MAX_CHANGES: usize = 256;

/// Who acts where no person does.
const HOST: &str = "host";

/// A tree that could become active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The digest over everything that would become active.
    pub digest: Digest,
    /// The commit.
    pub commit: Option<CommitId>,
    /// The people whom the new commits name, by their addresses.
    pub authors: Vec<String>,
    /// What it changes, a line each.
    pub summary: Vec<String>,
}

/// Somebody's word about a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Who.
    pub actor: String,
    /// Why, in their words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// The tree that is active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Version of this form.
    pub v: u32,
    /// The tree.
    pub digest: Digest,
    /// The commit that brought it.
    pub commit: Option<CommitId>,
    /// Since when.
    pub at: Timestamp,
    /// Who approved it.
    pub approvals: Vec<Agreement>,
    /// The tree before.
    pub before: Option<Digest>,
}

/// A tree that waits to become active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Version of this form.
    pub v: u32,
    /// What was active when it came: the approvals are for this step and no other.
    pub base: Option<Digest>,
    /// The tree.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Since when it waits.
    pub since: Timestamp,
    /// Who has approved it.
    pub approvals: Vec<Agreement>,
    /// Who has rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Agreement>,
}

/// What becomes of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is active already, maybe by another commit.
    Unchanged,
    /// It became active.
    Active,
    /// It waits for so many more approvals.
    Awaiting(u32),
    /// Somebody has rejected it.
    Rejected,
}

/// Why a word about a tree was not recorded. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No such tree waits.
    #[error("no change with the digest {0} waits for an approval")]
    NoSuchChange(Digest),
    /// The author.
    #[error("`{0}` is an author of the change, and authors may not approve it")]
    Author(String),
    /// Not in the group.
    #[error("`{actor}` is not in the group `{group}`, which approves changes")]
    NotInGroup {
        /// Who asked.
        actor: String,
        /// The group.
        group: String,
    },
    /// Twice.
    #[error("`{0}` has approved the change already")]
    Twice(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChangeError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoSuchChange(_) => gitops::NO_SUCH_CHANGE,
            Self::Author(_) | Self::NotInGroup { .. } | Self::Twice(_) => gitops::MAY_NOT_APPROVE,
            Self::Store(_) => store::UNAVAILABLE,
        }
    }
}

/// What is known of trees in memory.
#[derive(Debug, Default)]
pub(crate) struct Rollout {
    /// Who changes what is active, or records a word, is alone.
    turn: tokio::sync::Mutex<()>,
    /// The repository is to be looked at again.
    decided: Notify,
    pub(crate) looks: Looks,
}

impl Rollout {
    /// Waits until nobody else changes what is active.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// The tree that is active by the record of a store; `None` before the first one.
///
/// # Errors
/// The store failed, or the record cannot be read.
pub async fn active_tree(store: &dyn Store) -> Result<Option<Activation>, StoreError> {
    let bytes = store.get(keys::ACTIVE_TREE).await?;
    bytes.map(|bytes| read(&bytes)).transpose()
}

fn read<T: for<'d> Deserialize<'d>>(bytes: &[u8]) -> Result<T, StoreError> {
    let unreadable = |error: serde_json::Error| {
        StoreError::Failed(format!("the record of trees cannot be read: {error}").into())
    };
    serde_json::from_slice(bytes).map_err(unreadable)
}

fn written(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Failed(error.to_string().into()))
}

async fn change(store: &dyn Store, digest: &Digest) -> Result<Option<Change>, StoreError> {
    let bytes = store.get(&keys::tree_change(digest)).await?;
    bytes.map(|bytes| read(&bytes)).transpose()
}

async fn changes(store: &dyn Store) -> Result<Vec<Change>, StoreError> {
    let rows = store
        .scan(Scan::prefix(keys::TREE_CHANGES, MAX_CHANGES))
        .await?;
    rows.iter().map(|(_, bytes)| read(bytes)).collect()
}

impl Engine {
    /// Makes a tree the active one if it may be. All or nothing: plans, settings and what
    /// `apply` does change together, or nothing does. Runs in flight stay on the plans that
    /// they began with.
    ///
    /// # Errors
    /// A plan cannot be used, `apply` refused, or the store failed; nothing has changed.
    pub async fn roll_out(
        &self,
        candidate: Candidate,
        plans: Vec<Plan>,
        settings: Settings,
        apply: impl FnOnce() -> Result<(), String> + Send,
    ) -> Result<Verdict, EngineError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let _turn = shared.rollout.turn.lock().await;
        let active = active_tree(store).await?;
        if active.as_ref().map(|active| active.digest) == Some(candidate.digest) {
            return Ok(Verdict::Unchanged);
        }
        // What cannot be used is refused before anybody is asked about it.
        let plans = shared.plans.keep_known(plans);
        let pinned = Prepared::compile(plans)?;
        let turned = canary::follow(shared, &pinned).await?;
        let canaries = &turned.records;
        let prepared = Prepared::of(shared, pinned, canaries, &settings.disabled).await?;
        let base = active.map(|active| active.digest);
        let change = proposed(shared, base, candidate).await?;
        let approvals = match self.verdict(&change) {
            Ok(approvals) => approvals,
            Err(verdict) => return Ok(verdict),
        };
        prepared.persist(store, Batch::default()).await?;
        apply().map_err(ActivationError::Refused)?;
        // Before any run could wait with a question that is not asked of events yet.
        let now = shared.ports.clock.now();
        shared
            .receivers
            .activate(store, &prepared.all(), now)
            .await?;
        record(shared, &change, approvals, turned).await?;
        shared.change_settings(settings);
        shared.plans.take_up(prepared);
        Ok(Verdict::Active)
    }

    /// The approvals that count if they are enough, by what is active now.
    fn verdict(&self, change: &Change) -> Result<Vec<Agreement>, Verdict> {
        let settings = self.shared().settings();
        let rule = settings.rule.with_floor(&self.shared().options.floor);
        if change.rejected.is_some() {
            return Err(Verdict::Rejected);
        }
        let counted = judge::counted(change, &rule, &settings.policy);
        let count = u32::try_from(counted.len()).unwrap_or(u32::MAX);
        match rule.approvals.checked_sub(count) {
            None | Some(0) => Ok(counted),
            Some(missing) => Err(Verdict::Awaiting(missing)),
        }
    }

    /// Records somebody's approval of a tree that waits, or their rejection.
    ///
    /// # Errors
    /// [`ChangeError`]; nothing was recorded.
    pub async fn decide_change(
        &self,
        digest: Digest,
        approve: bool,
        deciding: Deciding,
    ) -> Result<Change, ChangeError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let _turn = shared.rollout.turn.lock().await;
        let missing = || ChangeError::NoSuchChange(digest);
        let mut change = change(store, &digest).await?.ok_or_else(missing)?;
        let settings = shared.settings();
        let rule = settings.rule.with_floor(&shared.options.floor);
        let actor = deciding.actor;
        if approve {
            judge::may_approve(&change, &rule, &settings.policy, &actor)?;
        } else {
            judge::may_reject(&rule, &settings.policy, &actor)?;
        }
        let action = if approve {
            "approve-change"
        } else {
            "reject-change"
        };
        let reason = deciding.reason.unwrap_or_default();
        let draft = Draft {
            origin: deciding.origin,
            ..draft(&actor, action, &change, &reason)
        };
        let agreement = Agreement {
            actor,
            reason,
            at: shared.ports.clock.now(),
        };
        if approve {
            change.approvals.push(agreement);
        } else {
            change.rejected = Some(agreement);
        }
        let mut batch = Batch::default();
        batch.put(keys::tree_change(&digest), written(&change)?);
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        shared.rollout.decided.notify_one();
        Ok(change)
    }

    /// Asks whoever follows the repository to look again.
    pub fn look_again(&self) {
        self.shared().rollout.decided.notify_one();
    }

    /// Completes when somebody has asked to look again, or has recorded a word about a
    /// tree, since the last time.
    pub async fn look_wanted(&self) {
        self.shared().rollout.decided.notified().await;
    }
}

fn draft(actor: &str, action: &str, change: &Change, reason: &str) -> Draft {
    let target = AuditTarget::Tree(change.candidate.digest);
    Draft {
        reason: Some(reason.to_owned()),
        commit: change.candidate.commit.clone().map(Into::into),
        ..Draft::new(actor, action, target)
    }
}

/// The record of a tree, made if it is not there, and with what is known of it now.
async fn proposed(
    shared: &Shared,
    base: Option<Digest>,
    candidate: Candidate,
) -> Result<Change, StoreError> {
    let store = shared.ports.store.as_ref();
    let known = change(store, &candidate.digest).await?;
    // Approvals were given for the step from what was active then.
    let known = known.filter(|known| known.base == base);
    let change = match known {
        Some(mut known) => {
            // More commits with the same tree bring more authors, and never fewer.
            let mut authors = known.candidate.authors.clone();
            authors.extend(candidate.authors.iter().cloned());
            authors.sort();
            authors.dedup();
            let now = Candidate {
                authors,
                ..candidate
            };
            if known.candidate == now {
                return Ok(known);
            }
            known.candidate = now;
            known
        }
        None => Change {
            v: VERSION,
            base,
            candidate,
            since: shared.ports.clock.now(),
            approvals: Vec::new(),
            rejected: None,
        },
    };
    let mut batch = Batch::default();
    let key = keys::tree_change(&change.candidate.digest);
    batch.put(key, written(&change)?);
    let drafts = if change.approvals.is_empty() {
        vec![draft(
            HOST,
            "propose-change",
            &change,
            "a new tree was found",
        )]
    } else {
        Vec::new()
    };
    shared.desk.audit.commit(shared, batch, drafts).await?;
    Ok(change)
}

/// Writes down that a tree is active; every other one has to be asked for anew.
async fn record(
    shared: &Shared,
    change: &Change,
    approvals: Vec<Agreement>,
    turned: Turned,
) -> Result<(), StoreError> {
    let store = shared.ports.store.as_ref();
    let activation = Activation {
        v: VERSION,
        digest: change.candidate.digest,
        commit: change.candidate.commit.clone(),
        at: shared.ports.clock.now(),
        approvals,
        before: change.base,
    };
    let (mut batch, mut drafts) = (turned.batch, turned.drafts);
    batch.put(keys::ACTIVE_TREE.to_vec(), written(&activation)?);
    for other in changes(store).await? {
        batch.delete(keys::tree_change(&other.candidate.digest));
    }
    let draft = draft(
        HOST,
        "activate-change",
        change,
        "everything that is asked for is there",
    );
    drafts.insert(0, draft);
    shared.desk.audit.commit(shared, batch, drafts).await
}
