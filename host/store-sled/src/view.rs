//! What readers see: the state as of the last durable group.
//!
//! sled shows a batch to readers as soon as it is applied, and entry by entry. Between
//! applying a group and the end of its `fdatasync` the old values of the keys that it
//! touches lie in `undo`, and readers take those. Otherwise somebody could be told of an
//! order that a power cut then takes away.

use crate::group::Finished;
use crate::health::Fault;
use crate::record::{RECORD_KEY, USER, tree_key};
use crate::stored::Stored;
use crate::values::ValueFolder;
use dowel_core::port::{Entry, Scan, Write};
use parking_lot::RwLock;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Raw values before a group by key; nothing where the key was absent.
pub(crate) type Undo = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A key of the tree and its raw value; nothing where it was absent.
type Seen = (Vec<u8>, Option<Vec<u8>>);
type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

pub(crate) struct View {
    state: RwLock<State>,
    values: ValueFolder,
}

struct State {
    /// Nothing after the store was closed.
    tree: Option<sled::Db>,
    undo: Undo,
}

impl State {
    fn tree(&self) -> Result<&sled::Db, Fault> {
        self.tree
            .as_ref()
            .ok_or_else(|| Fault::Sled(sled::Error::Unsupported("the store was closed".into())))
    }
}

impl View {
    pub(crate) fn new(tree: sled::Db, values: ValueFolder) -> Self {
        Self {
            state: RwLock::new(State {
                tree: Some(tree),
                undo: Undo::new(),
            }),
            values,
        }
    }

    /// A handle for the committer, which alone may see what is not durable yet.
    pub(crate) fn tree(&self) -> Result<sled::Db, Fault> {
        self.state.read().tree().cloned()
    }

    /// Lets go of the tree.
    pub(crate) fn close(&self) {
        self.state.write().tree = None;
    }

    /// Reads from another tree with the same contents from now on; returns the old one.
    pub(crate) fn swap(&self, tree: sled::Db) -> Option<sled::Db> {
        self.state.write().tree.replace(tree)
    }

    /// A group as the writes of the port that it amounts to.
    pub(crate) fn writes_of(&self, group: &Finished) -> Result<Vec<Write>, Fault> {
        let writes = group.after.iter().map(|(key, raw)| {
            let key = key[1..].to_vec();
            Ok(match raw {
                Some(raw) => Write::Put(key, self.value(raw)?),
                None => Write::Delete(key),
            })
        });
        writes.collect()
    }

    /// Applies a group whose effect stays hidden until [`View::reveal`].
    pub(crate) fn apply_hidden(&self, batch: sled::Batch, undo: Undo) -> Result<(), Fault> {
        let mut state = self.state.write();
        state.undo = undo;
        state.tree()?.apply_batch(batch)?;
        Ok(())
    }

    /// The group is durable: readers may see it. No reader that saw the state before it
    /// is still at work when this returns.
    pub(crate) fn reveal(&self) {
        self.state.write().undo.clear();
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let key = tree_key(key);
        let state = self.state.read();
        if let Some(before) = state.undo.get(&key) {
            return before.as_deref().map(|raw| self.value(raw)).transpose();
        }
        match state.tree()?.get(&key)? {
            Some(raw) => self.value(&raw).map(Some),
            None => Ok(None),
        }
    }

    // Files are read under the lock: a file that the visible state refers to is not
    // removed before the next `reveal`.
    fn value(&self, raw: &[u8]) -> Result<Vec<u8>, Fault> {
        match Stored::decode(raw)? {
            Stored::Inline(value) => Ok(value.to_vec()),
            Stored::File(reference) => self.values.read(&reference),
        }
    }

    pub(crate) fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, Fault> {
        let Some(range) = range_of(scan) else {
            return Ok(Vec::new());
        };
        let state = self.state.read();
        let tree = state.tree()?.range(range.clone()).map(read_entry);
        let undo = state
            .undo
            .range(range)
            .map(|(key, raw)| Ok((key.clone(), raw.clone())));
        let mut found = Vec::new();
        if scan.reverse {
            self.collect(tree.rev(), undo.rev(), Ordering::reverse, scan, &mut found)?;
        } else {
            self.collect(tree, undo, |order| order, scan, &mut found)?;
        }
        Ok(found)
    }

    /// Merges two sequences of entries that are both in `direction`; where both have a
    /// key, `undo` wins.
    fn collect(
        &self,
        tree: impl Iterator<Item = Result<Seen, Fault>>,
        undo: impl Iterator<Item = Result<Seen, Fault>>,
        direction: impl Fn(Ordering) -> Ordering,
        scan: &Scan,
        found: &mut Vec<Entry>,
    ) -> Result<(), Fault> {
        let (mut tree, mut undo) = (tree.peekable(), undo.peekable());
        while found.len() < scan.limit {
            let order = match (tree.peek(), undo.peek()) {
                (None, None) => break,
                (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
                (None, Some(_)) | (_, Some(Err(_))) => Ordering::Greater,
                (Some(Ok(left)), Some(Ok(right))) => direction(left.0.cmp(&right.0)),
            };
            let next = match order {
                Ordering::Less => tree.next(),
                Ordering::Greater => undo.next(),
                Ordering::Equal => {
                    tree.next();
                    undo.next()
                }
            };
            let Some(next) = next else { break };
            let (mut key, raw) = next?;
            if let Some(raw) = raw {
                let value = if scan.keys_only {
                    Vec::new()
                } else {
                    self.value(&raw)?
                };
                key.remove(0);
                found.push((key, value));
            }
        }
        Ok(())
    }
}

fn read_entry(entry: sled::Result<(sled::IVec, sled::IVec)>) -> Result<Seen, Fault> {
    let (key, raw) = entry?;
    Ok((key.to_vec(), Some(raw.to_vec())))
}

/// The keys of the tree that a scan is about; nothing if there can be none.
fn range_of(scan: &Scan) -> Option<Range> {
    let prefix = tree_key(&scan.prefix);
    let mut low = Bound::Included(prefix.clone());
    let mut high = end_of_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
    if let Some(after) = &scan.after {
        let after = tree_key(after);
        if scan.reverse {
            if !is_beyond(&high, &after) {
                high = Bound::Excluded(after);
            }
        } else if after >= prefix {
            low = Bound::Excluded(after);
        }
    }
    let empty = match (&low, &high) {
        (Bound::Included(low), Bound::Excluded(high))
        | (Bound::Excluded(low), Bound::Excluded(high)) => low >= high,
        _ => false,
    };
    (!empty && scan.limit > 0).then_some((low, high))
}

/// Whether `key` lies at or behind an upper end that excludes it.
fn is_beyond(high: &Bound<Vec<u8>>, key: &[u8]) -> bool {
    matches!(high, Bound::Excluded(high) if key >= high.as_slice())
}

/// The first key behind all that begin with `prefix`; nothing if it is all 0xff.
fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Every entry of the port's keys, raw.
pub(crate) fn all_entries(
    tree: &sled::Db,
) -> impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>> {
    debug_assert!(RECORD_KEY < [USER].as_slice());
    tree.range([USER]..)
}
