//! Requests that carry an `Idempotency-Key`: what the first one was answered.
//!
//! A request is noted before it is carried out and its answer after it, so that a request
//! which comes again is never carried out a second time: it gets the answer of the first, or
//! is told that nobody knows what came of it. Only digests of keys and bodies are kept.

use crate::engine::Engine;
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// For how long a request is recognised.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long a request may take before its answer is taken for lost. Far above what any
/// request takes that the host goes on with.
const UNDERWAY: Duration = Duration::from_secs(60);

/// The most requests that are kept; beyond, the oldest make room.
const MOST: usize = 100_000;

/// How far the number may be above the most before somebody has to make room: counting for
/// each request would read all of them.
const COUNTED_EVERY: u64 = 256;

/// The longest answer that is kept, in bytes.
const LONGEST_ANSWER: usize = 16 << 10;

/// Requests that are removed at a time.
const ROWS_PER_BATCH: usize = 512;

/// Requests by what they are recognised by.
const REQUESTS: &[u8] = b"zr";

/// The same in the order of time.
const BY_TIME: &[u8] = b"zt";

/// The version of the form that this host writes.
const VERSION: u32 = 1;

/// What a request is recognised by. Both are digests, so that neither what callers choose
/// as keys nor what they send is written down.
#[derive(Clone, Copy, Debug)]
pub struct Repeatable {
    /// The caller and their key.
    pub key: Digest,
    /// The method, the address and the body.
    pub request: Digest,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Headers that belong to it, such as `location`.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if it is not kept.
    pub body: Option<String>,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Once {
    /// It is the first of its key: carry it out and say what came of it.
    First,
    /// Another request has the key.
    Differs,
    /// The first is being carried out.
    Underway,
    /// The first was begun, and its answer never written down.
    Unknown,
    /// The first was answered so.
    Answered(KeptAnswer),
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// Version of this form.
    v: u32,
    request: Digest,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<KeptAnswer>,
}

fn place(key: &Digest) -> Vec<u8> {
    [REQUESTS, key.bytes()].concat()
}

fn place_in_time(at: Timestamp, key: &Digest) -> Vec<u8> {
    [BY_TIME, &at.as_millis().to_be_bytes(), key.bytes()].concat()
}

/// When a place in the order of time is from, and of which request.
fn read_place_in_time(key: &[u8]) -> Option<(Timestamp, Digest)> {
    let (at, digest) = key.strip_prefix(BY_TIME)?.split_first_chunk::<8>()?;
    let at = Timestamp::from_millis(u64::from_be_bytes(*at));
    Some((at, Digest::from_bytes(digest.try_into().ok()?)))
}

fn encode(record: &Record) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|e| StoreError::Failed(e.to_string().into()))
}

fn decode(bytes: &[u8]) -> Result<Record, StoreError> {
    serde_json::from_slice(bytes).map_err(|e| StoreError::Damaged(e.to_string().into()))
}

