//! One group: batches that go to the disk together, checked one after the other.

use crate::health::Fault;
use crate::record::{RECORD_KEY, Record, tree_key};
use crate::stored::{FileReference, Stored, encode_file, encode_inline};
use crate::values::{StoreErrorOrFault, Values};
use crate::view::Undo;
use dowel_core::port::{Batch, Precondition, StoreError, Write};
use std::collections::HashMap;

/// What the batches so far come to, on top of the tree.
pub(crate) struct Group<'a> {
    tree: &'a sled::Db,
    values: &'a mut Values,
    largest_inline: usize,
    record: Record,
    /// The raw value after the batches so far by key; nothing where it was deleted.
    after: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// What preconditions found in the tree, whose keys are mostly written next.
    looked_up: HashMap<Vec<u8>, Option<Vec<u8>>>,
    before: Undo,
    growth: i64,
}

/// A group that is ready for the tree.
pub(crate) struct Finished {
    /// The raw value of each key that changes; nothing where it is deleted.
    pub(crate) after: HashMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) undo: Undo,
    pub(crate) record: Record,
    /// By how many bytes the tree's contents grow.
    pub(crate) growth: i64,
}

impl Finished {
    /// The group and its record as one sled batch, and what readers see until it is
    /// durable.
    pub(crate) fn into_batch(self) -> (sled::Batch, Undo) {
        let mut batch = sled::Batch::default();
        for (key, raw) in self.after {
            match raw {
                Some(raw) => batch.insert(key, raw),
                None => batch.remove(key),
            }
        }
        batch.insert(RECORD_KEY, self.record.encode());
        (batch, self.undo)
    }
}

/// What an entry counts for in the tree's contents.
pub(crate) fn entry_bytes(key: &[u8], raw: &[u8]) -> u64 {
    (key.len() + raw.len()) as u64
}

impl<'a> Group<'a> {
    pub(crate) fn new(
        tree: &'a sled::Db,
        values: &'a mut Values,
        largest_inline: usize,
        record: Record,
    ) -> Self {
        Self {
            tree,
            values,
            largest_inline,
            record,
            after: HashMap::new(),
            looked_up: HashMap::new(),
            before: Undo::new(),
            growth: 0,
        }
    }

    /// Adds a batch, or refuses it and leaves the group as it was.
    pub(crate) fn add(&mut self, batch: Batch) -> Result<(), StoreErrorOrFault> {
        for precondition in batch.preconditions {
            if !self.holds(&precondition)? {
                let (Precondition::Absent(key) | Precondition::Equals(key, _)) = precondition;
                return Err(StoreErrorOrFault::Refused(StoreError::Conflict(key)));
            }
        }
        // Files first: what can be refused is refused before anything is counted.
        let mut writes = Vec::with_capacity(batch.writes.len());
        for write in batch.writes {
            writes.push(match write {
                Write::Put(key, value) => (tree_key(&key), Some(self.store(&value)?)),
                Write::Delete(key) => (tree_key(&key), None),
            });
        }
        for (key, raw) in writes {
            self.set(key, raw)?;
        }
        Ok(())
    }

    fn holds(&mut self, precondition: &Precondition) -> Result<bool, Fault> {
        let key = tree_key(precondition.key());
        let now = self.current(&key)?;
        let holds = match (precondition, &now) {
            (Precondition::Absent(_), None) => true,
            (Precondition::Equals(_, value), Some(raw)) => Stored::decode(raw)?.stands_for(value),
            (Precondition::Absent(_), Some(_)) | (Precondition::Equals(..), None) => false,
        };
        if !self.after.contains_key(&key) {
            self.looked_up.insert(key, now);
        }
        Ok(holds)
    }

    fn current(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        match self.after.get(key).or_else(|| self.looked_up.get(key)) {
            Some(raw) => Ok(raw.clone()),
            None => Ok(self.tree.get(key)?.map(|raw| raw.to_vec())),
        }
    }

    fn store(&mut self, value: &[u8]) -> Result<Vec<u8>, StoreErrorOrFault> {
        if value.len() <= self.largest_inline {
            return Ok(encode_inline(value));
        }
        let reference = FileReference::of(value);
        self.values.store(reference, value)?;
        Ok(encode_file(&reference))
    }

    fn set(&mut self, key: Vec<u8>, raw: Option<Vec<u8>>) -> Result<(), Fault> {
        let old = self.current(&key)?;
        if let Some(raw) = &raw {
            self.record.fingerprint.add(&key, raw);
            self.growth = self.growth.saturating_add_unsigned(entry_bytes(&key, raw));
            self.record.keys += 1;
            if let Stored::File(reference) = Stored::decode(raw)? {
                self.values.refer(reference);
            }
        }
        if let Some(old) = &old {
            self.record.fingerprint.remove(&key, old);
            self.growth = self.growth.saturating_sub_unsigned(entry_bytes(&key, old));
            self.record.keys = self.record.keys.saturating_sub(1);
            if let Stored::File(reference) = Stored::decode(old)? {
                self.values.release(reference);
            }
        }
        if !self.after.contains_key(&key) {
            self.before.insert(key.clone(), old);
        }
        self.after.insert(key, raw);
        Ok(())
    }

    /// The group with its record; nothing if no batch of it wrote anything.
    pub(crate) fn finish(mut self) -> Option<Finished> {
        if self.after.is_empty() {
            return None;
        }
        self.record.sequence += 1;
        Some(Finished {
            after: self.after,
            undo: self.before,
            record: self.record,
            growth: self.growth,
        })
    }
}

pub(crate) fn key_of(write: &Write) -> &[u8] {
    match write {
        Write::Put(key, _) | Write::Delete(key) => key,
    }
}

/// About how many bytes a batch brings to the disk.
pub(crate) fn size_of(batch: &Batch) -> usize {
    batch
        .writes
        .iter()
        .map(|write| match write {
            Write::Put(key, value) => key.len() + value.len(),
            Write::Delete(key) => key.len(),
        })
        .sum()
}
