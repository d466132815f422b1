//! The chain over the record: each entry's digest is made from the one before it, so that
//! whoever changes, removes, adds or moves an entry has to make anew everything that
//! follows, down to the head, which is told of outside.

use dowel_core::Digest;
use serde::{Deserialize, Serialize};

/// What the first entry follows.
pub(super) const GENESIS: Digest = Digest::from_bytes([0; 32]);

/// Where the chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// The number of the last entry; 0 before the first.
    pub seq: u64,
    /// Its digest.
    pub digest: Digest,
    /// How many entries there are up to it.
    pub count: u64,
}

impl Default for ChainHead {
    fn default() -> Self {
        Self {
            seq: 0,
            digest: GENESIS,
            count: 0,
        }
    }
}

impl ChainHead {
    /// The head with one more entry, whose bytes are these.
    pub(super) fn with(self, seq: u64, record: &[u8]) -> Self {
        Self {
            seq,
            digest: link(&self.digest, seq, record),
            count: self.count + 1,
        }
    }
}

/// The digest of an entry: of the digest before it, its number, and its bytes.
pub(super) fn link(before: &Digest, seq: u64, record: &[u8]) -> Digest {
    let mut bytes = Vec::with_capacity(40 + record.len());
    bytes.extend_from_slice(before.bytes());
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(record);
    Digest::of(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counts() {
        let head = ChainHead::default().with(1, b"a");
        assert_eq!((head.seq, head.count), (1, 1));
        let one = link(&GENESIS, 1, b"a");
        assert_eq!(head.digest, one);
        assert_ne!(one, link(&GENESIS, 1, b"b"));
        assert_ne!(one, link(&GENESIS, 2, b"a"));
        assert_ne!(one, link(&one, 1, b"a"));
    }
}
