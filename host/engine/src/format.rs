//! In which format a store is written, and until when the program before this one could go
//! on with it.
//!
//! A format is a number for everything that a store holds: the forms of journals above all.
//! A program reads every format up to its newest one. What an earlier program could not read
//! is a [`Feature`] of the format that brought it, and is not used before the store has that
//! format: a new store begins with the newest one, another one stays as it is until somebody
//! finalises the upgrade. Until then the earlier program can take the store back.

use crate::desk::{AuditTarget, Deciding, Draft, Standing};
use crate::engine::{Engine, EngineError, Shared};
use crate::keys;
use dowel_core::Timestamp;
use dowel_core::code::{Code, store as store_code, upgrade};
use dowel_core::port::{Batch, Clock, Scan, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// The version of the record's own form.
const VERSION: u32 = 1;

/// Who writes the format of a new store.
const HOST: &str = "host";

/// The number of a store's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreFormat(u32);

impl StoreFormat {
    /// The one before there were numbers: a store without a record of its format has it.
    pub const FIRST: Self = Self(1);

    /// The newest one that this program knows.
    pub const NEWEST: Self = Self(2);

    /// As a number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether a store of this format may hold what the feature writes.
    pub const fn has(self, feature: Feature) -> bool {
        self.0 >= feature.since().0
    }
}

impl fmt::Display for StoreFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that programs of an earlier format cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Large values of a run lie beside its journal.
    LargeValues,
}

impl Feature {
    /// All of them, in the order of their formats.
    pub const ALL: [Self; 1] = [Self::LargeValues];

    /// The format that brought it.
    pub const fn since(self) -> StoreFormat {
        match self {
            Self::LargeValues => StoreFormat(2),
        }
    }

    /// What it does, as it is shown to operators.
    pub const fn about(self) -> &'static str {
        match self {
            Self::LargeValues => "large values lie beside the journal, equal ones once",
        }
    }
}

/// Why a store's format cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// A newer program has finalised it.
    #[error(
        "the store has the format {found}, and this program reads up to {newest}: `dowel upgrade finalize` was said to \
         a newer program (version {program}, {since})"
    )]
    TooNew {
        /// The store's format.
        found: StoreFormat,
        /// The newest one that is read.
        newest: StoreFormat,
        /// The version of the program that wrote it.
        program: String,
        /// When.
        since: Timestamp,
    },
    /// The record is not one.
    #[error("the record of the store's format cannot be read: {0}")]
    Unreadable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FormatError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::TooNew { .. } => upgrade::FORMAT_TOO_NEW,
            Self::Unreadable(_) => upgrade::FORMAT_UNREADABLE,
            Self::Store(_) => store_code::UNAVAILABLE,
        }
    }
}

/// What the store says of its format. Programs of every format read these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    v: u32,
    format: StoreFormat,
    since: Timestamp,
    by: String,
    program: String,
}

impl Record {
    fn new(format: StoreFormat, since: Timestamp, by: &str) -> Self {
        Self {
            v: VERSION,
            format,
            since,
            by: by.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn put(&self, batch: &mut Batch) -> Result<(), FormatError> {
        let bytes = serde_json::to_vec(self).map_err(|e| FormatError::Unreadable(e.to_string()))?;
        batch.put(keys::FORMAT.to_vec(), bytes);
        Ok(())
    }
}

async fn record(store: &dyn Store) -> Result<Option<Record>, FormatError> {
    let Some(bytes) = store.get(keys::FORMAT).await? else {
        return Ok(None);
    };
    let unreadable = |e: serde_json::Error| FormatError::Unreadable(e.to_string());
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}

fn readable(record: Option<&Record>, newest: StoreFormat) -> Result<StoreFormat, FormatError> {
    match record {
        None => Ok(StoreFormat::FIRST),
        Some(record) if record.format <= newest => Ok(record.format),
        Some(record) => Err(FormatError::TooNew {
            found: record.format,
            newest,
            program: record.program.clone(),
            since: record.since,
        }),
    }
}

/// The format of a store that this program reads.
///
/// # Errors
/// The store has a newer one, its record cannot be read, or it failed.
pub async fn format_of(store: &dyn Store) -> Result<StoreFormat, FormatError> {
    readable(record(store).await?.as_ref(), StoreFormat::NEWEST)
}

/// The format that is written, which others may raise while the host works.
#[derive(Debug)]
pub(crate) struct Format(AtomicU32);

impl Format {
    /// Finds out which it is. A store without anything in it gets the newest one, by a batch
    /// that has to be written with or before whatever else is written first.
    pub(crate) async fn open(
        store: &dyn Store,
        clock: &dyn Clock,
        newest: StoreFormat,
    ) -> Result<(Self, Batch), FormatError> {
        let (mut known, mut first) = (record(store).await?, Batch::default());
        if known.is_none() && is_empty(store).await? {
            let newest = Record::new(newest, clock.now(), HOST);
            newest.put(&mut first)?;
            known = Some(newest);
        }
        let format = readable(known.as_ref(), newest)?;
        Ok((Self(AtomicU32::new(format.0)), first))
    }

    /// The format that is written now.
    pub(crate) fn now(&self) -> StoreFormat {
        StoreFormat(self.0.load(Ordering::Acquire))
    }

    fn raise(&self, to: StoreFormat) {
        self.0.fetch_max(to.0, Ordering::AcqRel);
    }
}

async fn is_empty(store: &dyn Store) -> Result<bool, StoreError> {
    let rows = store.scan(Scan::prefix(Vec::new(), 1).keys_only()).await?;
    Ok(rows.is_empty())
}

/// How an upgrade stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeStatus {
    /// The format of the store, which is what this host writes.
    pub format: StoreFormat,
    /// The newest one that this host could write.
    pub newest: StoreFormat,
    /// Since when the store has its format, and who said so; nothing where a program
    /// before there were formats made the store.
    pub since: Option<(Timestamp, String)>,
    /// What finalising brings.
    pub pending: Vec<Feature>,
}

impl UpgradeStatus {
    /// Whether the program before this one cannot take the store back, or never could.
    pub fn is_final(&self) -> bool {
        self.format == self.newest
    }
}

impl Engine {
    /// How an upgrade of the store stands.
    ///
    /// # Errors
    /// The record cannot be read, or the store failed.
    pub async fn upgrade_status(&self) -> Result<UpgradeStatus, EngineError> {
        Ok(status(self.shared()).await?)
    }

