//! The storage port: ordered keys, atomic batches with preconditions, durable when
//! acknowledged.

use super::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// Something that must hold for a batch to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// The key has no value.
    Absent(Vec<u8>),
    /// The key has exactly this value.
    Equals(Vec<u8>, Vec<u8>),
}

impl Precondition {
    /// The key that it is about.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Absent(key) | Self::Equals(key, _) => key,
        }
    }
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets a value.
    Put(Vec<u8>, Vec<u8>),
    /// Removes the key; no error if there is none.
    Delete(Vec<u8>),
}

/// Writes that happen together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// All must hold, judged against the state just before the writes.
    pub preconditions: Vec<Precondition>,
    /// Applied in order.
    pub writes: Vec<Write>,
}

impl Batch {
    /// Adds a condition that `key` has no value.
    pub fn require_absent(&mut self, key: Vec<u8>) -> &mut Self {
        self.preconditions.push(Precondition::Absent(key));
        self
    }

    /// Adds a condition that `key` has `value`.
    pub fn require_equal(&mut self, key: Vec<u8>, value: Vec<u8>) -> &mut Self {
        self.preconditions.push(Precondition::Equals(key, value));
        self
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> &mut Self {
        self.writes.push(Write::Put(key, value));
        self
    }

    /// Removes `key`.
    pub fn delete(&mut self, key: Vec<u8>) -> &mut Self {
        self.writes.push(Write::Delete(key));
        self
    }
}

/// A range of keys to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Only keys strictly after this one (before it, if `reverse`).
    pub after: Option<Vec<u8>>,
    /// From the last key to the first.
    pub reverse: bool,
    /// At most this many.
    pub limit: usize,
    /// Whether values are left out: every value of the answer is empty. Saves reading
    /// large ones.
    pub keys_only: bool,
}

impl Scan {
    /// All keys with a prefix, in order, up to `limit`.
    pub fn prefix(prefix: impl Into<Vec<u8>>, limit: usize) -> Self {
        Self {
            prefix: prefix.into(),
            after: None,
            reverse: false,
            limit,
            keys_only: false,
        }
    }

    /// The same from the last key to the first.
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// The same without values.
    pub fn keys_only(mut self) -> Self {
        self.keys_only = true;
        self
    }

    /// The same, continued after a key that was already seen.
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.after = Some(key.into());
        self
    }
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// A precondition did not hold; nothing was written.
    #[error("a precondition on key {} did not hold", Key(.0))]
    Conflict(Vec<u8>),
    /// The disk is full; nothing was written.
    #[error("the store's disk is full")]
    Full,
    /// The store cannot be used. After this it is unknown whether the batch was
    /// written, and every later call fails as well.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
    /// A value that was asked for is missing or changed. Others can be read, and the
    /// store goes on.
    #[error("{0}")]
    Damaged(Arc<str>),
    /// The caller broke a rule of the port, such as the length of a key; nothing was
    /// written and the store goes on.
    #[error("the store refuses this: {0}")]
    Invalid(&'static str),
}

/// The longest key that a store takes, in bytes. It keeps pages of an ordered tree
/// small whatever the keys are, and is far above what the engine's keys need.
pub const MAX_KEY_BYTES: usize = 1024;

struct Key<'a>(&'a [u8]);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.escape_ascii())
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A copy of a store as of one moment, read while the store works.
pub trait Snapshot: Send {
    /// The next writes; nothing at the end. All writes, applied in order to an empty store,
    /// make it equal to the one that was copied, as of a moment between the call of
    /// [`Store::snapshot`] and the end. A key may be written more than once.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Write>>, StoreError>>;
}

/// Keys and values. A commit that returned `Ok` survives SIGKILL and loss of power.
///
/// Keys are at most [`MAX_KEY_BYTES`] long. Values may be large; how they are laid out is the store's
/// business.
pub trait Store: Send + Sync {
    /// The value of a key. Reads show what is durable, never a batch that is still on
    /// its way to the disk.
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Keys and values of a range, as of one moment between commits or later ones.
    fn scan(&self, scan: Scan) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>>;

    /// Applies a batch atomically and makes it durable. The batch is handed over by this
    /// call, not by polling: batches that the same caller handed over earlier are applied
    /// earlier, and dropping the future does not take the batch back. A conflict is
    /// reported only when the batch that it conflicts with is durable.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Begins a consistent copy. Every batch that was acknowledged before this call is in
    /// it, whole; of later ones the first, up to some moment, whole as well.
    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        Box::pin(async { Err(StoreError::Invalid("this store cannot be copied")) })
    }
}
