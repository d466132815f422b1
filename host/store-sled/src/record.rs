//! The store's own entry in the tree. It is written in the same sled batch as the group
//! that it describes, so it is as whole as the group.

use crate::fingerprint::Fingerprint;
use crate::health::Fault;

/// Where the record lies. Keys of the port lie under [`USER`], so none can meet it.
pub(crate) const RECORD_KEY: &[u8] = &[0];
/// The first byte of every key of the port.
pub(crate) const USER: u8 = 1;

const VERSION: u8 = 1;
const BYTES: usize = 1 + 8 + 8 + 16;

/// What the tree says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// How many groups were ever applied.
    pub(crate) sequence: u64,
    /// How many keys there are.
    pub(crate) keys: u64,
    /// Over the keys of the port and their raw values.
    pub(crate) fingerprint: Fingerprint,
}

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(BYTES);
        raw.push(VERSION);
        raw.extend_from_slice(&self.sequence.to_le_bytes());
        raw.extend_from_slice(&self.keys.to_le_bytes());
        raw.extend_from_slice(&self.fingerprint.0.to_le_bytes());
        raw
    }

    pub(crate) fn decode(raw: &[u8]) -> Result<Self, Fault> {
        if raw.len() != BYTES || raw[0] != VERSION {
            return Err(Fault::Form);
        }
        let number = |at: usize| raw[at..at + 8].try_into().map(u64::from_le_bytes);
        Ok(Self {
            sequence: number(1).map_err(|_| Fault::Form)?,
            keys: number(9).map_err(|_| Fault::Form)?,
            fingerprint: Fingerprint(u128::from_le_bytes(
                raw[17..].try_into().map_err(|_| Fault::Form)?,
            )),
        })
    }
}

/// A key of the port as it lies in the tree.
pub(crate) fn tree_key(key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(1 + key.len());
    full.push(USER);
    full.extend_from_slice(key);
    full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_and_another_form_is_refused() {
        let record = Record {
            sequence: 7,
            keys: 3,
            fingerprint: Fingerprint(u128::MAX - 1),
        };
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        assert!(Record::decode(&record.encode()[1..]).is_err());
        assert!(Record::decode(&[9; BYTES]).is_err());
    }
}