impl Engine {
    /// Notes a request before it is carried out, unless its key is known.
    ///
    /// # Errors
    /// The store failed: then nobody must carry the request out.
    pub async fn begin_once(&self, request: Repeatable) -> Result<Once, StoreError> {
        let store = self.shared().ports.store.as_ref();
        let key = place(&request.key);
        loop {
            let now = self.now();
            let known = store.get(&key).await?;
            let mut batch = Batch::default();
            if let Some(bytes) = known {
                let record = decode(&bytes)?;
                if now.since(record.at) < KEPT {
                    return Ok(told(record, request, now));
                }
                batch.require_equal(key.clone(), bytes);
                batch.delete(place_in_time(record.at, &request.key));
            } else {
                batch.require_absent(key.clone());
            }
            let record = Record {
                v: VERSION,
                request: request.request,
                at: now,
                answer: None,
            };
            batch.put(key.clone(), encode(&record)?);
            batch.put(place_in_time(now, &request.key), Vec::new());
            match store.commit(batch).await {
                Ok(()) => break,
                // Somebody has sent the same at the same moment: look what it is.
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if self.shared().once.is_time_to_count() {
            make_room(store, MOST).await?;
        }
        Ok(Once::First)
    }

    /// Keeps the answer of a request that was carried out; its body only where it is not
    /// too long.
    ///
    /// # Errors
    /// The store failed: the request stays one of which nobody knows what came of it.
    pub async fn finish_once(
        &self,
        request: Repeatable,
        mut answer: KeptAnswer,
    ) -> Result<(), StoreError> {
        let is_too_long = |body: &String| body.len() > LONGEST_ANSWER;
        if answer.body.as_ref().is_some_and(is_too_long) {
            answer.body = None;
        }
        self.change_once(request, Some(answer)).await
    }

    /// Forgets a request that was refused: nothing came of it, and it may be sent again.
    ///
    /// # Errors
    /// The store failed: the request stays one of which nobody knows what came of it.
    pub async fn forget_once(&self, request: Repeatable) -> Result<(), StoreError> {
        self.change_once(request, None).await
    }

    async fn change_once(
        &self,
        request: Repeatable,
        answer: Option<KeptAnswer>,
    ) -> Result<(), StoreError> {
        let store = self.shared().ports.store.as_ref();
        let key = place(&request.key);
        let Some(bytes) = store.get(&key).await? else {
            // It has made room for others in the meantime.
            return Ok(());
        };
        let mut record = decode(&bytes)?;
        if record.request != request.request || record.answer.is_some() {
            return Ok(());
        }
        let mut batch = Batch::default();
        batch.require_equal(key.clone(), bytes);
        match answer {
            Some(answer) => {
                record.answer = Some(answer);
                batch.put(key, encode(&record)?);
            }
            None => {
                batch.delete(place_in_time(record.at, &request.key));
                batch.delete(key);
            }
        }
        match store.commit(batch).await {
            // It has just made room for others.
            Err(StoreError::Conflict(_)) => Ok(()),
            written => written,
        }
    }
}

fn told(record: Record, request: Repeatable, now: Timestamp) -> Once {
    if record.request != request.request {
        return Once::Differs;
    }
    match record.answer {
        Some(answer) => Once::Answered(answer),
        None if now.since(record.at) < UNDERWAY => Once::Underway,
        None => Once::Unknown,
    }
}

/// When the kept requests are counted again.
#[derive(Debug, Default)]
pub(crate) struct Counting(std::sync::atomic::AtomicU64);

impl Counting {
    /// Also for the first request after a start, which may find any number.
    fn is_time_to_count(&self) -> bool {
        let before = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        before.is_multiple_of(COUNTED_EVERY)
    }
}

/// Removes the oldest requests until there are at most `most`.
async fn make_room(store: &dyn Store, most: usize) -> Result<(), StoreError> {
    let all = Scan::prefix(BY_TIME, usize::MAX).keys_only();
    let kept = store.scan(all).await?.len();
    let mut excess = kept.saturating_sub(most);
    while excess > 0 {
        let oldest = Scan::prefix(BY_TIME, excess.min(ROWS_PER_BATCH)).keys_only();
        let removed = remove(store, oldest, |_| true).await?;
        if removed == 0 {
            break;
        }
        excess = excess.saturating_sub(removed);
    }
    Ok(())
}

/// Removes the requests that are not recognised any more.
pub(crate) async fn sweep(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    loop {
        let oldest = Scan::prefix(BY_TIME, ROWS_PER_BATCH).keys_only();
        let removed = remove(store, oldest, |at| now.since(at) >= KEPT).await?;
        if removed < ROWS_PER_BATCH {
            return Ok(());
        }
    }
}

/// Removes what is due of a slice; returns how many that were.
async fn remove(
    store: &dyn Store,
    slice: Scan,
    is_due: impl Fn(Timestamp) -> bool,
) -> Result<usize, StoreError> {
    let mut batch = Batch::default();
    let mut removed = 0;
    for (row, _) in store.scan(slice).await? {
        match read_place_in_time(&row) {
            Some((at, _)) if !is_due(at) => break,
            Some((at, digest)) => {
                let key = place(&digest);
                let bytes = store.get(&key).await?;
                // The key may have been given to a later request.
                let is_own = |bytes: &Vec<u8>| decode(bytes).is_ok_and(|record| record.at == at);
                if let Some(bytes) = bytes.filter(is_own) {
                    batch.require_equal(key.clone(), bytes);
                    batch.delete(key);
                }
                batch.delete(row);
            }
            None => {
                batch.delete(row);
            }
        }
        removed += 1;
    }
    if removed == 0 {
        return Ok(0);
    }
    match store.commit(batch).await {
        // One of them was answered just now: the next pass sees it.
        Err(StoreError::Conflict(_)) => Ok(0),
        written => written.map(|()| removed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_and_are_in_order() {
        let key = Digest::of("key");
        let one = place_in_time(Timestamp::from_millis(255), &key);
        let two = place_in_time(Timestamp::from_millis(256), &key);
        assert!(one < two);
        assert_eq!(
            read_place_in_time(&one),
            Some((Timestamp::from_millis(255), key))
        );
        assert_eq!(read_place_in_time(b"zt1"), None);
    }
}
