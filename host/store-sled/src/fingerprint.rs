//! A sum over all entries of the tree that tells whether any of them was lost or
//! changed, kept up to date by each group for the price of hashing what it touches.
//!
//! sled checks each message of its log by itself. What it cannot notice is a whole
//! stretch of the log that it takes for free space because the stretch's header is
//! damaged: pages come back without some of their changes, and later messages, the
//! sequence number among them, are all there. The sum notices.

use sha2::{Digest as _, Sha256};

/// A sum modulo 2^128 of the entries' hashes: order does not matter, and an entry can be
/// taken out again. It guards against accidents, not against somebody who can write the
/// files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) u128);

impl Fingerprint {
    pub(crate) fn add(&mut self, key: &[u8], raw: &[u8]) {
        self.0 = self.0.wrapping_add(hash(key, raw));
    }

    pub(crate) fn remove(&mut self, key: &[u8], raw: &[u8]) {
        self.0 = self.0.wrapping_sub(hash(key, raw));
    }
}

fn hash(key: &[u8], raw: &[u8]) -> u128 {
    let mut sha = Sha256::new();
    // The length keeps `ab` + `c` apart from `a` + `bc`.
    sha.update((key.len() as u64).to_le_bytes());
    sha.update(key);
    sha.update(raw);
    let digest: [u8; 32] = sha.finalize().into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_can_be_removed_in_any_order() {
        let mut sum = Fingerprint::default();
        sum.add(b"a", b"1");
        sum.add(b"b", b"2");
        let both = sum;
        sum.add(b"c", b"3");
        sum.remove(b"a", b"1");
        sum.remove(b"c", b"3");
        sum.add(b"a", b"1");
        assert_eq!(sum, both);
        sum.remove(b"b", b"2");
        sum.remove(b"a", b"1");
        assert_eq!(sum, Fingerprint::default());
    }

    #[test]
    fn the_border_between_key_and_value_counts() {
        let mut one = Fingerprint::default();
        one.add(b"ab", b"c");
        let mut other = Fingerprint::default();
        other.add(b"a", b"bc");
        assert_ne!(one, other);
    }
}