    /// Lets the store have the newest format from now on: programs that do not know it
    /// refuse it. Nothing is done where it has it already.
    ///
    /// # Errors
    /// The record cannot be read, or the store failed; nothing has changed.
    pub async fn finalize_upgrade(&self, deciding: Deciding) -> Result<UpgradeStatus, EngineError> {
        let shared = self.shared();
        let before = status(shared).await?;
        if before.is_final() {
            shared.format.raise(before.format);
            return Ok(before);
        }
        let (from, to) = (before.format, before.newest);
        let mut batch = Batch::default();
        let store = shared.ports.store.as_ref();
        match store.get(keys::FORMAT).await.map_err(FormatError::from)? {
            Some(bytes) => batch.require_equal(keys::FORMAT.to_vec(), bytes),
            None => batch.require_absent(keys::FORMAT.to_vec()),
        };
        Record::new(to, shared.ports.clock.now(), &deciding.actor).put(&mut batch)?;
        let draft = Draft {
            origin: deciding.origin,
            reason: deciding.reason,
            before: Some(Standing::of(&format!("format {from}"))),
            after: Some(Standing::of(&format!("format {to}"))),
            ..Draft::new(
                &deciding.actor,
                "finalize-upgrade",
                AuditTarget::Host(shared.options.environment.clone()),
            )
        };
        let written = shared.desk.audit.commit(shared, batch, vec![draft]).await;
        match written {
            // Somebody else did it at the same time.
            Err(StoreError::Conflict(key)) if key == keys::FORMAT => {}
            other => other.map_err(FormatError::from)?,
        }
        let after = status(shared).await?;
        // What is written from here on may need the record that is durable by now.
        shared.format.raise(after.format);
        tracing::warn!(%from, to = %after.format, by = deciding.actor, "the store has a new format");
        Ok(after)
    }
}

async fn status(shared: &Shared) -> Result<UpgradeStatus, FormatError> {
    let record = record(shared.ports.store.as_ref()).await?;
    let newest = shared.options.newest_format;
    let format = readable(record.as_ref(), newest)?;
    let is_pending = |feature: &Feature| !format.has(*feature) && newest.has(*feature);
    Ok(UpgradeStatus {
        format,
        newest,
        since: record.map(|record| (record.since, record.by)),
        pending: Feature::ALL.into_iter().filter(is_pending).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_belongs_to_a_format_that_is_known() {
        for feature in Feature::ALL {
            assert!(StoreFormat::FIRST < feature.since());
            assert!(StoreFormat::NEWEST.has(feature), "{}", feature.about());
            assert!(!StoreFormat::FIRST.has(feature));
        }
    }

    #[test]
    fn a_store_of_a_later_format_is_refused_by_name() {
        let record = Record::new(StoreFormat(9), Timestamp::from_millis(0), "ana");
        let refused = readable(Some(&record), StoreFormat::NEWEST).unwrap_err();
        assert_eq!(refused.code(), upgrade::FORMAT_TOO_NEW);
        let text = refused.to_string();
        assert!(
            text.contains("format 9") && text.contains("up to 2"),
            "{text}"
        );
        let none = readable(None, StoreFormat::FIRST).unwrap();
        assert_eq!(none, StoreFormat::FIRST);
    }
}
