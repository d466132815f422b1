//! A run's journal in the store: pages of entries, one page for each turn.

use crate::keys;
use crate::mask::mask;
use crate::state::IllegalEvent;
use dowel_core::journal::Entry;
use dowel_core::port::{Scan, Store, StoreError};
use dowel_core::{JsonText, RunId};

/// Pages that are read at a time.
const PAGES_PER_SCAN: usize = 256;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A page does not hold journal entries.
    #[error("the journal of run {run} cannot be read: {reason}")]
    Malformed {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The entries do not follow each other.
    #[error("the journal of run {run} does not fold: {source}")]
    Illegal {
        /// The run.
        run: RunId,
        /// Why.
        source: IllegalEvent,
    },
}

/// One page: an entry per line.
pub(crate) fn encode(entries: &[Entry]) -> Result<Vec<u8>, serde_json::Error> {
    let mut page = Vec::with_capacity(entries.len() * 256);
    for entry in entries {
        serde_json::to_writer(&mut page, entry)?;
        page.push(b'\n');
    }
    Ok(page)
}

/// The entries of a page.
pub(crate) fn decode(run: RunId, page: &[u8]) -> Result<Vec<Entry>, JournalError> {
    let malformed = |reason: String| JournalError::Malformed { run, reason };
    let text = std::str::from_utf8(page).map_err(|e| malformed(e.to_string()))?;
    // A payload may contain raw line breaks between its tokens, so the page is read as
    // a stream of values and not line by line.
    let entries = serde_json::Deserializer::from_str(text).into_iter::<Entry>();
    entries
        .collect::<Result<_, _>>()
        .map_err(|e| malformed(e.to_string()))
}

/// A run's journal; empty if there is no such run.
pub(crate) async fn load(store: &dyn Store, run: RunId) -> Result<Vec<Entry>, JournalError> {
    let mut entries = Vec::new();
    let mut scan = Scan::prefix(keys::journal(run), PAGES_PER_SCAN);
    loop {
        let pages = store.scan(scan.clone()).await?;
        for (_, page) in &pages {
            entries.extend(decode(run, page)?);
        }
        match pages.last() {
            Some((key, _)) if pages.len() == PAGES_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(entries),
        }
    }
}

/// A run's journal for people and their tools: one JSON document for each entry, with
/// sensitive values masked; empty if there is no such run.
pub async fn masked_journal(store: &dyn Store, run: RunId) -> Result<Vec<JsonText>, JournalError> {
    let entries = load(store, run).await?;
    let documents = entries.iter().map(|entry| {
        let document = JsonText::of(entry).map_err(|error| JournalError::Malformed {
            run,
            reason: error.to_string(),
        });
        document.map(|document| mask(&document))
    });
    documents.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::journal::Event;
    use dowel_core::{JsonText, StepPath, Timestamp};

    #[test]
    fn pages_round_trip_with_line_breaks_inside_payloads() {
        let run = RunId::new(Timestamp::default(), [0; 10]);
        let path: StepPath = serde_json::from_str("\"a\"").unwrap();
        let value = JsonText::parse("{\n\"id\": 12345678901234567890, \"p\": 1.10\r\n}").unwrap();
        let entry = |seq| Entry {
            v: 1,
            seq,
            at: Timestamp::from_millis(5),
            event: Event::ValueSet {
                path: path.clone(),
                value: value.clone(),
            },
        };
        let entries = vec![entry(1), entry(2)];
        assert_eq!(decode(run, &encode(&entries).unwrap()).unwrap(), entries);
        assert!(decode(run, b"{\"v\":1").is_err());
    }
}
