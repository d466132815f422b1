//! A store in memory, for tests that are about something else than the disk.

use dowel_core::port::{
    Batch, BoxFuture, Entry, MAX_KEY_BYTES, Precondition, Scan, Snapshot, Store, StoreError, Write,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// A store in memory. Clones share the contents, so that dropping one and using another
/// is what a restart looks like.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: u64,
    /// What the next commits come to; nothing is a success.
    failures: VecDeque<Option<StoreError>>,
    failed: Option<Arc<str>>,
}

impl MemoryStore {
    /// The next commit writes nothing and ends in `error`; several calls queue up. After
    /// [`StoreError::Failed`] every call fails, until [`MemoryStore::repair`].
    pub fn fail_next(&self, error: StoreError) {
        self.fail_after(0, error);
    }

    /// The same after `successes` commits that are done.
    pub fn fail_after(&self, successes: usize, error: StoreError) {
        let mut state = self.0.lock();
        let successes = std::iter::repeat_n(None, successes);
        state.failures.extend(successes.chain([Some(error)]));
    }

    /// Ends a failure, as a restart of the host does. The contents stay.
    pub fn repair(&self) {
        self.0.lock().failed = None;
    }

    /// How many batches were applied.
    pub fn commits(&self) -> u64 {
        self.0.lock().commits
    }
}

impl State {
    fn check(&self) -> Result<(), StoreError> {
        self.failed
            .as_ref()
            .map_or(Ok(()), |reason| Err(StoreError::Failed(Arc::clone(reason))))
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.check()?;
        if let Some(error) = self.failures.pop_front().flatten() {
            if let StoreError::Failed(reason) = &error {
                self.failed = Some(Arc::clone(reason));
            }
            return Err(error);
        }
        for precondition in &batch.preconditions {
            check_key(precondition.key())?;
            let wanted = match precondition {
                Precondition::Absent(_) => None,
                Precondition::Equals(_, value) => Some(value),
            };
            if self.entries.get(precondition.key()) != wanted {
                return Err(StoreError::Conflict(precondition.key().to_vec()));
            }
        }
        for write in &batch.writes {
            let (Write::Put(key, _) | Write::Delete(key)) = write;
            check_key(key)?;
        }
        for write in batch.writes {
            match write {
                Write::Put(key, value) => self.entries.insert(key, value),
                Write::Delete(key) => self.entries.remove(&key),
            };
        }
        self.commits += 1;
        Ok(())
    }

    /// Looks at the rows of the range and at no others, as a store on a disk does: a
    /// test with many rows would spend its time here otherwise.
    fn scan(&self, scan: &Scan) -> Vec<Entry> {
        let shown = |value: &Vec<u8>| {
            if scan.keys_only {
                Vec::new()
            } else {
                value.clone()
            }
        };
        let Some(range) = range_of(scan) else {
            return Vec::new();
        };
        let found = self.entries.range(range);
        let cloned = found.map(|(key, value)| (key.clone(), shown(value)));
        if scan.reverse {
            cloned.rev().take(scan.limit).collect()
        } else {
            cloned.take(scan.limit).collect()
        }
    }
}

type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys that a scan may return; nothing if there can be none.
fn range_of(scan: &Scan) -> Option<Range> {
    let mut low = Bound::Included(scan.prefix.clone());
    let mut high = match end_of_prefix(&scan.prefix) {
        Some(end) => Bound::Excluded(end),
        None => Bound::Unbounded,
    };
    if let Some(after) = &scan.after {
        if !scan.reverse && *after >= scan.prefix {
            low = Bound::Excluded(after.clone());
        }
        let is_beyond = matches!(&high, Bound::Excluded(end) if after >= end);
        if scan.reverse && !is_beyond {
            high = Bound::Excluded(after.clone());
        }
    }
    let is_empty = match (&low, &high) {
        (Bound::Included(low) | Bound::Excluded(low), Bound::Excluded(high)) => low >= high,
        _ => false,
    };
    (!is_empty).then_some((low, high))
}

/// The first key behind all that begin with `prefix`; nothing if there is none.
fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    if key.len() > MAX_KEY_BYTES {
        return Err(StoreError::Invalid("a key is longer than 1 KiB"));
    }
    Ok(())
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            check_key(key)?;
            let state = self.0.lock();
            state.check()?;
            Ok(state.entries.get(key).cloned())
        })
    }

    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move {
            let state = self.0.lock();
            state.check()?;
            Ok(state.scan(&scan))
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        // Now, not when polled: the order of calls is the order of batches.
        let done = self.0.lock().commit(batch);
        Box::pin(async move { done })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        Box::pin(async move {
            let state = self.0.lock();
            state.check()?;
            let entries = state.entries.clone().into_iter();
            let copy = entries.map(|(key, value)| Write::Put(key, value)).collect();
            Ok(Box::new(Copied(Some(copy))) as Box<dyn Snapshot>)
        })
    }
}

/// Everything at once.
struct Copied(Option<Vec<Write>>);

impl Snapshot for Copied {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Write>>, StoreError>> {
        Box::pin(async move { Ok(self.0.take()) })
    }
}
