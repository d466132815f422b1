//! Claims: which run owns a key under which duplicates are recognised, and until when.

use crate::engine::Shared;
use crate::keys;
use dowel_core::port::{Batch, StoreError};
use dowel_core::{Digest, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A key that a run wants for itself.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    key: Vec<u8>,
    until: Timestamp,
    content: Option<Digest>,
    is_noted: bool,
}

/// Who owns a key, and until when.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DedupeOwner {
    pub(crate) run: RunId,
    pub(crate) until: Timestamp,
    /// Digest of the request, where another request may not have the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Digest>,
}

/// The run that a stored dedupe key belongs to.
pub(crate) fn owner_of(bytes: &[u8]) -> Option<RunId> {
    let owner: DedupeOwner = serde_json::from_slice(bytes).ok()?;
    Some(owner.run)
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// Nobody owned the key.
    Free,
    /// This run owns it.
    Taken(RunId),
    /// The owner's request was another one.
    OtherContent,
}

/// Keys that this batch has claimed already, with their runs.
pub(super) type Ours = HashMap<Vec<u8>, (RunId, Option<Digest>)>;

impl Claim {
    /// What it is known by, as text.
    pub(crate) fn name(&self) -> String {
        self.key.escape_ascii().to_string()
    }

    pub(crate) const fn new(key: Vec<u8>, until: Timestamp) -> Self {
        Self {
            key,
            until,
            content: None,
            is_noted: false,
        }
    }

    /// The same for a key that cannot be found from the run that has it: its end is noted
    /// from the beginning, so that it is removed then.
    pub(crate) fn noted(self) -> Self {
        Self {
            is_noted: true,
            ..self
        }
    }

    /// The same for requests of this content only.
    pub(crate) fn of_content(self, content: Digest) -> Self {
        Self {
            content: Some(content),
            ..self
        }
    }

    fn judge(&self, run: RunId, content: Option<Digest>) -> Claimed {
        match (self.content, content) {
            (Some(ours), Some(theirs)) if ours != theirs => Claimed::OtherContent,
            _ => Claimed::Taken(run),
        }
    }

    /// Adds the claim to the batch, or finds the run that owns the key.
    pub(super) async fn stake(
        &self,
        shared: &Shared,
        batch: &mut Batch,
        ours: &mut Ours,
        run: RunId,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        if let Some((first, content)) = ours.get(&self.key) {
            return Ok(self.judge(*first, *content));
        }
        match shared.ports.store.get(&self.key).await? {
            None => batch.require_absent(self.key.clone()),
            Some(bytes) => match serde_json::from_slice::<DedupeOwner>(&bytes) {
                Ok(first) if first.until > now => return Ok(self.judge(first.run, first.content)),
                _ => batch.require_equal(self.key.clone(), bytes),
            },
        };
        let owner = DedupeOwner {
            run,
            until: self.until,
            content: self.content,
        };
        let value =
            serde_json::to_vec(&owner).map_err(|e| StoreError::Failed(e.to_string().into()))?;
        batch.put(self.key.clone(), value);
        if self.is_noted {
            batch.put(keys::expiring(self.until, &self.key), Vec::new());
        }
        ours.insert(self.key.clone(), (run, self.content));
        Ok(Claimed::Free)
    }
}
