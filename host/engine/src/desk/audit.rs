//! The record of what people decided: append-only, numbered without doubles, each entry
//! written in the batch of what it tells of.
//!
//! Numbers are given while the batch is handed over to the store, so entries are on disk
//! in the order of their numbers. A batch that the store refuses takes its number with
//! it: a reader accepts gaps, and a chain of digests (`seal`) links each entry to the one
//! that is there before it.

mod chain;
mod seal;
mod verify;

pub use chain::ChainHead;
pub(super) use seal::work;
pub use verify::{Anchor, ChainBreak, ChainReport, ChainedEntry, check_entry, verify_audit};

use super::keys;
use super::page::failed_step;
use crate::engine::{Engine, Shared};
use crate::state::{RunState, RunStatus};
use dowel_core::journal::{Command, Commanded, Origin};
use dowel_core::port::{Batch, BoxFuture, Scan, Store, StoreError};
use dowel_core::{Digest, FlowName, RunId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// The version of the form that this host writes.
const VERSION: u32 = 1;

/// How often a number is looked for that no other host has given.
const ROUNDS: usize = 64;

/// The longest page of a list.
const MAX_PAGE: usize = 500;

/// Entries that one request looks at: a rare filter gets a short page and a cursor.
const MAX_EXAMINED: usize = 20_000;

/// An entry of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Version of this form.
    pub v: u32,
    /// Its number on this host, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What is decided, and about what.
    #[serde(flatten)]
    pub draft: Draft,
}

/// An entry before it has a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Who.
    pub actor: String,
    /// Who confirmed it, where the environment asks for two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// How the author was known, and from where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The bulk operation that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk: Option<RunId>,
    /// What, such as `retry`, `bulk-retry` or `bulk-pause`.
    pub action: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// About what.
    pub target: AuditTarget,
    /// The flow that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowName>,
    /// Git commit of the flow or of the tree that it is about, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Digest of the plan that the run was on: it fixes the connectors as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// Where it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Standing>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Standing>,
    /// The run that it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<RunId>,
    /// Why nothing came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a decision is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditTarget {
    /// A run.
    Run(RunId),
    /// A bulk operation.
    Bulk(RunId),
    /// A payload in quarantine.
    Payload(RunId),
    /// A flow.
    Flow(FlowName),
    /// A trigger, as `<flow>/<trigger>`.
    Trigger(String),
    /// A connection, by its name.
    Connection(String),
    /// A person who may use the host.
    User(String),
    /// An API token, by its id.
    Token(String),
    /// The host as a whole.
    Host(String),
    /// A tree of the environment.
    Tree(Digest),
}

impl AuditTarget {
    fn is(&self, id: RunId) -> bool {
        match self {
            Self::Run(other) | Self::Bulk(other) | Self::Payload(other) => *other == id,
            Self::Flow(_)
            | Self::Trigger(_)
            | Self::Connection(_)
            | Self::User(_)
            | Self::Token(_)
            | Self::Host(_)
            | Self::Tree(_) => false,
        }
    }
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The status.
    pub status: String,
    /// The step that waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The error's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The digest of what it is about, where that is a record of the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

impl Standing {
    /// A status and nothing more.
    pub(crate) fn of(status: &str) -> Self {
        Self {
            status: status.to_owned(),
            step: None,
            code: None,
            digest: None,
        }
    }

    /// Where a run stands.
    pub(crate) fn of_run(state: &RunState) -> Self {
        let waits = matches!(state.status, RunStatus::Parked | RunStatus::Failed);
        let error = state.error.as_ref().filter(|_| waits);
        Self {
            status: state.status.name().to_owned(),
            step: failed_step(state).filter(|_| waits),
            code: error.map(|(error, _)| error.code.clone()),
            digest: None,
        }
    }
}

impl Draft {
    /// A decision about a run, before it is carried out.
    pub(crate) fn of_command(commanded: &Commanded, state: &RunState) -> Self {
        let created = &state.created;
        let target = AuditTarget::Run(created.run);
        let command = &commanded.command;
        Self {
            confirmed_by: commanded.confirmed_by.as_ref().map(|by| by.0.clone()),
            origin: commanded.origin.clone(),
            bulk: commanded.bulk,
            reason: commanded.reason.clone(),
            flow: Some(created.flow.clone()),
            commit: state.commit().map(str::to_owned),
            plan: Some(state.plan()),
            before: Some(Standing::of_run(state)),
            began: match command {
                Command::Rerun { run } => Some(*run),
                _ => None,
            },
            ..Self::new(&commanded.actor.0, command.name(), target)
        }
    }

    /// Whether it is about this, began it, or is a part of it.
    fn is_about(&self, id: RunId) -> bool {
        self.target.is(id) || self.began == Some(id) || self.bulk == Some(id)
    }

    /// What came of it.
    pub(crate) fn end(&mut self, state: &RunState, verdict: &Result<(), String>) {
        self.after = Some(Standing::of_run(state));
        self.refused = verdict.as_ref().err().cloned();
    }

