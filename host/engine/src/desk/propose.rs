//! Four eyes: decisions that one person proposes and another one confirms.
//!
//! Which decisions need it is the environment's. A proposal is a record; confirming takes
//! it out in the batch that carries the decision out, so it is carried out once.

use super::audit::{AuditTarget, Draft, Standing};
use super::bulk::{self, Bulk, BulkChange};
use super::decide::{Action, Decided, Deciding};
use super::item::{Item, ItemClass};
use super::quarantine::{self, check_rejected};
use super::{index, keys};
use crate::command::CommandError;
use crate::conceal::Concealer;
use crate::engine::{Engine, EngineError};
use crate::intake::IntakeError;
use crate::journal;
use crate::mask::{MASK, mask};
use crate::state::RunState;
use crate::summary;
use dowel_core::journal::{Actor, Commanded};
use dowel_core::port::{Batch, Scan, StoreError};
use dowel_core::{FlowName, JsonText, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest list.
const MAX_LIST: usize = 500;

/// A decision that waits for a second person. Stored, and versioned like the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Identifies it; of a bulk operation, the operation's id.
    pub id: RunId,
    /// The item, the run or the bulk operation.
    pub about: RunId,
    /// What is proposed.
    pub action: Action,
    /// Who proposes it, and why.
    pub deciding: Deciding,
    /// The flow, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowName>,
    /// How many exceptions, of a bulk operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<u64>,
    /// When the item was opened that its author has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}

/// What became of a confirmed proposal.
#[derive(Clone, Debug)]
pub enum Confirmed {
    /// It was carried out.
    Decided(Proposal, Decided),
    /// It goes on by itself.
    Bulk(Box<Bulk>),
}

/// Adds the proposal of a bulk operation to the batch that writes the operation.
pub(super) fn propose_bulk(batch: &mut Batch, bulk: &Bulk) -> Result<(), StoreError> {
    let proposal = Proposal {
        id: bulk.id,
        about: bulk.id,
        action: bulk.action.clone(),
        deciding: bulk.deciding.clone(),
        flow: bulk.query.flow.clone(),
        bulk: Some(bulk.total),
        seen: None,
        at: bulk.created_at,
    };
    put(batch, &proposal)
}

fn put(batch: &mut Batch, proposal: &Proposal) -> Result<(), StoreError> {
    let bytes =
        serde_json::to_vec(proposal).map_err(|e| StoreError::Failed(e.to_string().into()))?;
    let key = keys::proposal(proposal.id);
    batch.require_absent(key.clone()).put(key, bytes);
    Ok(())
}

/// Refuses a decision about an item that is not as its author has seen it.
pub(super) fn check_as_seen(
    seen: Option<Timestamp>,
    now: Option<&Item>,
) -> Result<(), CommandError> {
    match (seen, now.map(|item| item.opened_at)) {
        (seen, now) if seen == now => Ok(()),
        (_, None) => Err(CommandError::ProposalStale(
            "nobody has to decide about it any more",
        )),
        (_, Some(_)) => Err(CommandError::ProposalStale(
            "the exception has opened anew since the decision was proposed",
        )),
    }
}

/// Names are compared as people write them.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

impl Engine {
    /// Whether the environment asks for two people.
    pub(super) fn needs_two(&self, action: &Action) -> bool {
        self.shared().settings().four_eyes.contains(action.name())
    }

    /// Writes a decision down that waits for a second person, if it would be carried out
    /// now.
    pub(super) async fn propose(
        &self,
        about: RunId,
        deciding: Deciding,
        action: Action,
    ) -> Result<Decided, CommandError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let item = index::get(store, about).await?;
        let deciding = Deciding {
            confirmed_by: None,
            ..deciding
        };
        self.check_proposed(about, item.as_ref(), &deciding, &action)
            .await?;
        let run = item.as_ref().map_or(Some(about), |item| item.run);
        let summary = match run {
            Some(run) => summary::get(store, run).await?,
            None => None,
        };
        let now = self.now();
        let mut ten = [0; 10];
        ten.copy_from_slice(&shared.ports.randomness.bytes()[..10]);
        let of_run = summary.as_ref().map(|summary| summary.flow.clone());
        let proposal = Proposal {
            id: RunId::new(now, ten),
            about,
            action,
            deciding,
            flow: item.as_ref().map(|item| item.flow.clone()).or(of_run),
            bulk: None,
            seen: item.as_ref().map(|item| item.opened_at),
            at: now,
        };
        let mut batch = Batch::default();
        put(&mut batch, &proposal)?;
        let draft = draft(&proposal, "propose", &proposal.deciding);
        shared.desk.audit.commit(shared, batch, vec![draft]).await?;
        Ok(Decided {
            run,
            status: summary.map(|summary| summary.status),
            began: None,
            proposed: Some(proposal.id),
        })
    }

    /// What can be refused now is not left to the second person.
    async fn check_proposed(
        &self,
        about: RunId,
        item: Option<&Item>,
        deciding: &Deciding,
        action: &Action,
    ) -> Result<(), CommandError> {
        if item.is_some_and(|item| item.class == ItemClass::Quarantined) {
            return check_rejected(action, deciding);
        }
        let run = item.map_or(Some(about), |item| item.run);
        let run = run.ok_or(CommandError::NoSuchItem(about))?;
        if *action == Action::Rerun {
            let store = self.shared().ports.store.as_ref();
            let summary = summary::get(store, run).await?;
            return summary.map(|_| ()).ok_or(CommandError::NoSuchRun(run));
        }
        let commanded = Commanded {
            actor: Actor(deciding.actor.clone()),
            reason: deciding.reason.clone(),
            confirmed_by: None,
            origin: None,
            bulk: None,
            command: self.command_of(run, item, action.clone()).await?,
        };
        self.checked(run, commanded).await.map(|_| ())
    }

    /// The decisions that wait for a second person, the oldest first.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, EngineError> {
        let scan = Scan::prefix(keys::PROPOSAL, MAX_LIST);
        let rows = self.shared().ports.store.scan(scan).await?;
        let proposals = rows.iter();
        let proposals = proposals.filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok());
        Ok(proposals.collect())
    }

    /// The value that a proposed decision gives to a step or an event, as people may see it;
    /// who confirms it has to know it.
    pub async fn proposed_value(
        &self,
        proposal: &Proposal,
    ) -> Result<Option<JsonText>, EngineError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let (path, value) = match &proposal.action {
            Action::EditInput { path, input, .. } => (path, input),
            Action::Complete { path, output } => (path, output),
            Action::Resubmit {
                payload: Some(payload),
            } => {
                let shown = quarantine::conceal(shared, proposal.about, payload).await?;
                return Ok(Some(shown));
            }
            _ => return Ok(None),
        };
        let item = index::get(store, proposal.about).await?;
        let run = item.as_ref().map_or(Some(proposal.about), |item| item.run);
        let own = || item.as_ref().and_then(|item| item.step.clone());
        let (Some(run), Some(path)) = (run, path.clone().or_else(own)) else {
            return Ok(Some(JsonText::string(MASK)));
        };
        let entries = journal::load(store, run).await?;
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        let concealer = Concealer::load(store, &shared.plans, &entries, &state).await?;
        let shown = match &concealer {
            Some(concealer) => concealer.input(&state, Some(&path), value),
            None => value.clone(),
        };
        Ok(Some(mask(&shown)))
    }

    /// A proposal, and the batch that takes it out.
    async fn proposal(&self, id: RunId) -> Result<(Proposal, Batch), CommandError> {
        let none = || CommandError::NoSuchProposal(id);
        let key = keys::proposal(id);
        let bytes = self.shared().ports.store.get(&key).await?;
        let bytes = bytes.ok_or_else(none)?;
        let proposal = serde_json::from_slice(&bytes).map_err(|_| none())?;
        let mut batch = Batch::default();
        batch.require_equal(key.clone(), bytes).delete(key);
        Ok((proposal, batch))
    }

    /// Carries a proposed decision out. The record names both people.
    ///
    /// # Errors
    /// It is the same person, or the exception is not as it was; nothing was changed.
    pub async fn confirm(
        &self,
        id: RunId,
        confirming: &Deciding,
    ) -> Result<Confirmed, CommandError> {
        let (proposal, batch) = self.proposal(id).await?;
        if is_same(&proposal.deciding.actor, &confirming.actor) {
            return Err(CommandError::SamePerson(proposal.action.name()));
        }
        if proposal.bulk.is_some() {
            let bulk = bulk::confirm(self, id, confirming, batch).await;
            let bulk = bulk.map_err(|error| taken(id, error))?;
            return Ok(Confirmed::Bulk(Box::new(bulk)));
        }
        let item = index::get(&*self.shared().ports.store, proposal.about).await?;
        check_as_seen(proposal.seen, item.as_ref())?;
        let deciding = Deciding {
            confirmed_by: Some(confirming.actor.clone()),
            ..proposal.deciding.clone()
        };
        let action = proposal.action.clone();
        let decided = self.decide_with(proposal.about, deciding, action, batch);
        let decided = decided.await.map_err(|error| taken(id, error))?;
        Ok(Confirmed::Decided(proposal, decided))
    }

    /// Takes a proposal back, or refuses it: whoever made it, or somebody else.
    ///
    /// # Errors
    /// There is none of this id; nothing was changed.
    pub async fn reject(&self, id: RunId, rejecting: &Deciding) -> Result<Proposal, CommandError> {
        let (proposal, batch) = self.proposal(id).await?;
        if proposal.bulk.is_some() {
            self.change_bulk(id, BulkChange::Cancel, rejecting).await?;
            return Ok(proposal);
        }
        let shared = self.shared();
        let draft = draft(&proposal, "reject", rejecting);
        let written = shared.desk.audit.commit(shared, batch, vec![draft]).await;
        written.map_err(|error| taken(id, error.into()))?;
        Ok(proposal)
    }
}

/// Somebody else took the proposal at the same moment.
fn taken(id: RunId, error: CommandError) -> CommandError {
    let key = match &error {
        CommandError::Engine(EngineError::Store(StoreError::Conflict(key)))
        | CommandError::Intake(IntakeError::Store(StoreError::Conflict(key))) => key,
        _ => return error,
    };
    match *key == keys::proposal(id) {
        true => CommandError::NoSuchProposal(id),
        false => error,
    }
}

fn draft(proposal: &Proposal, what: &str, by: &Deciding) -> Draft {
    let name = format!("{what}-{}", proposal.action.name());
    let target = match proposal.action {
        Action::Resubmit { .. } => AuditTarget::Payload(proposal.about),
        _ => AuditTarget::Run(proposal.about),
    };
    let after = match what {
        "propose" => "proposed",
        _ => "rejected",
    };
    Draft {
        origin: by.origin.clone(),
        reason: by.reason.clone(),
        flow: proposal.flow.clone(),
        after: Some(Standing::of(after)),
        ..Draft::new(&by.actor, &name, target)
    }
}
