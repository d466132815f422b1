//! A run's journal in the store: pages of entries, one page for each turn.

mod blobs;

use crate::format::StoreFormat;
use crate::keys;
use crate::state::IllegalEvent;
use blobs::{Blobs, Stored};
use dowel_core::journal::{Entry, Event};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{Digest, RunId};

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
    /// A large value that the journal refers to cannot be had.
    #[error(
        "the journal of run {run} refers to a value of {bytes} bytes, {digest}, which is {problem}"
    )]
    Blob {
        /// The run.
        run: RunId,
        /// The digest of what was written.
        digest: Digest,
        /// How long it was.
        bytes: usize,
        /// What is wrong with it.
        problem: &'static str,
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

/// Adds a page with an entry per line to a batch, on condition that nothing is at its
/// place: another page there means that somebody else drives the run. Large values go
/// beside it where the format of the store has that.
pub(crate) fn put_page(
    run: RunId,
    entries: &[Entry],
    format: StoreFormat,
    batch: &mut Batch,
) -> Result<(), serde_json::Error> {
    let Some(first) = entries.first() else {
        return Ok(());
    };
    let key = keys::journal_page(run, first.seq);
    let mut page = Vec::with_capacity(entries.len() * 256);
    for entry in entries {
        page.extend(blobs::encode(run, entry, format, batch)?);
        page.push(b'\n');
    }
    batch.require_absent(key.clone()).put(key, page);
    Ok(())
}

/// The entries of a page.
fn decode(run: RunId, page: &[u8]) -> Result<Vec<Stored>, JournalError> {
    let malformed = |reason: String| JournalError::Malformed { run, reason };
    let text = std::str::from_utf8(page).map_err(|e| malformed(e.to_string()))?;
    // A payload may contain raw line breaks between its tokens, so the page is read as
    // a stream of values and not line by line.
    let entries = serde_json::Deserializer::from_str(text).into_iter::<Stored>();
    entries
        .collect::<Result<_, _>>()
        .map_err(|e| malformed(e.to_string()))
}

/// A run's journal; empty if there is no such run.
pub(crate) async fn load(store: &dyn Store, run: RunId) -> Result<Vec<Entry>, JournalError> {
    let mut entries = Vec::new();
    let mut blobs = Blobs::new(store, run);
    let mut scan = Scan::prefix(keys::journal(run), PAGES_PER_SCAN);
    loop {
        let pages = match store.scan(scan.clone()).await {
            Err(StoreError::Damaged(what)) => {
                let reason = what.to_string();
                return Err(JournalError::Malformed { run, reason });
            }
            pages => pages?,
        };
        for (_, page) in &pages {
            for stored in decode(run, page)? {
                entries.push(blobs.complete(stored).await?);
            }
        }
        match pages.last() {
            Some((key, _)) if pages.len() == PAGES_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(entries),
        }
    }
}

/// The first entry of a run's journal; nothing if there is no such run.
pub(crate) async fn first(store: &dyn Store, run: RunId) -> Result<Option<Entry>, JournalError> {
    let stored = end(store, run, Scan::prefix(keys::journal(run), 1)).await?;
    complete(store, run, stored.into_iter().next()).await
}

/// The last entry of a run's journal; nothing if there is no such run.
pub(crate) async fn last(store: &dyn Store, run: RunId) -> Result<Option<Entry>, JournalError> {
    let mut stored = end(store, run, Scan::prefix(keys::journal(run), 1).reversed()).await?;
    complete(store, run, stored.pop()).await
}

/// The entries of the page that a scan finds first.
async fn end(store: &dyn Store, run: RunId, scan: Scan) -> Result<Vec<Stored>, JournalError> {
    let pages = store.scan(scan).await?;
    let page = pages.first();
    page.map_or(Ok(Vec::new()), |(_, page)| decode(run, page))
}

async fn complete(
    store: &dyn Store,
    run: RunId,
    stored: Option<Stored>,
) -> Result<Option<Entry>, JournalError> {
    match stored {
        Some(stored) => Ok(Some(Blobs::new(store, run).complete(stored).await?)),
        None => Ok(None),
    }
}

/// Whether the journal has its beginning: a run that is being removed has lost it.
pub(crate) fn is_whole(entries: &[Entry]) -> bool {
    let first = entries.first().map(|entry| &entry.event);
    matches!(first, Some(Event::Created(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::journal::{BLOBS_VERSION, PLAIN_VERSION};
    use dowel_core::port::Write;
    use dowel_core::{JsonText, StepPath, Timestamp};
    use dowel_testkit::MemoryStore;

    fn run() -> RunId {
        RunId::new(Timestamp::default(), [0; 10])
    }

    fn entry(seq: u64, v: u32, value: &str) -> Entry {
        let path: StepPath = serde_json::from_str("\"a\"").unwrap();
        let value = JsonText::parse(value).unwrap();
        Entry {
            v,
            seq,
            at: Timestamp::from_millis(5),
            event: Event::ValueSet { path, value },
        }
    }

    async fn stored(entries: &[Entry]) -> MemoryStore {
        let mut batch = Batch::default();
        put_page(run(), entries, StoreFormat::NEWEST, &mut batch).unwrap();
        let store = MemoryStore::default();
        store.commit(batch).await.unwrap();
        store
    }

    fn long(byte: &str) -> String {
        format!(
            "{{\n\"id\": 12345678901234567890, \"p\": 1.10, \"t\":\"{}\"}}",
            byte.repeat(20_000)
        )
    }

    #[tokio::test]
    async fn pages_round_trip_with_line_breaks_inside_payloads() {
        let value = "{\n\"id\": 12345678901234567890, \"p\": 1.10\r\n}";
        let entries = [
            entry(1, PLAIN_VERSION, value),
            entry(2, PLAIN_VERSION, value),
        ];
        let store = stored(&entries).await;
        assert_eq!(load(&store, run()).await.unwrap(), entries);
        assert!(decode(run(), b"{\"v\":1").is_err());
    }

    #[tokio::test]
    async fn both_formats_are_read_in_one_journal_and_equal_values_are_one_row() {
        let (first, other) = (long("x"), long("y"));
        let entries = [
            entry(1, PLAIN_VERSION, "[1.10]"),
            entry(2, BLOBS_VERSION, &first),
            entry(3, BLOBS_VERSION, &other),
            entry(4, BLOBS_VERSION, &first),
        ];
        let store = stored(&entries).await;
        assert_eq!(load(&store, run()).await.unwrap(), entries);
        let rows = store.scan(Scan::prefix(keys::blobs(run()), 9)).await;
        assert_eq!(rows.unwrap().len(), 2);
        let pages = store.scan(Scan::prefix(keys::journal(run()), 9)).await;
        assert!(pages.unwrap()[0].1.len() < 2_000);
    }

    #[tokio::test]
    async fn what_a_host_before_blobs_wrote_is_read() {
        let entries = [entry(0, PLAIN_VERSION, &long("x"))];
        let mut batch = Batch::default();
        let page = serde_json::to_vec(&entries[0]).unwrap();
        batch.put(keys::journal_page(run(), 0), page);
        let store = MemoryStore::default();
        store.commit(batch).await.unwrap();
        assert_eq!(load(&store, run()).await.unwrap(), entries);
    }

    #[tokio::test]
    async fn a_lost_or_changed_value_is_an_error_that_names_the_run() {
        for change in [None, Some(b"\"other\"".to_vec()), Some(vec![0xff])] {
            let store = stored(&[entry(1, BLOBS_VERSION, &long("x"))]).await;
            let rows = store
                .scan(Scan::prefix(keys::blobs(run()), 9))
                .await
                .unwrap();
            let key = rows[0].0.clone();
            let mut batch = Batch::default();
            batch.writes.push(match change {
                None => Write::Delete(key),
                Some(value) => Write::Put(key, value),
            });
            store.commit(batch).await.unwrap();
            let error = load(&store, run()).await.unwrap_err();
            assert!(matches!(error, JournalError::Blob { .. }), "{error}");
            assert!(error.to_string().contains(&run().to_string()), "{error}");
        }
    }
}