    /// A decision about something.
    pub(crate) fn new(actor: &str, action: &str, target: AuditTarget) -> Self {
        Self {
            actor: actor.to_owned(),
            confirmed_by: None,
            origin: None,
            bulk: None,
            action: action.to_owned(),
            reason: None,
            target,
            flow: None,
            commit: None,
            plan: None,
            before: None,
            after: None,
            began: None,
            refused: None,
        }
    }
}

/// Gives numbers out.
#[derive(Debug, Default)]
pub(crate) struct AuditLog {
    last: Mutex<u64>,
    /// Held by whoever links entries.
    sealing: tokio::sync::Mutex<()>,
    /// Held while an entry is written, where other hosts write as well.
    turn: tokio::sync::Mutex<()>,
    /// An entry is on disk and is not linked yet.
    news: Notify,
}

impl AuditLog {
    /// Goes on where the record ends.
    pub(super) async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        let scan = Scan::prefix(keys::AUDIT, 1).reversed().keys_only();
        let rows = store.scan(scan).await?;
        let last = rows.first().and_then(|(key, _)| keys::read_audit(key));
        let mut known = self.last.lock();
        *known = (*known).max(last.unwrap_or_default());
        Ok(())
    }

    /// Commits a batch together with the entries that tell of it.
    pub(crate) async fn commit(
        &self,
        shared: &Shared,
        mut batch: Batch,
        drafts: Vec<Draft>,
    ) -> Result<(), StoreError> {
        if drafts.is_empty() {
            return shared.ports.store.commit(batch).await;
        }
        let at = shared.ports.clock.now();
        let written = match shared.leases.are_needed() {
            false => self.hand_over(shared, &mut batch, drafts, at)?.await,
            true => self.take_turns(shared, &batch, &drafts, at).await,
        };
        if written.is_ok() {
            self.news.notify_one();
        }
        written
    }

    /// Other hosts give numbers, too, and what has a lower number is on disk first all the
    /// same: the last number is in the store, and each batch moves it on.
    async fn take_turns(
        &self,
        shared: &Shared,
        batch: &Batch,
        drafts: &[Draft],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let store = shared.ports.store.as_ref();
        let mut written = Ok(());
        for _ in 0..ROUNDS {
            let known = store.get(keys::AUDIT_LAST).await?;
            self.load(store).await?;
            let number = known.as_deref().and_then(|bytes| bytes.try_into().ok());
            let number = number.map_or(0, u64::from_be_bytes);
            let last = {
                let mut last = self.last.lock();
                *last = (*last).max(number);
                *last + drafts.len() as u64
            };
            let mut batch = batch.clone();
            match known {
                Some(bytes) => batch.require_equal(keys::AUDIT_LAST.to_vec(), bytes),
                None => batch.require_absent(keys::AUDIT_LAST.to_vec()),
            };
            batch.put(keys::AUDIT_LAST.to_vec(), last.to_be_bytes().to_vec());
            let handed = self.hand_over(shared, &mut batch, drafts.to_vec(), at)?;
            written = handed.await;
            match &written {
                Err(StoreError::Conflict(key))
                    if key == keys::AUDIT_LAST || keys::read_audit(key).is_some() => {}
                _ => return written,
            }
        }
        written
    }

    /// Handing over is what puts batches in order; nothing is waited for here.
    fn hand_over<'s>(
        &self,
        shared: &'s Shared,
        batch: &mut Batch,
        drafts: Vec<Draft>,
        at: Timestamp,
    ) -> Result<BoxFuture<'s, Result<(), StoreError>>, StoreError> {
        let mut last = self.last.lock();
        for draft in drafts {
            *last += 1;
            let record = AuditRecord {
                v: VERSION,
                seq: *last,
                at,
                draft,
            };
            let bytes = serde_json::to_vec(&record)
                .map_err(|e| StoreError::Failed(e.to_string().into()))?;
            let key = keys::audit(*last);
            batch.require_absent(key.clone()).put(key, bytes);
        }
        Ok(shared.ports.store.commit(std::mem::take(batch)))
    }
}

/// Which entries to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only about this run or bulk operation.
    pub about: Option<RunId>,
    /// Only about this flow.
    pub flow: Option<FlowName>,
    /// Only by this person, be it as the second one.
    pub actor: Option<String>,
    /// Only decisions of this name.
    pub action: Option<String>,
    /// Only entries with a lower number.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// A page of the record.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// The entries, the newest first.
    pub records: Vec<AuditRecord>,
    /// Pass this as `before` for the next page.
    pub next: Option<u64>,
}

impl AuditQuery {
    fn matches(&self, draft: &Draft) -> bool {
        let is_by =
            |actor: &String| draft.actor == *actor || draft.confirmed_by.as_ref() == Some(actor);
        self.about.is_none_or(|id| draft.is_about(id))
            && self.actor.as_ref().is_none_or(is_by)
            && self.action.as_ref().is_none_or(|a| draft.action == *a)
            && (self.flow.is_none() || self.flow == draft.flow)
    }
}

impl Engine {
    /// What people decided, the newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, crate::EngineError> {
        let store = &self.shared().ports.store;
        let limit = query.limit.clamp(1, MAX_PAGE);
        let mut scan = Scan::prefix(keys::AUDIT, MAX_PAGE).reversed();
        if let Some(before) = query.before {
            scan = scan.after(keys::audit(before));
        }
        let (mut records, mut examined) = (Vec::new(), 0);
        loop {
            let rows = store.scan(scan.clone()).await?;
            let more = rows.len() == MAX_PAGE;
            for (key, value) in rows {
                examined += 1;
                let record = serde_json::from_slice::<AuditRecord>(&value).ok();
                records.extend(record.filter(|record| query.matches(&record.draft)));
                if records.len() == limit || examined == MAX_EXAMINED {
                    let next = keys::read_audit(&key);
                    return Ok(AuditPage { records, next });
                }
                scan = scan.after(key);
            }
            if !more {
                return Ok(AuditPage {
                    records,
                    next: None,
                });
            }
        }
    }
}
