//! Values that a flow keeps between runs: `state` of the language, `$state` in
//! expressions.
//!
//! They belong to the flow's name, across versions. A run reads them when it begins and
//! writes them in the batch that records its success. Of runs that overlap the last
//! success wins, and the journal of the winner names the run whose values it has not
//! seen. Names that a version does not know stay as they are, so that going back to an
//! older version finds them again.

use crate::keys;
use dowel_core::port::{Batch, Store, StoreError};
use dowel_core::{FlowName, JsonText, RunId};
use dowel_flow::plan::KeptState;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a flow keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// By name.
    pub(crate) values: BTreeMap<String, Box<RawValue>>,
    /// Grows by one with each success.
    pub(crate) version: u64,
    /// The run that wrote it.
    pub(crate) run: RunId,
}

/// What is in the store, and its bytes for the precondition of the next write.
pub(crate) struct Stored {
    pub(crate) kept: Option<Kept>,
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What a run does to the values when it succeeds.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) key: Vec<u8>,
    pub(crate) before: Option<Vec<u8>>,
    pub(crate) after: Vec<u8>,
}

impl Keeping {
    /// Adds the write to a batch, on condition that nobody has written meanwhile.
    pub(crate) fn add_to(&self, batch: &mut Batch) {
        match &self.before {
            Some(before) => batch.require_equal(self.key.clone(), before.clone()),
            None => batch.require_absent(self.key.clone()),
        };
        batch.put(self.key.clone(), self.after.clone());
    }
}

/// Reads what a flow keeps.
pub(crate) async fn load(store: &dyn Store, flow: &FlowName) -> Result<Stored, StoreError> {
    let bytes = store.get(&keys::kept(flow)).await?;
    let kept = match &bytes {
        None => None,
        Some(bytes) => Some(serde_json::from_slice(bytes).map_err(broken)?),
    };
    Ok(Stored { kept, bytes })
}

impl Stored {
    /// How often it has been written.
    pub(crate) fn version(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.version)
    }

    /// The values that a plan names: those that are kept, otherwise the initial ones.
    pub(crate) fn values(&self, plan: &KeptState) -> JsonText {
        let kept = |name: &str| {
            let raw = self.kept.as_ref()?.values.get(name)?;
            JsonText::parse(raw.get()).ok()
        };
        let values: Vec<(&str, JsonText)> = plan
            .values
            .iter()
            .map(|value| {
                let name = value.name.as_str();
                (name, kept(name).unwrap_or_else(|| value.initial.clone()))
            })
            .collect();
        JsonText::object(values.iter().map(|(name, value)| (*name, value)))
    }

    /// The write of new values by a run.
    pub(crate) fn keep(
        self,
        flow: &FlowName,
        run: RunId,
        new: &JsonText,
    ) -> Result<Keeping, StoreError> {
        let version = self.version() + 1;
        let mut values = self.kept.map(|kept| kept.values).unwrap_or_default();
        let new: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(new.as_str()).map_err(broken)?;
        values.extend(new);
        let kept = Kept {
            values,
            version,
            run,
        };
        Ok(Keeping {
            key: keys::kept(flow),
            before: self.bytes,
            after: serde_json::to_vec(&kept).map_err(broken)?,
        })
    }
}

#[allow(clippy::needless_pass_by_value)] // The signature that `map_err` calls.
fn broken(error: serde_json::Error) -> StoreError {
    StoreError::Failed(format!("the kept state of a flow cannot be read: {error}").into())
}
