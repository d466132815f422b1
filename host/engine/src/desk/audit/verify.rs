//! Looks whether the record is as it was written.

use super::chain::{ChainHead, link};
use super::seal;
use crate::desk::keys;
use crate::engine::{Engine, EngineError};
use dowel_core::Digest;
use dowel_core::port::{Scan, Store, StoreError};
use serde::Serialize;

/// Entries that are read at a time.
const ROWS_PER_SCAN: usize = 500;

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainBreak {
    /// The number of the entry at which it shows.
    pub seq: u64,
    /// What is wrong there.
    pub what: String,
}

/// What a look at the record has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainReport {
    /// How many entries were looked at.
    pub entries: u64,
    /// The head as it is kept.
    pub head: ChainHead,
    /// The first place at which the record is not as it was written.
    pub broken: Option<ChainBreak>,
}

/// An entry with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedEntry {
    /// Its number.
    pub seq: u64,
    /// The digest before it.
    pub before: Digest,
    /// Its digest as it is kept; nothing if it was not linked.
    pub digest: Option<Digest>,
    /// The number of an entry right before it that is linked and not there.
    pub missing: Option<u64>,
    /// Its bytes: one JSON object.
    pub record: Vec<u8>,
}

/// A digest that was told of outside of the store, such as in the host's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The number of an entry.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
}

/// Reads the chain from its begin.
pub(super) struct Links<'s> {
    store: &'s dyn Store,
    head: ChainHead,
}

impl<'s> Links<'s> {
    pub(super) fn new(store: &'s dyn Store) -> Self {
        Self {
            store,
            head: ChainHead::default(),
        }
    }

    /// The next entries, and the digests that should be theirs; none at the end.
    async fn next(&mut self) -> Result<Vec<(ChainedEntry, Digest)>, StoreError> {
        let after = keys::audit(self.head.seq);
        let scan = Scan::prefix(keys::AUDIT, ROWS_PER_SCAN).after(after);
        let rows = self.store.scan(scan).await?;
        let scan = Scan::prefix(keys::CHAIN, ROWS_PER_SCAN).after(keys::chain(self.head.seq));
        let mut kept = self.store.scan(scan).await?.into_iter().peekable();
        let mut entries = Vec::with_capacity(rows.len());
        for (key, record) in rows {
            let Some(seq) = keys::read_audit(&key) else {
                continue;
            };
            let mut missing = None;
            while let Some((key, _)) = kept.next_if(|(key, _)| keys::read_chain(key) < Some(seq)) {
                missing = keys::read_chain(&key);
            }
            let digest = kept.next_if(|(key, _)| keys::read_chain(key) == Some(seq));
            let bytes = digest.and_then(|(_, bytes)| <[u8; 32]>::try_from(bytes).ok());
            let before = self.head.digest;
            self.head = self.head.with(seq, &record);
            let entry = ChainedEntry {
                seq,
                before,
                digest: bytes.map(Digest::from_bytes),
                missing,
                record,
            };
            entries.push((entry, self.head.digest));
        }
        Ok(entries)
    }
}

/// Compares an entry with what the chain says of it.
fn judge(entry: &ChainedEntry, expected: &Digest, anchors: &[Anchor]) -> Option<&'static str> {
    let named = serde_json::from_slice::<super::AuditRecord>(&entry.record);
    match named {
        Err(_) => return Some("the entry cannot be read"),
        Ok(record) if record.seq != entry.seq => {
            return Some("the entry stands in the place of another one");
        }
        Ok(_) => {}
    }
    let mut anchors = anchors.iter().filter(|anchor| anchor.seq == entry.seq);
    match entry.digest {
        None => Some("the entry has no place in the chain: it was added"),
        Some(digest) if digest != *expected => {
            Some("the entry, or one right before it, was changed, removed or added")
        }
        Some(digest) if anchors.any(|anchor| anchor.digest != digest) => {
            Some("the chain was made anew: its digest is another one than the anchor's")
        }
        Some(_) => None,
    }
}

/// Looks at the whole record of a store, whose host need not run.
pub async fn verify_audit(
    store: &dyn Store,
    anchors: &[Anchor],
) -> Result<ChainReport, StoreError> {
    let (head, _) = seal::head(store).await?;
    let mut links = Links::new(store);
    let mut report = ChainReport {
        entries: 0,
        head,
        broken: None,
    };
    let broken = |seq: u64, what: &str| {
        let what = what.to_owned();
        Some(ChainBreak { seq, what })
    };
    loop {
        let entries = links.next().await?;
        if entries.is_empty() {
            break;
        }
        for (entry, expected) in entries {
            report.entries += 1;
            // What came after the head is linked at the next start.
            if entry.seq > head.seq {
                continue;
            }
            if let Some(seq) = entry.missing {
                report.broken = broken(seq, "the entry was removed");
                return Ok(report);
            }
            if let Some(what) = judge(&entry, &expected, anchors) {
                report.broken = broken(entry.seq, what);
                return Ok(report);
            }
            if report.entries == head.count && entry.seq == head.seq && expected != head.digest {
                report.broken = broken(entry.seq, "the head is another one");
                return Ok(report);
            }
        }
    }
    let linked = report.entries.min(head.count);
    let last = anchors.iter().map(|anchor| anchor.seq).max();
    if linked < head.count {
        report.broken = broken(head.seq, "entries at the end were removed");
    } else if let Some(seq) = last.filter(|seq| *seq > head.seq) {
        report.broken = broken(seq, "the entry of the anchor was removed");
    } else if let Some(seq) = orphan(store).await? {
        report.broken = broken(seq, "the entry was removed");
    }
    Ok(report)
}

/// A place in the chain whose entry is gone.
async fn orphan(store: &dyn Store) -> Result<Option<u64>, StoreError> {
    let scan = Scan::prefix(keys::CHAIN, 1).reversed().keys_only();
    let rows = store.scan(scan).await?;
    let Some(seq) = rows.first().and_then(|(key, _)| keys::read_chain(key)) else {
        return Ok(None);
    };
    let entry = store.get(&keys::audit(seq)).await?;
    Ok(entry.is_none().then_some(seq))
}

/// Checks lines of an export: each follows the one before it.
pub fn check_entry(before: &Digest, seq: u64, record: &[u8], digest: &Digest) -> bool {
    link(before, seq, record) == *digest
}

impl Engine {
    /// Looks whether the record is as it was written.
    pub async fn verify_audit(&self, anchors: &[Anchor]) -> Result<ChainReport, EngineError> {
        seal::seal(self.shared()).await?;
        Ok(verify_audit(self.shared().ports.store.as_ref(), anchors).await?)
    }

    /// Entries with their places in the chain, the oldest first, after a number and the
    /// digest that belongs to it; none at the end.
    pub async fn audit_chain(
        &self,
        after: Option<&ChainedEntry>,
    ) -> Result<Vec<ChainedEntry>, EngineError> {
        let store = self.shared().ports.store.as_ref();
        let head = match after {
            None => {
                seal::seal(self.shared()).await?;
                ChainHead::default()
            }
            Some(entry) => ChainHead {
                seq: entry.seq,
                digest: link(&entry.before, entry.seq, &entry.record),
                count: 0,
            },
        };
        let mut links = Links { store, head };
        let entries = links.next().await?;
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }
}
